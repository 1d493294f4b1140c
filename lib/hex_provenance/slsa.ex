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
