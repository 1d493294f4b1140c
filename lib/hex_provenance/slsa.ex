defmodule HexProvenance.Slsa do
  @moduledoc """
  SLSA provenance: what was built, from what, by whom, at which level of the build track, and whether that meets what is
  expected.

      {:ok, evidence} = HexProvenance.Sigstore.verify(bundle, {:file, "app.tar"}, identity: :unchecked)

      {:ok, judgement} =
        HexProvenance.Slsa.judge(evidence,
          expect: %{source: "https://github.com/me/app", version: "1.2.3", min_level: 2}
        )

      {:ok, %HexProvenance.Slsa.Judgement{level: level}} = HexProvenance.Slsa.enforce(judgement)

  Nothing that a provenance says of itself is believed: every field that the signer's certificate states too is compared
  with it, and levels come from a table of builders. Signed by whom is thus judged here: an identity need not be expected
  before.

  What could not be evaluated is `{:error, %HexProvenance.Error{}}`; what was evaluated and refused is a judgement with
  `refusals`. `enforce/1` makes errors of both, so that a caller fails closed.

  ## Options

    * `:expect` - a map of what must be so: `:source` (a repository's URL, however it is written), `:source_id`,
      `:owner_id`, `:refs`, `:branch`, `:tag`, `:version` (with `:version_tag`, such as `"app-{version}"`), `:commit`,
      `:workflow`, `:signer`, `:signer_digest`, `:issuer`, `:triggers`, `:runner_environment`, `:environment`,
      `:visibility`, `:build_types`, `:builder`, `:inputs`, `:only_these_inputs`, `:unrecognised` (`:refuse` or `:report`)
      and `:min_level`. Texts are compared exactly, or by `{:pattern, string}` as in `HexProvenance.Sigstore`. By default
      nothing is expected, except that external parameters which nobody knows are refused.
    * `:builders` - rows beside the well-known ones (`builders/0` shows their shape), or `{:only, rows}`
    * `:build_types` - maps of `:uri` and `:dialect` beside the well-known build types, or `{:only, rows}`
    * `:limits` - a map of how much is read, by the names in `default_options/0`
  """

  alias HexProvenance.{Error, Evidence, Term}
  alias HexProvenance.Slsa.Judgement

  @type options :: keyword() | map()
  @type build_record :: :hex_provenance_slsa.build_record()
  @type change :: %{field: atom(), was: String.t() | nil, is: String.t() | nil}

  @doc """
  Judges the statement of a verified bundle.

  Errors, when it could not be evaluated: `:statement_invalid`, `:predicate_unsupported`, `:predicate_invalid`,
  `:subject_absent`, `:input_too_large`, `:malformed`, `:option_invalid`, `:name_confusable`.
  """
  @spec judge(Evidence.t(), options()) :: {:ok, Judgement.t()} | {:error, Error.t()}
  def judge(%Evidence{} = evidence, options \\ []) do
    Term.answer(:hex_provenance_slsa.judge(evidence, Term.options(options)), &Judgement.from_term/1)
  end

  @doc """
  The judgement if nothing is refused, else the refusals as an error.
  """
  @spec enforce(Judgement.t()) :: {:ok, Judgement.t()} | {:error, Error.t()}
  def enforce(%Judgement{refusals: []} = judgement), do: {:ok, judgement}
  def enforce(%Judgement{refusals: [refusal]}), do: {:error, refusal}

  def enforce(%Judgement{refusals: [first | others]}) do
    {:error, %{first | details: Map.put(first.details, :also, others)}}
  end

  @doc """
  As `enforce/1`, but returns the judgement alone or raises `HexProvenance.Error`.
  """
  @spec enforce!(Judgement.t()) :: Judgement.t()
  def enforce!(judgement), do: Term.unwrap!(enforce(judgement))

  @doc """
  Verifies a bundle, judges what it states, and refuses what is not as expected.

  `sigstore_options` are those of `HexProvenance.Sigstore.verify/3`. Who signed is judged by the table of builders; by
  default any identity will do there, of the public-good instance or GitHub's own.
  """
  @spec verify(binary(), HexProvenance.Sigstore.artifact(), HexProvenance.Sigstore.options(), options()) ::
          {:ok, %{evidence: Evidence.t(), judgement: Judgement.t()}} | {:error, Error.t()}
  def verify(bundle, artifact, sigstore_options, options) do
    answer = :hex_provenance_slsa.verify(bundle, artifact, Term.options(sigstore_options), Term.options(options))

    Term.answer(answer, fn %{evidence: evidence, judgement: judgement} ->
      %{evidence: Evidence.from_term(evidence), judgement: Judgement.from_term(judgement)}
    end)
  end

  @doc """
  What to remember of an accepted build, to compare later ones with: trust on first use.

  Errors: the refusals, when it was not accepted.
  """
  @spec record(Judgement.t()) :: {:ok, build_record()} | {:error, Error.t()}
  def record(%Judgement{} = judgement) do
    with {:ok, %Judgement{record: record}} <- enforce(judgement), do: {:ok, record}
  end

  @doc """
  What differs in a later build from what was recorded: `[]` when nothing does.

  A level that rose is no change. The signer's commit is one only where the same tag stands for another: releases move on,
  tags do not.
  """
  @spec changes(build_record(), Judgement.t()) :: {:ok, [change()]} | {:error, Error.t()}
  def changes(record, %Judgement{record: later}) do
    Term.answer(:hex_provenance_slsa.changes(record, %{record: later}), fn changes ->
      Enum.map(changes, &Term.with_nils/1)
    end)
  end

  @doc """
  A record as the option `:expect` for later builds.
  """
  @spec expectations(build_record()) :: {:ok, map()} | {:error, Error.t()}
  def expectations(record), do: Term.answer(:hex_provenance_slsa.expectations(record), & &1)

  @doc """
  A verification summary (VSA v1) of what `judge/2` finds, as an unsigned statement (JSON), to be signed with
  `HexProvenance.Sigstore.sign/2`. Where anything is refused it says so: `FAILED`.

  `about` is a map of `:verifier` (its id), `:resource_uri`, `:policy` (a map of `:uri` and `:digests`), and optionally
  `:verifier_version`, `:time_verified` (RFC 3339), `:input_attestations` and `:carried`, results of other tracks.
  """
  @spec summarise(Evidence.t(), options(), map()) :: {:ok, String.t()} | {:error, Error.t()}
  def summarise(%Evidence{} = evidence, options, about) do
    Term.answer(:hex_provenance_slsa.summarise(evidence, Term.options(options), about), & &1)
  end

  @doc """
  Verifies the verification summary that a verified bundle holds.

  `expected` is a map of `:verifiers` (each of `:id` with `:signer` and `:issuer`, or `:key`), `:resource_uri` and
  `:levels`, such as `["SLSA_BUILD_LEVEL_2"]`. The result is as `t::hex_provenance_slsa.summary/0`, with
  `HexProvenance.Error`s as `refusals`.
  """
  @spec verify_summary(Evidence.t(), map()) :: {:ok, map()} | {:error, Error.t()}
  def verify_summary(%Evidence{} = evidence, expected) do
    Term.answer(:hex_provenance_slsa.verify_summary(evidence, expected), fn summary ->
      %{
        Term.with_nils(summary)
        | policy: Term.with_nils(summary.policy),
          input_attestations: Enum.map(summary.input_attestations, &Term.with_nils/1),
          refusals: Enum.map(summary.refusals, &Error.from_term/1)
      }
    end)
  end

  @doc """
  The provenance of a CI job as an unsigned statement (JSON), written from the claims of its identity token (a decoded map)
  and from nothing else.

  `production` is a map of `:subjects` (maps of `:name` and `:digests`) and optionally `:build_type` with `:inputs`, and
  `:unverified`. Errors: `:token_claim_invalid`, `:option_invalid`, `:statement_invalid`.
  """
  @spec provenance(:github | :gitlab, map(), map()) :: {:ok, String.t()} | {:error, Error.t()}
  def provenance(platform, claims, production) do
    Term.answer(:hex_provenance_slsa.provenance(platform, claims, production), & &1)
  end

  @doc """
  The builders that are known without being told, each with its reason and source.
  """
  @spec builders() :: {:ok, [map()]} | {:error, Error.t()}
  def builders do
    Term.answer(:hex_provenance_slsa.builders(), fn rows -> Enum.map(rows, &Term.with_nils/1) end)
  end

  @doc """
  Reads an in-toto statement (JSON), strictly. Nothing in it is verified.
  """
  @spec statement(binary()) :: {:ok, map()} | {:error, Error.t()}
  def statement(json) do
    Term.answer(:hex_provenance_slsa.statement(json), fn statement ->
      %{statement | subjects: Enum.map(statement.subjects, &Term.with_nils/1)}
    end)
  end

  @doc """
  What is used for options that are not given.
  """
  @spec default_options() :: map()
  defdelegate default_options, to: :hex_provenance_slsa
end
