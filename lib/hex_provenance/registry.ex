defmodule HexProvenance.Registry do
  @moduledoc """
  Registry attestations: what a Hex registry says happened to a package, signed.

      {:ok, %{statement: statement}} =
        HexProvenance.Registry.statement(%{
          event: :publish,
          package: "phoenix",
          version: "1.8.1",
          digest: {:sha256, :crypto.hash(:sha256, tarball)},
          event_id: "release-42-publish",
          occurred_at: DateTime.utc_now(),
          actor: %{kind: :user, id: "chrismccord"}
        })

      {:ok, %HexProvenance.Registry.Signed{bundle: bundle}} = HexProvenance.Registry.sign(statement, key: key)

      {:ok, %HexProvenance.Registry.Attestation{event: :publish}} =
        HexProvenance.Registry.verify(bundle, {:bytes, tarball},
          keys: [%{pem: registry_key}],
          package: "phoenix",
          version: "1.8.1"
        )

  An event becomes an in-toto statement in canonical JSON, whose predicate type names the event. There is one reader for
  events that a registry gives and for statements that somebody signed: it takes nothing that it does not know, and
  package, version and repository must be the same wherever they stand.

  ## Events

  Every event is a map of `:event` (`:publish`, `:provenance`, `:unpublish`, `:retire`, `:unretire`, `:vulnerability`,
  `:vex`, `:owners`, `:publishers` or `:package`), `:event_id` (unique, at most 64 printable ASCII characters),
  `:occurred_at` (a `DateTime`, Unix seconds, or RFC 3339 in UTC), `:package`, and `:actor`: `%{kind: :user, id: handle}`,
  `%{kind: :system}`, or `%{kind: :oidc, issuer: url}` with the claims `:repository`, `:workflow`, `:ref` and
  `:environment`. Nobody is known by an e-mail or another address: such an event is refused. Beside these:

    * `:publish` - `:version`, `:digest` (`{:sha256, digest}` of the whole tarball), `:provenance`: a list of maps of
      `:predicate_type`, `:bundle` (its digest), and the hints `:builder`, `:source` and `:level`; and `:replaces`, the
      digest of the bytes that were there before
    * `:provenance` - `:version`, `:digest` and `:provenance`
    * `:unpublish` - `:version`, `:digest` and `:reason`, a text
    * `:retire` - `:version`, `:digest`, `:reason` (`:other`, `:invalid`, `:security`, `:deprecated` or `:renamed`) and
      `:message`; `:unretire` likewise
    * `:vulnerability` - `:releases`: a list of maps of `:version` and `:digest`; `:advisory`: a map of `:id`, `:aliases`,
      `:source`, `:modified` and `:digest`; and `:state` (`:published` or `:withdrawn`)
    * `:vex` - `:releases`; `:document`: a map of `:format` (`:openvex`, `:csaf` or `:cyclonedx`), `:id`, `:version`,
      `:digest` and `:url`; and `:statements`: a map of each vulnerability's status
    * `:owners` - `:action` (`:add`, `:remove`, `:transfer` or `:update`), `:owner`, `:level` (`:full` or `:maintainer`)
      and `:owners`, all of them afterwards
    * `:publishers` - `:action` (`:add` or `:remove`), `:publisher` (a map of `:issuer` and `:claims`) and `:publishers`,
      all of them afterwards
    * `:package` - `:action` (`:created` or `:deleted`) and `:owner`

  ## Options

  For making statements:

    * `:prefix` - what predicate types begin with, by default `"https://hex.pm/attestation"`
    * `:registry` and `:repository` - what events say that do not say so themselves: by default `"https://hex.pm"` and
      `"hexpm"`. A repository is `"hexpm"`, an organisation's name, or the https URL of another repository.

  For reading them, each of which must hold: `:prefix`, `:event` (or a list of them), `:event_id`, `:package` (a package URL
  without a version, or the name of a package in hex.pm's public repository), `:version` and `:registry`.
  """

  alias HexProvenance.{Error, Evidence, Term}
  alias HexProvenance.Registry.{Attestation, Signed}

  @type event :: map()
  @type options :: keyword() | map()
  @type unsigned :: :hex_provenance_registry.unsigned()

  @doc """
  The statement of an event, to be signed. The same event gives the same bytes.

  The result is a map of `statement` and of what the log repeats of it, `t::hex_provenance_registry.unsigned/0`, to be
  handed on to the log as it is: what is absent in it is `:undefined`.

  Errors: `:event_invalid`, `:input_too_large`, `:option_invalid`.
  """
  @spec statement(event(), options()) :: {:ok, unsigned()} | {:error, Error.t()}
  def statement(event, options \\ []) do
    Term.answer(:hex_provenance_registry.statement(with_seconds(event), Term.options(options)), & &1)
  end

  @doc """
  As `statement/2`, but returns the statement's map alone or raises `HexProvenance.Error`.
  """
  @spec statement!(event(), options()) :: unsigned()
  def statement!(event, options \\ []), do: Term.unwrap!(statement(event, options))

  @doc """
  The statement of an event in JSON, as text or decoded: the predicate's fields in their own spelling (`eventId`), beside
  them `event`, and `digest` as `{"sha256": hex}`.
  """
  @spec statement_from_json(binary() | map(), options()) :: {:ok, unsigned()} | {:error, Error.t()}
  def statement_from_json(event, options \\ []) do
    Term.answer(:hex_provenance_registry.statement_from_json(event, Term.options(options)), & &1)
  end

  @doc """
  The statements of a whole request (JSON), `{"events": [..]}` with at most 100 of them: of all or of none.
  """
  @spec statements_from_json(binary(), options()) :: {:ok, [unsigned()]} | {:error, Error.t()}
  def statements_from_json(request, options \\ []) do
    Term.answer(:hex_provenance_registry.statements_from_json(request, Term.options(options)), & &1)
  end

  @doc """
  Signs a statement that `statement/2` made.

  The options are those of `HexProvenance.Sigstore.sign/2`, and `:prefix`. What is not the statement of an event is not
  signed.
  """
  @spec sign(binary(), options()) :: {:ok, Signed.t()} | {:error, Error.t()}
  def sign(statement, options) do
    Term.answer(:hex_provenance_registry.sign(statement, Term.options(options)), fn signed ->
      Map.merge(%Signed{}, %{signed | evidence: Evidence.from_term(signed.evidence)})
    end)
  end

  @doc """
  As `sign/2`, but returns what was signed alone or raises `HexProvenance.Error`.
  """
  @spec sign!(binary(), options()) :: Signed.t()
  def sign!(statement, options), do: Term.unwrap!(sign(statement, options))

  @doc """
  The envelope of a bundle in canonical form, as the log names it, and its parts: a map of `envelope`, `statement`,
  `signature` and `digest`. Nothing of it is verified.
  """
  @spec envelope(binary()) :: {:ok, :hex_provenance_registry.envelope()} | {:error, Error.t()}
  def envelope(bundle), do: Term.answer(:hex_provenance_registry.envelope(bundle), & &1)

  @doc """
  The bundle (JSON) of a statement and its signature by a key that verifiers know by `hint`: by default that is the base64
  form of the SHA-256 of its SubjectPublicKeyInfo.
  """
  @spec bundle(binary(), binary(), String.t()) :: {:ok, String.t()} | {:error, Error.t()}
  def bundle(statement, signature, hint) do
    Term.answer(:hex_provenance_registry.bundle(statement, signature, hint), & &1)
  end

  @doc """
  Verifies a bundle, and reads what the registry attests in it.

  The artifact is as for `HexProvenance.Sigstore.verify/3`, or `:any`: whatever the attestation is about, for events of a
  whole package and for whoever has no tarball at hand. The options are those for reading, and those of
  `HexProvenance.Sigstore.verify/3`: the registry's `:keys`, or the `:identity` of one that signs keyless. With keys,
  `:trust` is `:none` by default and `:untimed` is `true`: a registry's log dates its attestations, by index.

  Errors: those of `HexProvenance.Sigstore.verify/3`; `:statement_invalid` when it is not a statement of an event;
  `:event_refused` when it is of another event or package than expected; `:bundle_unsupported` when the bundle is not of
  version 0.3.
  """
  @spec verify(binary(), HexProvenance.Sigstore.artifact() | :any, options()) ::
          {:ok, Attestation.t()} | {:error, Error.t()}
  def verify(bundle, artifact, options) do
    Term.answer(:hex_provenance_registry.verify(bundle, artifact, Term.options(options)), &Attestation.from_term/1)
  end

  @doc """
  As `verify/3`, but returns the attestation alone or raises `HexProvenance.Error`.
  """
  @spec verify!(binary(), HexProvenance.Sigstore.artifact() | :any, options()) :: Attestation.t()
  def verify!(bundle, artifact, options), do: Term.unwrap!(verify(bundle, artifact, options))

  @doc """
  Reads a statement whose signature was verified elsewhere, such as by the log's client.
  """
  @spec read(binary(), options()) :: {:ok, Attestation.t()} | {:error, Error.t()}
  def read(statement, options \\ []) do
    Term.answer(:hex_provenance_registry.read(statement, Term.options(options)), &Attestation.from_term/1)
  end

  @doc """
  What `statement/2` uses for options that are not given.
  """
  @spec default_options() :: map()
  defdelegate default_options, to: :hex_provenance_registry

  defp with_seconds(%{occurred_at: %DateTime{} = at} = event) do
    %{event | occurred_at: DateTime.to_unix(at)}
  end

  defp with_seconds(event), do: event
end
