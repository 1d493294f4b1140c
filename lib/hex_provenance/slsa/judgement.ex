defmodule HexProvenance.Slsa.Judgement do
  @moduledoc """
  What a provenance says, how far that can be believed, and what is refused.

    * `accepted` - whether nothing is refused
    * `level` - 0 to 3, of SLSA's build track; `reasons` say for each requirement whether it is met and why, and
      `builder_row` which row of the builder table decided
    * `predicate_type`, `build_type`, `dialect` - what was read, and how
    * `builder` - `builder.id`; `builder_vouched` - whether the signer may speak for it
    * `source`, `ref`, `commit`, `workflow`, `trigger`, `invocation` - as the certificate says, else as the provenance
      says: then their fields are among `unverified`
    * `signer`, `issuer`, `runner_environment` - who signed, who vouches for that, and where the job that signed ran
    * `subjects` and `dependencies` - maps of `name`, `uri` and `digests`
    * `inputs` and `external_parameters` - what outsiders had a say in
    * `metadata` - what the builder says of the run: `invocation_id`, `started_on`, `finished_on`
    * `confirmed` and `unverified` - the fields that a claim of the certificate confirms, and those that none does
    * `unrecognised` - external parameters that the build type does not define
    * `refusals` - each a `HexProvenance.Error`, the most useful first
    * `record` - what the build looks like: for `HexProvenance.Slsa.record/1` and `HexProvenance.Slsa.changes/2`
  """

  alias HexProvenance.{Error, Term}

  defstruct [
    :accepted,
    :level,
    :predicate_type,
    :build_type,
    :dialect,
    :builder,
    :builder_vouched,
    :source,
    :ref,
    :commit,
    :workflow,
    :trigger,
    :invocation,
    :signer,
    :issuer,
    :runner_environment,
    :subjects,
    :inputs,
    :external_parameters,
    :dependencies,
    :metadata,
    :builder_row,
    :reasons,
    :confirmed,
    :unverified,
    :unrecognised,
    :refusals,
    :record
  ]

  @type resource :: %{name: String.t() | nil, uri: String.t() | nil, digests: %{optional(String.t()) => String.t()}}

  @type t :: %__MODULE__{
          accepted: boolean(),
          level: 0..3,
          predicate_type: String.t(),
          build_type: String.t(),
          dialect: :hex_provenance_slsa.dialect() | nil,
          builder: String.t(),
          builder_vouched: boolean(),
          source: String.t() | nil,
          ref: String.t() | nil,
          commit: String.t() | nil,
          workflow: String.t() | nil,
          trigger: String.t() | nil,
          invocation: String.t() | nil,
          signer: String.t() | nil,
          issuer: String.t() | nil,
          runner_environment: String.t() | nil,
          subjects: [resource()],
          inputs: %{optional(String.t()) => :hex_provenance_sigstore.json()},
          external_parameters: %{optional(String.t()) => :hex_provenance_sigstore.json()},
          dependencies: [resource()],
          metadata: %{
            invocation_id: String.t() | nil,
            started_on: String.t() | nil,
            finished_on: String.t() | nil
          },
          builder_row: String.t() | nil,
          reasons: [:hex_provenance_slsa.reason()],
          confirmed: [String.t()],
          unverified: [String.t()],
          unrecognised: [String.t()],
          refusals: [Error.t()],
          record: HexProvenance.Slsa.build_record()
        }

  @doc false
  @spec from_term(:hex_provenance_slsa.judgement()) :: t()
  def from_term(judgement) do
    Map.merge(%__MODULE__{}, %{
      Term.with_nils(judgement)
      | subjects: Enum.map(judgement.subjects, &Term.with_nils/1),
        dependencies: Enum.map(judgement.dependencies, &Term.with_nils/1),
        metadata: Term.with_nils(judgement.metadata),
        refusals: Enum.map(judgement.refusals, &Error.from_term/1)
    })
  end
end
