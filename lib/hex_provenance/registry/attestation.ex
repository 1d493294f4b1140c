defmodule HexProvenance.Registry.Attestation do
  @moduledoc """
  What a registry attests: one event of one package.

    * `event` - its name; `event_id` - its own id
    * `occurred_at` - when, RFC 3339 in UTC; `time` - the same in Unix seconds
    * `registry` - the registry's URL; `repository` - `"hexpm"`, an organisation or another repository's URL
    * `package` - a package URL without a version; `name` - the name in it
    * `version` - the only version that the event is about, or `nil`
    * `actor` - who did it: `kind`, and `id` or the claims `issuer`, `repository`, `workflow`, `ref` and `environment`
    * `releases` - the releases that it is about: `version` and `digest`
    * `subjects` - the SHA-256 values that it is about: of tarballs, or of the state of the whole package
    * `linked` - the SHA-256 values of the bundles that it links
    * `details` - what else it says, by the names that `HexProvenance.Registry` takes
    * `statement` - the bytes that were signed
    * `evidence` - the `HexProvenance.Evidence` of the signature, or `nil` when it was verified elsewhere
  """

  alias HexProvenance.{Evidence, Term}

  defstruct [
    :event,
    :event_id,
    :occurred_at,
    :time,
    :registry,
    :repository,
    :package,
    :name,
    :version,
    :actor,
    :releases,
    :subjects,
    :linked,
    :details,
    :statement,
    :evidence
  ]

  @type t :: %__MODULE__{
          event: :hex_provenance_registry.event_name(),
          event_id: String.t(),
          occurred_at: String.t(),
          time: non_neg_integer(),
          registry: String.t(),
          repository: String.t(),
          package: String.t(),
          name: String.t(),
          version: String.t() | nil,
          actor: %{
            kind: :user | :oidc | :system,
            id: String.t() | nil,
            issuer: String.t() | nil,
            repository: String.t() | nil,
            workflow: String.t() | nil,
            ref: String.t() | nil,
            environment: String.t() | nil
          },
          releases: [:hex_provenance_registry.release()],
          subjects: [<<_::256>>],
          linked: [<<_::256>>],
          details: map(),
          statement: String.t(),
          evidence: Evidence.t() | nil
        }

  @doc false
  @spec from_term(:hex_provenance_registry.attestation()) :: t()
  def from_term(attestation) do
    read = Map.merge(%__MODULE__{}, Term.with_nils(attestation))
    evidence = read.evidence && Evidence.from_term(read.evidence)
    %{read | actor: Term.with_nils(read.actor), details: details(read.details), evidence: evidence}
  end

  defp details(%{provenance: links} = details) do
    %{Term.with_nils(details) | provenance: Enum.map(links, &Term.with_nils/1)}
  end

  defp details(details), do: Term.with_nils(details)

  # The statement says all of it once more, and is long.
  defimpl Inspect do
    def inspect(%{event: event, package: package, version: version, evidence: evidence}, _options) do
      verified = if evidence, do: "verified", else: "read"
      about = Enum.join(List.wrap(package) ++ List.wrap(version), " ")
      "#HexProvenance.Registry.Attestation<#{event} #{about}, #{verified}>"
    end
  end
end
