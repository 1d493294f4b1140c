defmodule HexProvenance.Log.Trust do
  @moduledoc """
  Whom to believe about one log: a trust file, prepared. Immutable and cheap to send to other processes.

      {:ok, trust} = HexProvenance.Log.Trust.load({:file, "hex.pm.trust.json"})
  """

  alias HexProvenance.{Error, Term}

  @enforce_keys [:handle]
  defstruct [:handle]

  @opaque t :: %__MODULE__{handle: :hex_provenance_log.trust()}
  @type source :: {:json, binary()} | {:file, Path.t()}

  @doc """
  Reads and prepares a trust file.
  """
  @spec load(source()) :: {:ok, t()} | {:error, Error.t()}
  def load(source), do: Term.answer(:hex_provenance_log.trust(source), &from_term/1)

  @doc """
  As `load/1`, but raises `HexProvenance.Error`.
  """
  @spec load!(source()) :: t()
  def load!(source), do: Term.unwrap!(load(source))

  @doc """
  What is trusted: to show, and to compare fingerprints (`key_id`, the SHA-256 of the key) with.
  """
  @spec info(t()) :: {:ok, map()} | {:error, Error.t()}
  def info(%__MODULE__{handle: handle}) do
    Term.answer(:hex_provenance_log.trust_info(handle), fn info ->
      %{info | keys: Enum.map(info.keys, &Term.with_nils/1)}
    end)
  end

  @doc """
  The trust file again, in a stable form for people to review.
  """
  @spec to_json(t()) :: {:ok, String.t()} | {:error, Error.t()}
  def to_json(%__MODULE__{handle: handle}), do: Term.answer(:hex_provenance_log.trust_json(handle), & &1)

  @doc false
  @spec from_term(:hex_provenance_log.trust()) :: t()
  def from_term(handle), do: %__MODULE__{handle: handle}

  defimpl Inspect do
    def inspect(trust, _options) do
      case HexProvenance.Log.Trust.info(trust) do
        {:ok, %{origin: origin, keys: keys}} -> "#HexProvenance.Log.Trust<#{origin}, #{length(keys)} keys>"
        {:error, _} -> "#HexProvenance.Log.Trust<>"
      end
    end
  end
end
