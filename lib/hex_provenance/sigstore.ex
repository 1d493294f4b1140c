defmodule HexProvenance.Sigstore do
  @moduledoc """
  Sigstore bundles: verifies who signed an artifact, when, and what the signature says about it; and signs.

      {:ok, evidence} =
        HexProvenance.Sigstore.verify(File.read!("app.tar.gz.sigstore.json"), {:file, "app.tar.gz"},
          identity: %{
            san: {:pattern, "https://github.com/me/app/.github/workflows/release.yml@refs/tags/**"},
            issuer: "https://token.actions.githubusercontent.com"
          }
        )

      evidence.signer.identity

  Bundles of version 0.1, 0.2 and 0.3 verify, with message signatures or DSSE envelopes, from Rekor v1 or v2, with or
  without RFC 3161 timestamps, signed keyless or with a key of the caller's. Nothing here uses the network but
  `sign/2`; see `HexProvenance.TrustRoot.refresh/2` too.

  A bad argument is answered like bad input: with `{:error, %HexProvenance.Error{code: :option_invalid}}`.

  ## Options of a verification

    * `:identity` - who must have signed: a map with at least one of `:san`, `:issuer` and `:claims` (a map by claim
      name), or a list of such maps of which any may match. All that one map states must match. Required, unless `:keys`
      is given; `:unchecked` says by name that any signer will do.
    * `:keys` - public keys the caller trusts: maps with `:pem` or `:der` and optionally `:hint`, `:valid_from` and
      `:valid_to` (Unix seconds, inclusive). Not together with `:identity`.
    * `:trust` - a `HexProvenance.TrustRoot`, anything `HexProvenance.TrustRoot.load/1` takes, a list of these (the
      authority that issued the certificate selects one; they are never pooled), or `:none` to use keys only. By default
      `:public_good`.
    * `:untimed` - whether a key's signature may go undated by any log or timestamp. By default `false`.
    * `:thresholds` - a map of how many `:log_entries`, `:timestamps` and `:scts` (0 to 16) are needed, instead of what
      the trust root says; what it leaves out is 1, 0 and 1. Whatever it states, a certificate's signature needs a
      verified time.
    * `:limits` - a map of how much input is accepted, by the names in `default_options/0`.

  What an identity states is compared with the whole text: exactly when it is a string, or by a `{:pattern, string}` in
  which `*` stands for any run of characters without `/` and `@`, `**` for any run without `@`, and `\\` takes the next
  character literally. There are no regular expressions.
  """

  alias HexProvenance.Error
  alias HexProvenance.Evidence
  alias HexProvenance.Term

  defmodule Signed do
    @moduledoc """
    What signing made: a `bundle` of version 0.3 (JSON), and the `HexProvenance.Evidence` of its verification.
    """
    @enforce_keys [:bundle, :evidence]
    defstruct [:bundle, :evidence]

    @type t :: %__MODULE__{bundle: String.t(), evidence: HexProvenance.Evidence.t()}
  end

  @type artifact :: :hex_provenance_sigstore.artifact()
  @type payload :: :hex_provenance_sigstore.payload()
  @type options :: keyword() | map()

  @doc """
  Verifies that `bundle` (JSON) is a signature on `artifact` by somebody the options accept.

  The artifact is `{:bytes, binary}`, `{:file, path}` (read in chunks) or `{:digest, :sha256 | :sha384 | :sha512, raw}`.
  """
  @spec verify(binary(), artifact(), options()) :: {:ok, Evidence.t()} | {:error, Error.t()}
  def verify(bundle, artifact, options) do
    answer(:hex_provenance_sigstore.verify(bundle, artifact, Term.options(options)))
  end

  @doc """
  As `verify/3`, but returns the evidence alone or raises `HexProvenance.Error`.
  """
  @spec verify!(binary(), artifact(), options()) :: Evidence.t()
  def verify!(bundle, artifact, options), do: Term.unwrap!(verify(bundle, artifact, options))

  @doc """
  Verifies many bundles at once, on as many cores as there are; the results are in the order of the items.

  A bundle that does not verify fails alone. Options that are not valid fail every item. The workers end with their
  caller, whatever ends it.
  """
  @spec verify_many([{binary(), artifact()}], options()) :: [{:ok, Evidence.t()} | {:error, Error.t()}]
  def verify_many(items, options) do
    :hex_provenance_sigstore.verify_many(items, Term.options(options), &answer/1)
  end

  @doc """
  Signs, and verifies what came of it before anybody sees it.

  The payload is an artifact as for `verify/3` (by digest only with an ECDSA key, and the digest that key signs: keyless
  and P-256 `:sha256`, P-384 `:sha384`), or `{:statement, json}`: an in-toto statement, signed byte for byte. The caller
  waits; the work ends with the caller. Neither token nor key is ever in an error.

  Options. Who signs is one of the first three:

    * `:token` - keyless, in the name that an identity token (OpenID Connect) claims: the token, a function that returns
      it, `{:environment, name}`, or by default `:environment`: found in CI, in `SIGSTORE_ID_TOKEN` or asked of GitHub
      Actions. GitLab jobs name a variable in `id_tokens`.
    * `:key` - a `HexProvenance.SigningKey`, or what `HexProvenance.SigningKey.load/1` takes
    * `:external_key` - a key in a KMS or HSM: a map of the public key (`:pem` or `:der`) and `:sign`, a function that gets
      `{:digest, algorithm, digest}` (ECDSA) or `{:message, bytes}` (Ed25519) and returns `{:ok, signature}` or
      `{:error, reason}`. It runs in a process of its own.
    * `:services` - whose Fulcio, Rekor and timestamp authorities sign: `:public_good` (by default with a token),
      `:staging`, a signing config as `{:json, binary}` or `{:file, path}`, or `:none` (by default with a key)
    * `:trust` - what the result is verified against, by default the root that belongs to `:services`
    * `:log` - `:chosen` by the signing config, `{:version, 1 | 2}` of Rekor, or `:none`
    * `:timestamps` - whether to get them, by default `true`
    * `:identity` - whom the certificate must name, instead of what the token claims
    * `:audience` - whom the token must be for, by default `"sigstore"`
    * `:hint` - how the bundle names the key
    * `:timeout` - milliseconds for all of it, by default 60000
    * `:limits` - as for `verify/3`
    * `:ca_files`, `:proxy` - as for `HexProvenance.TrustRoot.refresh/2`
  """
  @spec sign(payload(), options()) :: {:ok, Signed.t()} | {:error, Error.t()}
  def sign(payload, options) do
    Term.answer(:hex_provenance_sigstore.sign(payload, Term.options(options)), fn %{bundle: bundle, evidence: evidence} ->
      %Signed{bundle: bundle, evidence: Evidence.from_term(evidence)}
    end)
  end

  @doc """
  As `sign/2`, but returns what was signed alone or raises `HexProvenance.Error`.
  """
  @spec sign!(payload(), options()) :: Signed.t()
  def sign!(payload, options), do: Term.unwrap!(sign(payload, options))

  @doc """
  What `verify/3` uses for options that are not given.
  """
  @spec default_options() :: map()
  defdelegate default_options, to: :hex_provenance_sigstore

  defp answer(answer), do: Term.answer(answer, &Evidence.from_term/1)
end
