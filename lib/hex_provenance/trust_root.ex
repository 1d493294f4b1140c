defmodule HexProvenance.TrustRoot do
  @moduledoc """
  Whose certificates and logs count: the prepared trust root of a Sigstore instance.

  Prepared once it serves any number of verifications in any number of processes; it is immutable and cheap to send.

      {:ok, root} = HexProvenance.TrustRoot.load({:file, "trusted_root.json"})
      HexProvenance.Sigstore.verify(bundle, artifact, trust: root, identity: identity)
  """

  @enforce_keys [:handle]
  defstruct [:handle]

  @opaque t :: %__MODULE__{handle: :hex_provenance_sigstore.trust_root()}
  @type source :: :hex_provenance_sigstore.trust_source()
  @type repository :: :hex_provenance_sigstore.repository()
  @type info :: %{
          required(:instance) => String.t(),
          required(:source) => :embedded | :tuf | :file,
          required(:sha256) => <<_::256>>,
          required(:as_of) => integer() | nil,
          optional(atom()) => term()
        }

  @doc """
  Prepares a trust root: `:public_good`, `:staging` or `:github`, which come with this library, or a trusted_root.json
  as `{:json, binary}` or `{:file, path}`.
  """
  @spec load(source()) :: {:ok, t()} | {:error, HexProvenance.Error.t()}
  def load(source), do: wrap(:hex_provenance_sigstore.trust_root(source))

  @doc """
  As `load/1`, but raises `HexProvenance.Error`.
  """
  @spec load!(source()) :: t()
  def load!(source), do: HexProvenance.Term.unwrap!(load(source))

  @doc """
  What a trust root is and how old: `as_of` is when the material was last known to be current (Unix seconds), or `nil`.
  """
  @spec info(t()) :: {:ok, info()} | {:error, HexProvenance.Error.t()}
  def info(%__MODULE__{handle: handle}) do
    HexProvenance.Term.answer(:hex_provenance_sigstore.trust_root_info(handle), &HexProvenance.Term.with_nils/1)
  end

  @doc """
  Fetches the newest trust root of a Sigstore instance over the network, by TUF.

  What was verified is kept in a folder that several processes and VMs may share: it survives crashes and is never
  rolled back. The caller waits; the work ends with the caller.

  Options:

    * `:timeout` - milliseconds for all of it, by default 60000
    * `:cache` - the folder to keep verified metadata in, by default what the environment variable
      `HEX_PROVENANCE_CACHE` names, else `${XDG_CACHE_HOME:-~/.cache}/hex_provenance/tuf`; with `:none` nothing is
      remembered, so an older root that is still valid could be served later
    * `:offline` - use what the cache holds, verified again, however old; by default `false`
    * `:ca_files` - PEM files of certificate authorities trusted for TLS besides the platform's, by default the one that
      `HEX_CACERTS_PATH` names
    * `:proxy` - a proxy's URL, `:direct`, or by default what the `:environment` says: `HEX_HTTPS_PROXY`,
      `HEX_HTTP_PROXY`, else `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`. Hosts that `NO_PROXY` names are reached
      without any.
  """
  @spec refresh(repository(), keyword() | :hex_provenance_sigstore.refresh_options()) ::
          {:ok, t()} | {:error, HexProvenance.Error.t()}
  def refresh(repository, options \\ []) do
    wrap(:hex_provenance_sigstore.refresh_trust_root(repository, HexProvenance.Term.options(options)))
  end

  @doc """
  As `refresh/2`, for signers: `{:ok, options}` with the newest `:services` and the `:trust` root that belongs to them,
  for `HexProvenance.Sigstore.sign/2`.
  """
  @spec refresh_services(repository(), keyword() | :hex_provenance_sigstore.refresh_options()) ::
          {:ok, [services: :hex_provenance_sigstore.services(), trust: t()]} | {:error, HexProvenance.Error.t()}
  def refresh_services(repository, options \\ []) do
    answer = :hex_provenance_sigstore.refresh_services(repository, HexProvenance.Term.options(options))

    HexProvenance.Term.answer(answer, fn %{services: services, trust: trust} ->
      [services: services, trust: %__MODULE__{handle: trust}]
    end)
  end

  defp wrap(answer), do: HexProvenance.Term.answer(answer, &%__MODULE__{handle: &1})

  defimpl Inspect do
    def inspect(root, _options) do
      case HexProvenance.TrustRoot.info(root) do
        {:ok, %{instance: instance, source: source}} -> "#HexProvenance.TrustRoot<#{instance}, #{source}>"
        {:error, _} -> "#HexProvenance.TrustRoot<>"
      end
    end
  end
end
