defmodule HexProvenance.Log do
  @moduledoc """
  A registry's transparency log, from the outside: is this entry in it, what does it say of a version, and is anything kept
  back.

      {:ok, trust} = HexProvenance.Log.Trust.load({:file, "hex.pm.trust.json"})

      {:ok, %{state: state}} =
        HexProvenance.Log.check("https://provenance.example", "phoenix", "1.7.0", sha256, trust: trust)

  Whom to trust is in a trust file: the log's name and keys, the registry's keys, each with the entries it counts for, and
  the witnesses. It comes from the caller, never from the service.

  Everything but `fetch/3` and `check/5` is offline. Following a whole log is what `HexProvenance.Log.Monitor` is for.

  ## Options

    * `:trust` - a `HexProvenance.Log.Trust`; needed
    * `:prefix` - what the registry's predicate types begin with, by default hex.pm's
    * `:max_age` - how many seconds old a witness's cosignature may be to count, by default any age; `:now` (Unix seconds)
      is by default the system's time
    * `:package` - the package (a purl) that was asked for: an answer about another one is refused
    * `:withheld` - whether a list is refused (`:refuse`, the default) when an entry in it links a bundle that was not handed
      out with it, or only reports that (`:report`)
  """

  alias HexProvenance.{Error, Term}
  alias HexProvenance.Log.{Event, Trust}

  @type options :: keyword() | map()
  @type hash :: <<_::256>>
  @type item :: :hex_provenance_log.item()
  @type checkpoint :: :hex_provenance_log.checkpoint()
  @type head :: %{seq: non_neg_integer(), index: non_neg_integer(), hash: hash()}
  @type entries :: %{
          package: String.t() | nil,
          version: String.t() | nil,
          digest: hash() | nil,
          items: [Event.t()],
          head: head() | :absent | nil,
          whole: boolean()
        }
  @type answer :: %{
          checkpoint: checkpoint(),
          lists: [entries()],
          linked: %{optional(hash()) => binary()},
          withheld: [%{index: non_neg_integer(), digest: hash()}],
          next_after: non_neg_integer() | nil
        }
  @type state :: %{
          published: %{index: non_neg_integer(), digest: hash()},
          retired: non_neg_integer() | nil,
          provenance: [non_neg_integer()],
          advisories: [non_neg_integer()],
          of_several_versions: [non_neg_integer()]
        }
  @type service :: String.t() | :hex_provenance_log.service()

  @doc """
  Trust after a key change that is in the log: the old key ends at that entry, the new one begins. The item is the entry with
  its proof; both keys must have signed the change.
  """
  @spec rotate(item(), options()) :: {:ok, Trust.t()} | {:error, Error.t()}
  def rotate(item, options), do: Term.answer(:hex_provenance_log.rotate(item, options(options)), &Trust.from_term/1)

  @doc """
  Verifies a checkpoint: the log's name and signature, and the quorum of witnesses.
  """
  @spec verify_checkpoint(binary(), options()) :: {:ok, checkpoint()} | {:error, Error.t()}
  def verify_checkpoint(note, options) do
    Term.answer(:hex_provenance_log.verify_checkpoint(note, options(options)), & &1)
  end

  @doc """
  Verifies one event: that the registry signed its statement, that the leaf repeats it, and that the leaf is in the log that
  the checkpoint is of.

  An item is a map of `:index`, `:leaf`, `:inclusion` (hashes), `:bundle` (a Sigstore bundle, JSON) or `:envelope`, and
  `:checkpoint` (a signed note), or instead of that `:origin`, which names an earlier log that the trust file pins.
  """
  @spec verify_entry(item(), options()) :: {:ok, Event.t()} | {:error, Error.t()}
  def verify_entry(item, options) do
    Term.answer(:hex_provenance_log.verify_entry(item, options(options)), &Event.from_term/1)
  end

  @doc """
  Verifies all that a service answered, given as it came (JSON) or decoded: every bundle and leaf, their places under the
  checkpoint, its signatures, how entries of one package follow each other, and where the package's chain ends.
  """
  @spec verify_list(binary() | map(), options()) :: {:ok, answer()} | {:error, Error.t()}
  def verify_list(answer, options) do
    Term.answer(:hex_provenance_log.verify_list(answer, options(options)), &answer/1)
  end

  @doc """
  Verifies a textual proof (c2sp.org/tlog-proof) that `leaf` is in the log. What the leaf says is not compared with its
  statement: that needs `verify_entry/2`.
  """
  @spec verify_proof(binary(), binary(), options()) ::
          {:ok, %{index: non_neg_integer(), extra: binary() | nil, checkpoint: checkpoint()}} | {:error, Error.t()}
  def verify_proof(text, leaf, options) do
    Term.answer(:hex_provenance_log.verify_proof(text, leaf, options(options)), &Term.with_nils/1)
  end

  @doc """
  What verified entries of a package say of one of its versions.

  `lists` is one list or the pages of one. With `:whole` they must be the package's chain from its first entry to the proven
  head: nothing can be left out. With `:handed_out` they are taken as they are, which is all that one answer about a release
  allows: an entry that was left out is then found by monitors only. `locked` is the SHA-256 that the version must have, or
  `nil`.
  """
  @spec state(entries() | [entries(), ...], String.t(), hash() | nil, :whole | :handed_out) ::
          {:ok, state()} | {:error, Error.t()}
  def state(lists, version, locked, chain \\ :whole) do
    lists = lists |> List.wrap() |> Enum.map(&to_term/1)
    answer = :hex_provenance_log.state(lists, version, without_nil(locked), chain)
    Term.answer(answer, &Term.with_nils/1)
  end

  @doc """
  Asks a service, and verifies what it answers: that, and nothing else, is returned. A package's history comes in as many
  answers as it has pages.

  `asked` is `{:package, name}`, `{:release, name, version}`, `{:digest, sha256}`, or `{:releases, list}` with
  `{name, version, sha256 | nil}` for each release of a lock file.
  """
  @spec fetch(service(), tuple(), options()) :: {:ok, [answer(), ...]} | {:error, Error.t()}
  def fetch(service, asked, options) do
    answer = :hex_provenance_log.fetch(service(service), asked(asked), options(options))
    Term.answer(answer, fn answers -> Enum.map(answers, &answer/1) end)
  end

  @doc """
  Whether a version of a package is, by the log, published with the bytes of the SHA-256 `locked`, and what else is known of
  it. Reads the package's whole history.
  """
  @spec check(service(), String.t(), String.t(), hash() | nil, options()) ::
          {:ok, %{state: state(), checkpoint: checkpoint(), items: [Event.t()]}} | {:error, Error.t()}
  def check(service, package, version, locked, options) do
    answer = :hex_provenance_log.check(service(service), package, version, without_nil(locked), options(options))

    Term.answer(answer, fn checked ->
      %{checked | state: Term.with_nils(checked.state), items: Enum.map(checked.items, &Event.from_term/1)}
    end)
  end

  @doc false
  @spec options(term()) :: term()
  def options(options) do
    case Term.options(options) do
      %{trust: %Trust{handle: handle}} = options -> %{options | trust: handle}
      options -> options
    end
  end

  @doc false
  @spec service(service()) :: term()
  def service(url) when is_binary(url), do: %{url: url}
  def service(service), do: service

  defp asked({:releases, releases}) when is_list(releases) do
    {:releases,
     Enum.map(releases, fn
       {package, version, digest} -> {package, version, without_nil(digest)}
       other -> other
     end)}
  end

  defp asked(asked), do: asked

  defp answer(answer) do
    lists =
      for list <- answer.lists do
        Term.with_nils(%{list | items: Enum.map(list.items, &Event.from_term/1)})
      end

    Term.with_nils(%{answer | lists: lists})
  end

  defp to_term(%{items: items} = list) do
    with_undefined(%{list | items: Enum.map(items, &with_undefined(Map.from_struct(&1)))})
  end

  defp to_term(other), do: other

  defp with_undefined(map), do: :maps.map(fn _, value -> without_nil(value) end, map)

  defp without_nil(nil), do: :undefined
  defp without_nil(value), do: value
end
