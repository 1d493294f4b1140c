%% @doc Sigstore bundles: verifies who signed an artifact, when, and what the signature says about
%% it; and signs.
%%
%% ```
%% {ok, Bundle} = file:read_file("app.tar.gz.sigstore.json"),
%% {ok, #{signer := #{identity := Who}}} =
%%     hex_provenance_sigstore:verify(Bundle, {file, "app.tar.gz"}, #{
%%         identity => #{
%%             san => {pattern, <<"https://github.com/me/app/.github/workflows/*@refs/tags/**">>},
%%             issuer => <<"https://token.actions.githubusercontent.com">>
%%         }
%%     }).
%% '''
%%
%% Bundles of version 0.1, 0.2 and 0.3 verify, with message signatures or DSSE envelopes, from Rekor
%% v1 or v2, with or without RFC 3161 timestamps, signed keyless or with a key of the caller's. All
%% of it is offline, except {@link refresh_trust_root/2} and {@link sign/2}.
%%
%% Nothing here raises on a bad argument or bad input: the answer is `{error, Error}' with `code'
%% `option_invalid', `malformed' or another of {@link hex_provenance_error:catalogue/0}.
-module(hex_provenance_sigstore).

-export([verify/3, verify_many/2, verify_many/3]).
-export([trust_root/1, trust_root_info/1, refresh_trust_root/1, refresh_trust_root/2]).
-export([sign/2, signing_key/1, public_key/1, refresh_services/2]).
-export([bundle_info/1, default_options/0]).

-export_type([
    artifact/0,
    options/0,
    identity/0,
    matcher/0,
    claim/0,
    key/0,
    thresholds/0,
    limits/0,
    trust/0,
    trust_root/0,
    trust_source/0,
    trust_root_info/0,
    repository/0,
    refresh_options/0,
    evidence/0,
    signer/0,
    certificate_signer/0,
    key_signer/0,
    verified_time/0,
    log_entry/0,
    checkpoint/0,
    content/0,
    json/0,
    check/0,
    bundle_info/0,
    payload/0,
    sign_options/0,
    sign_request/0,
    external_key/0,
    signing_key/0,
    signing_key_source/0,
    public_key/0,
    services/0,
    signed/0,
    result/0
]).

-type result() :: {ok, evidence()} | {error, hex_provenance_error:error()}.

-type artifact() ::
    {bytes, binary()}
    | {file, file:filename_all()}
    | {digest, sha256 | sha384 | sha512, binary()}.
%% What the bundle should be about: the bytes themselves, a file (read in chunks, by the native
%% library), or a raw digest of 32, 48 or 64 bytes.

-type options() :: #{
    trust => trust(),
    identity => identity() | [identity(), ...] | unchecked,
    keys => [key(), ...],
    untimed => boolean(),
    thresholds => thresholds(),
    limits => limits()
}.
%% <ul>
%% <li>`trust': whose certificates and logs count; by default `public_good'. Of a list the authority
%%     that issued the certificate selects one root: authorities are never pooled. `none': keys
%%     only.</li>
%% <li>`identity': who must have signed; any one of a list. Required unless `keys' is given: without
%%     it the answer is `identity_unstated'. `unchecked' says by name that any signer will do.</li>
%% <li>`keys': public keys the caller trusts, for bundles signed with a key. Not together with
%%     `identity'.</li>
%% <li>`untimed': whether a key's signature may go undated by any log or timestamp; by default
%%     `false'.</li>
%% <li>`thresholds': how much evidence is needed, instead of what the trust root says.</li>
%% <li>`limits': how much input is accepted.</li>
%% </ul>

-type identity() :: #{
    san => matcher(),
    issuer => matcher(),
    claims => #{claim() => matcher()}
}.
%% At least one key; all that are given must match. `san' may match any of the certificate's subject
%% alternative names.

-type matcher() :: binary() | {pattern, binary()}.
%% Compares the whole text: exactly, or by a pattern in which `*' stands for any run of characters
%% without `/' and `@', `**' for any run without `@', and `\' takes the next character literally.
%% There are no regular expressions.

-type claim() ::
    issuer_v1
    | github_workflow_trigger
    | github_workflow_sha
    | github_workflow_name
    | github_workflow_repository
    | github_workflow_ref
    | issuer
    | build_signer_uri
    | build_signer_digest
    | runner_environment
    | source_repository_uri
    | source_repository_digest
    | source_repository_ref
    | source_repository_identifier
    | source_repository_owner_uri
    | source_repository_owner_identifier
    | build_config_uri
    | build_config_digest
    | build_trigger
    | run_invocation_uri
    | source_repository_visibility
    | deployment_environment
    | token_subject.
%% Fulcio's certificate extensions 1.3.6.1.4.1.57264.1.1 to .24 by name.

-type key() :: #{
    pem => binary(),
    der => binary(),
    hint => binary(),
    valid_from => integer(),
    valid_to => integer()
}.
%% A public key as SubjectPublicKeyInfo, in exactly one of `pem' and `der'. With a `hint' it is used
%% for bundles that carry that hint. `valid_from' and `valid_to' (Unix seconds, inclusive) bound the
%% verified times of its signatures.

-type thresholds() :: #{log_entries => 0..16, timestamps => 0..16, scts => 0..16}.
%% How many different transparency logs (with a verified entry), timestamp authorities and
%% certificate transparency logs are needed. What a given map leaves out is as for a root with logs:
%% one log entry, no timestamp, one promise. Whatever is stated, a certificate's signature needs a
%% verified time.

-type limits() :: #{
    bundle_bytes => pos_integer(),
    trust_root_bytes => pos_integer(),
    json_depth => pos_integer(),
    json_values => pos_integer(),
    log_entries => pos_integer(),
    proof_hashes => pos_integer(),
    checkpoint_signatures => pos_integer(),
    timestamps => pos_integer(),
    timestamp_bytes => pos_integer(),
    chain_certificates => pos_integer(),
    certificate_bytes => pos_integer(),
    subjects => pos_integer(),
    message_bytes => pos_integer()
}.
%% {@link default_options/0} has their defaults. `message_bytes' bounds what is held in memory for
%% signature schemes that do not hash first (Ed25519).

-type trust() :: none | trust_root() | trust_source() | [trust_root() | trust_source(), ...].

-opaque trust_root() :: reference().
%% A prepared trust root: immutable, cheap to send to other processes, freed when nobody holds it.

-type trust_source() ::
    public_good | staging | github | {json, binary()} | {file, file:filename_all()}.
%% One of the roots that come with this library, or a trusted_root.json.

-type trust_root_info() :: #{
    instance := binary(),
    source := embedded | tuf | file,
    sha256 := <<_:256>>,
    as_of := integer() | undefined,
    transparency_logs := non_neg_integer(),
    certificate_logs := non_neg_integer(),
    certificate_authorities := non_neg_integer(),
    timestamp_authorities := non_neg_integer()
}.
%% `as_of': when the material was last known to be current (Unix seconds); `undefined' when nobody
%% can tell.

-type repository() ::
    public_good | staging | github | {custom, #{url := binary(), root := binary()}}.
%% A TUF repository: one of those known to this library, or a base URL with the first root.json to
%% trust.

-type refresh_options() :: #{
    timeout => 1..3600000,
    cache => file:filename_all() | none,
    offline => boolean(),
    ca_files => [file:filename_all()],
    proxy => environment | direct | binary()
}.
%% <ul>
%% <li>`timeout': milliseconds for all of it; by default 60000.</li>
%% <li>`cache': the folder to keep verified metadata in; by default what the environment variable
%%     HEX_PROVENANCE_CACHE names, else `${XDG_CACHE_HOME:-~/.cache}/hex_provenance/tuf'. With
%%     `none' nothing is remembered, so an older root that is still valid could be served
%%     later.</li>
%% <li>`offline': use what the cache holds, verified again, however old; by default `false'.</li>
%% <li>`ca_files': PEM files of certificate authorities trusted for TLS besides the platform's; by
%%     default the one that HEX_CACERTS_PATH names.</li>
%% <li>`proxy': a proxy's URL, `direct', or by default what the `environment' says: HEX_HTTPS_PROXY,
%%     HEX_HTTP_PROXY, else HTTPS_PROXY, HTTP_PROXY and ALL_PROXY. Hosts that NO_PROXY names are
%%     reached without any.</li>
%% </ul>

-type evidence() :: #{
    media_type := binary(),
    signer := signer(),
    trust := #{
        instance := binary(),
        source := embedded | tuf | file | none,
        sha256 := <<_:256>> | undefined,
        as_of := integer() | undefined
    },
    transparency := log | none,
    times := [verified_time()],
    ignored_timestamps := non_neg_integer(),
    log_entries := [log_entry()],
    content := content(),
    artifact := #{sha256 => <<_:256>>, sha384 => <<_:384>>, sha512 => <<_:512>>},
    checked := [check()],
    unchecked := [check()]
}.
%% What was found. `times' are sorted, earliest first; `ignored_timestamps' counts those no trusted
%% authority made.

-type signer() :: certificate_signer() | key_signer().

-type certificate_signer() :: #{
    kind := certificate,
    sans := [{uri | email | dns | other_name, binary()}],
    identity := binary(),
    issuer := binary() | undefined,
    claims := #{claim() => binary()},
    unknown_extensions := [binary()],
    certificate := #{
        der := binary(),
        sha256 := <<_:256>>,
        serial := binary(),
        not_before := integer(),
        not_after := integer(),
        key_algorithm := binary(),
        sct_times := [integer()]
    }
}.
%% `identity' is the first of `sans'. Validity is in Unix seconds, `sct_times' in Unix milliseconds,
%% `unknown_extensions' are object identifiers.

-type key_signer() :: #{
    kind := key,
    hint := binary(),
    key_id := <<_:256>>,
    key_algorithm := binary(),
    valid_from := integer() | undefined,
    valid_to := integer() | undefined
}.
%% `key_id' is the SHA-256 of the key's SubjectPublicKeyInfo.

-type verified_time() :: #{
    time := integer(),
    nanos := 0..999999999,
    source := timestamp_authority | log,
    by := binary()
}.
%% A time in Unix seconds and nanoseconds, and who vouches for it.

-type log_entry() :: #{
    log := binary(),
    log_id := binary(),
    index := non_neg_integer(),
    kind := binary(),
    version := binary(),
    integrated_time := integer() | undefined,
    inclusion_promise := boolean(),
    checkpoint := checkpoint() | undefined,
    body := binary()
}.
%% A verified transparency log entry. `integrated_time' (Unix seconds) is there only under a
%% verified promise.

-type checkpoint() :: #{
    origin := binary(),
    size := non_neg_integer(),
    root_hash := <<_:256>>,
    other_signatures := [binary()]
}.
%% `other_signatures' are the names on further signature lines, such as witnesses; they are not
%% verified.

-type content() ::
    message
    | #{
        payload_type := binary(),
        statement_bytes := binary(),
        statement := json(),
        subject := #{
            index := non_neg_integer(),
            name := binary() | undefined,
            digests := #{binary() => binary()}
        }
    }.
%% What was signed: the artifact itself, or an in-toto statement, exactly as signed and decoded,
%% with the subject that is the artifact.

-type json() :: null | boolean() | number() | binary() | [json()] | #{binary() => json()}.

-type check() ::
    signature
    | artifact
    | certificate_chain
    | certificate_validity
    | sct
    | identity
    | issuer
    | claims
    | inclusion_proof
    | checkpoint
    | inclusion_promise
    | log_entry
    | timestamp
    | key_validity.

-type bundle_info() :: #{
    unverified := true,
    media_type := binary(),
    signer := #{
        kind := certificate,
        der := binary(),
        sans := [{uri | email | dns | other_name, binary()}],
        issuer := binary() | undefined,
        claims := #{claim() => binary()}
    } | #{kind := key, hint := binary()},
    log_entries := [#{
        log_id := binary(),
        index := non_neg_integer(),
        kind := binary(),
        version := binary(),
        integrated_time := integer() | undefined
    }],
    timestamps := non_neg_integer(),
    content := #{kind := message, algorithm := sha256 | sha384 | sha512, digest := binary()}
        | #{
            kind := envelope,
            payload_type := binary(),
            statement_bytes := binary(),
            statement := json() | undefined
        }
}.
%% `statement' is there when the payload is an in-toto statement.

-type payload() :: artifact() | {statement, binary()}.
%% What to sign: an artifact (by digest only with an ECDSA key and the digest that key signs:
%% keyless and P-256 sha256, P-384 sha384), or an in-toto statement, which is signed byte for byte.

-type sign_options() :: #{
    token => environment | {environment, string() | binary()} | binary() | fun(() -> binary()),
    key => signing_key() | signing_key_source(),
    external_key => external_key(),
    services => services(),
    trust => trust_root() | trust_source(),
    log => chosen | none | {version, 1 | 2},
    timestamps => boolean(),
    identity => identity() | [identity(), ...],
    audience => binary(),
    hint => binary(),
    limits => limits(),
    timeout => 1..3600000,
    ca_files => [file:filename_all()],
    proxy => environment | direct | binary()
}.
%% Who signs is one of the first three:
%% <ul>
%% <li>`token': keyless, in the name that an identity token (OpenID Connect) claims. By default, and
%%     with `environment', it is found in CI: in SIGSTORE_ID_TOKEN, or asked of GitHub Actions.
%%     GitLab jobs name a variable in `id_tokens'; `{environment, Name}' reads another one than
%%     SIGSTORE_ID_TOKEN. A fun is called for the token, which then stands in no options.</li>
%% <li>`key': a private key, best prepared with {@link signing_key/1}.</li>
%% <li>`external_key': a key in a KMS or HSM.</li>
%% </ul>
%% The others:
%% <ul>
%% <li>`services': whose Fulcio, Rekor and timestamp authorities sign; by default `public_good' for
%%     a token, and `none' for a key.</li>
%% <li>`trust': what the result is verified against; by default the root that belongs to
%%     `services'.</li>
%% <li>`log': `chosen' by the signing config, a version of Rekor, or `none'; `timestamps': whether
%%     to get them, by default `true'.</li>
%% <li>`identity': whom the certificate must name, instead of what the token claims.</li>
%% <li>`audience': whom the token must be for, by default `<<"sigstore">>'.</li>
%% <li>`hint': how the bundle names the key; by default the base64 form of the SHA-256 of its
%%     SubjectPublicKeyInfo.</li>
%% <li>`timeout': milliseconds for all of it, by default 60000; `ca_files' and `proxy' as for {@link
%%     refresh_trust_root/2}.</li>
%% </ul>

-type external_key() :: #{
    pem => binary(),
    der => binary(),
    sign := fun((sign_request()) -> {ok, Signature :: binary()} | {error, term()})
}.
%% The public key (exactly one of `pem' and `der') and what has the private one sign: DER for ECDSA,
%% 64 bytes for Ed25519. The callback runs in a process of its own, no longer than `timeout'
%% allows.

-type sign_request() ::
    {digest, sha256 | sha384 | sha512, binary()}
    | {message, binary()}.
%% A digest to sign as it is (ECDSA), or a message to sign whole (Ed25519).

-opaque signing_key() :: reference().
%% A private key outside of the VM's memory: in no crash dump, and wiped when nobody holds it.

-type signing_key_source() :: #{pem => binary(), der => binary(), password => binary()}.
%% A PKCS #8 private key (P-256, P-384 or Ed25519) in exactly one of `pem' and `der', and the
%% password of an encrypted one.

-type public_key() :: #{der := binary(), key_id := <<_:256>>, key_algorithm := binary()}.
%% A SubjectPublicKeyInfo and its SHA-256.

-type services() ::
    public_good | staging | none | {json, binary()} | {file, file:filename_all()}.
%% A signing config (`signing_config.v0.2.json'), or one that comes with this library.

-type signed() :: #{bundle := binary(), evidence := evidence()}.
%% A bundle of version 0.3, JSON, and what its verification found.

%% @doc Verifies that `Bundle' (JSON) is a signature on `Artifact' by somebody `Options' accepts.
%%
%% Errors tell what is wrong with the first thing that is; what else is wrong with the same bundle
%% is in the details, under `also'.
-spec verify(Bundle :: binary(), artifact(), options()) -> result().
verify(Bundle, Artifact, Options) ->
    case hex_provenance_nif:sigstore_verify_here(Bundle, Artifact, Options) of
        elsewhere -> hex_provenance_nif:sigstore_verify(Bundle, Artifact, Options);
        Verified -> Verified
    end.

%% @doc Verifies many bundles at once, on as many cores as there are; the results are in the order
%% of the items.
%%
%% A bundle that does not verify fails alone. Options that are not valid fail every item. The
%% workers end with their caller, whatever ends it.
-spec verify_many([{Bundle :: binary(), artifact()}], options()) -> [result()].
verify_many(Items, Options) ->
    verify_many(Items, Options, fun(Result) -> Result end).

%% @doc As {@link verify_many/2}, with `Convert' applied to each result by the worker that has it.
-spec verify_many(
    [{Bundle :: binary(), artifact()}], options(), fun((result()) -> Converted)
) -> [Converted].
verify_many(Items, Options, Convert) when is_list(Items) ->
    case hex_provenance_nif:sigstore_verifier(Options) of
        {ok, Verifier} ->
            Several = fun(Some) ->
                lists:map(Convert, hex_provenance_nif:sigstore_verify_several(Some, Verifier))
            end,
            Shares = hex_provenance_parallel:shares(Items),
            lists:append(hex_provenance_parallel:map(Several, Shares));
        {error, _} = Error ->
            [Convert(Error) || _ <- Items]
    end.

%% @doc Prepares a trust root once, to be used in any number of verifications by any number of
%% processes.
%%
%% Errors: `trust_root_invalid', `malformed', `input_too_large', `storage_failed', `option_invalid'.
-spec trust_root(trust_source()) -> {ok, trust_root()} | {error, hex_provenance_error:error()}.
trust_root(Source) ->
    hex_provenance_nif:sigstore_trust_root(Source).

%% @doc What a trust root is and how old.
-spec trust_root_info(trust_root()) ->
    {ok, trust_root_info()} | {error, hex_provenance_error:error()}.
trust_root_info(TrustRoot) ->
    hex_provenance_nif:sigstore_trust_root_info(TrustRoot).

%% @doc As {@link refresh_trust_root/2} with the defaults.
-spec refresh_trust_root(repository()) ->
    {ok, trust_root()} | {error, hex_provenance_error:error()}.
refresh_trust_root(Repository) ->
    refresh_trust_root(Repository, #{}).

%% @doc Fetches the newest trust root of a Sigstore instance over the network, by TUF.
%%
%% What was verified is kept in a folder that several processes and VMs may share: it survives
%% crashes and is never rolled back. The caller waits, at most `timeout' milliseconds; the work ends
%% with the caller.
%%
%% Errors: `transport_failed', `trust_refresh_failed', `trust_root_expired', `budget_exhausted',
%% `storage_failed', `option_invalid'.
-spec refresh_trust_root(repository(), refresh_options()) ->
    {ok, trust_root()} | {error, hex_provenance_error:error()}.
refresh_trust_root(Repository, Options) ->
    Native = hex_provenance_network:options(Options),
    await(hex_provenance_nif:sigstore_refresh(Repository, Native)).

%% @doc Fetches the newest signing config of a Sigstore instance, and the trust root that belongs to
%% it, as {@link refresh_trust_root/2} does.
%%
%% What it answers are options for {@link sign/2}. Errors: also `service_missing' when the instance
%% publishes none, `signing_config_invalid', `malformed'.
-spec refresh_services(repository(), refresh_options()) ->
    {ok, #{services := services(), trust := trust_root()}}
    | {error, hex_provenance_error:error()}.
refresh_services(Repository, Options) ->
    Native = hex_provenance_network:options(Options),
    await(hex_provenance_nif:sigstore_refresh_services(Repository, Native)).

await({ok, Job}) ->
    receive
        {Job, Result} -> Result
    end;
await({error, _} = Error) ->
    Error.

%% @doc Signs, and verifies what came of it before anybody sees it.
%%
%% The caller waits, at most `timeout' milliseconds; the work ends with the caller. Neither token
%% nor key is ever in an error.
%%
%% Errors: `token_unavailable', `token_invalid', `transport_failed', `budget_exhausted',
%% `service_missing', `signing_config_invalid', `signer_failed', `key_invalid', `statement_invalid',
%% `option_invalid', `storage_failed'; and any code of {@link verify/3} when the services' answers
%% do not verify.
-spec sign(payload(), sign_options()) -> {ok, signed()} | {error, hex_provenance_error:error()}.
sign(Payload, Options) ->
    hex_provenance_sign:sign(Payload, Options).

%% @doc Prepares a private key once, to sign with from any number of processes.
%%
%% Errors: `key_invalid', `algorithm_unsupported', `input_too_large', `option_invalid'.
-spec signing_key(signing_key_source()) ->
    {ok, signing_key()} | {error, hex_provenance_error:error()}.
signing_key(Source) ->
    hex_provenance_nif:sigstore_signing_key(Source).

%% @doc The public part of a prepared key.
-spec public_key(signing_key()) -> {ok, public_key()} | {error, hex_provenance_error:error()}.
public_key(SigningKey) ->
    hex_provenance_nif:sigstore_public_key(SigningKey).

%% @doc What is written in a bundle, with nothing of it verified: to look at, never to decide by.
-spec bundle_info(Bundle :: binary()) ->
    {ok, bundle_info()} | {error, hex_provenance_error:error()}.
bundle_info(Bundle) ->
    hex_provenance_nif:sigstore_bundle_info(Bundle).

%% @doc What {@link verify/3} uses for options that are not given.
-spec default_options() -> options().
default_options() ->
    #{
        trust => public_good,
        untimed => false,
        limits => #{
            bundle_bytes => 16 bsl 20,
            trust_root_bytes => 1 bsl 20,
            json_depth => 64,
            json_values => 1 bsl 20,
            log_entries => 16,
            proof_hashes => 64,
            checkpoint_signatures => 64,
            timestamps => 32,
            timestamp_bytes => 64 bsl 10,
            chain_certificates => 10,
            certificate_bytes => 64 bsl 10,
            subjects => 1024,
            message_bytes => 64 bsl 20
        }
    }.
