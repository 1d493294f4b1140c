%% Signing with real Sigstore services, judged by verifiers that are not ours. script/test-signing
%% starts the services and names them in the environment.
-module(hex_provenance_services_tests).

-include_lib("eunit/include/eunit.hrl").

-export([world/2, signer/2, services/2, trust/1, config/2, mint/3]).

-define(TYPE, "https://example.com/predicate/v1").

services_test_() ->
    case {os:getenv("HEX_PROVENANCE_SERVICES"), os:getenv("HEX_PROVENANCE_VERIFIERS")} of
        {false, _} ->
            ?debugMsg("skipped: script/test-signing starts the services that this signs with"),
            [];
        {Services, Verifiers} ->
            {ok, _} = application:ensure_all_started(inets),
            World = world(Services, Verifiers),
            [
                {timeout, 600, {inparallel, 2, [kind(World, Kind) || Kind <- kinds()]}},
                {timeout, 300, {inparallel, 2, others(World)}},
                [
                    {timeout, 120, {Name, fun() -> Test(World) end}}
                 || {Name, Test} <- [
                        {"the token of a GitHub job", fun github_job/1},
                        {"a token in the environment", fun environment/1},
                        {"with and without logs and timestamps", fun with_and_without/1},
                        {"several logs at once", fun several_logs/1},
                        {"a key elsewhere on each curve", fun elsewhere/1},
                        {"a token that cannot lead to a certificate", fun bad_tokens/1},
                        {"another identity than the token's", fun another_identity/1},
                        {"the client of sigstore-conformance", fun conformance/1},
                        {"a clock that is an hour off", fun clock_skew/1},
                        {"what a log does not take", fun not_taken/1},
                        {"a file, and a digest", fun file_and_digest/1},
                        {"events of a registry", fun registry/1}
                    ]
                ]
            ]
    end.

%% Every kind of bundle, and who judges it.

kinds() ->
    [
        #{signer => Signer, log => Log, payload => Payload}
     || Signer <- [person, github, gitlab, p256, p384, ed25519, external_p256],
        Log <- [1, 2],
        Payload <- [blob, statement],
        %% Rekor 2 takes no Ed25519 signature of a statement, and Rekor 1 none by P-384.
        not lists:member({Signer, Log, Payload}, [{ed25519, 2, statement}, {p384, 1, statement}])
    ].

kind(World, #{signer := Signer, log := Log, payload := Payload} = Kind) ->
    Name = lists:flatten(io_lib:format("~s, ~s, Rekor ~b", [Signer, Payload, Log])),
    {timeout, 120, {Name, fun() ->
        Signed = signed(World, Kind),
        shape(Kind, Signed),
        Verdicts = [{Verifier, judge(Verifier, World, Kind, Signed)} || Verifier <- judges(Kind)],
        ?assertEqual([], [Verdict || {_, {_, _}} = Verdict <- Verdicts])
    end}}.

%% What each verifier supports.
judges(Kind) ->
    [
        Verifier
     || Verifier <- [cosign, sigstore_go, sigstore_python, npm], supports(Verifier, Kind)
    ].

%% Only identities.
supports(sigstore_python, #{signer := Signer}) ->
    lists:member(Signer, [person, github, gitlab]);
%% Keys of other curves are used with SHA-256; Sigstore's registry has SHA-384 for P-384.
supports(cosign, #{signer := p384}) ->
    false;
%% Its command takes keys on P-256 only.
supports(sigstore_go, #{signer := Signer}) ->
    not lists:member(Signer, [p384, ed25519]);
%% Neither knows the Ed25519ph that logs take.
supports(Verifier, #{signer := ed25519, payload := blob}) when Verifier =/= sigstore_go ->
    false;
%% It knows no hashedrekord 0.0.2 of an envelope.
supports(npm, #{payload := statement, log := 2}) ->
    false;
supports(_, _) ->
    true.

signed(World, #{signer := Signer, log := Log, payload := Payload}) ->
    Content = <<"content of ", (atom_to_binary(Signer))/binary>>,
    Options = maps:merge(signer(World, Signer), services(World, Log)),
    {ok, #{bundle := Bundle, evidence := Evidence}} =
        hex_provenance_sigstore:sign(payload(Payload, Content), Options),
    File = temporary(World, Content),
    BundleFile = temporary(World, Bundle),
    #{bundle => Bundle, evidence => Evidence, file => File, bundle_file => BundleFile}.

%% The assertions of sigstore-conformance about what was signed, and more.
shape(#{signer := Signer, log := Log, payload := Payload}, Signed) ->
    #{bundle := Bundle, evidence := Evidence} = Signed,
    Json = hex_provenance_test_json:decode(Bundle),
    #{<<"mediaType">> := MediaType, <<"verificationMaterial">> := Material} = Json,
    ?assertEqual(<<"application/vnd.dev.sigstore.bundle.v0.3+json">>, MediaType),
    case lists:member(Signer, [person, github, gitlab]) of
        true -> ?assertMatch(#{<<"certificate">> := #{<<"rawBytes">> := _}}, Material);
        false -> ?assertMatch(#{<<"publicKey">> := #{<<"hint">> := _}}, Material)
    end,
    ?assertNot(maps:is_key(<<"x509CertificateChain">>, Material)),
    #{<<"tlogEntries">> := [#{<<"kindVersion">> := KindVersion}]} = Material,
    Expected =
        case {Log, Payload} of
            {2, _} -> {<<"hashedrekord">>, <<"0.0.2">>};
            {1, blob} -> {<<"hashedrekord">>, <<"0.0.1">>};
            {1, statement} -> {<<"dsse">>, <<"0.0.1">>}
        end,
    #{<<"kind">> := K, <<"version">> := V} = KindVersion,
    ?assertEqual(Expected, {K, V}),
    case {Payload, Json} of
        {statement, #{<<"dsseEnvelope">> := #{<<"payload">> := Written}}} ->
            #{content := #{statement_bytes := Bytes}} = Evidence,
            ?assertEqual(Bytes, base64:decode(Written));
        {blob, #{<<"messageSignature">> := _}} ->
            ok
    end.

%% Accepts what was signed, and refuses what was changed: a verifier that accepts anything proves
%% nothing.
judge(Verifier, World, #{signer := Signer} = Kind, Signed) ->
    Who = who(World, Signer),
    Judge = fun(What) -> run(World, command(Verifier, World, Who, Kind, What)) end,
    case {Judge(Signed), Judge(changed(Verifier, Kind, Signed))} of
        {{0, _}, {0, _}} -> {accepts, anything};
        {{0, _}, _} -> accepts;
        {{_, Why}, _} -> {refuses, Why}
    end.

%% npm's verifier does not compare a statement with an artifact.
changed(npm, #{payload := statement}, #{bundle := Bundle, bundle_file := File} = Signed) ->
    #{<<"dsseEnvelope">> := Envelope} = Json = hex_provenance_test_json:decode(Bundle),
    Changed = Envelope#{<<"payload">> := base64:encode(<<"{}">>)},
    Bytes = hex_provenance_test_json:encode(Json#{<<"dsseEnvelope">> := Changed}),
    ok = file:write_file(File ++ ".changed", Bytes),
    Signed#{bundle_file := File ++ ".changed"};
changed(_, _, #{file := File} = Signed) ->
    ok = file:write_file(File ++ ".changed", <<"other content">>),
    Signed#{file := File ++ ".changed"}.

command(cosign, World, Who, #{payload := Payload} = Kind, Signed) ->
    #{file := File, bundle_file := Bundle} = Signed,
    Command =
        case Payload of
            blob -> ["verify-blob"];
            statement -> ["verify-blob-attestation", "--type", maps:get(type, Kind, ?TYPE)]
        end,
    Identity =
        case Who of
            {identity, San, Issuer} ->
                ["--certificate-identity", San, "--certificate-oidc-issuer", Issuer];
            {key, Pem} ->
                ["--key", Pem]
        end,
    Rest = ["--trusted-root", root(World), "--use-signed-timestamps", "--bundle", Bundle, File],
    ["cosign" | Command ++ Identity ++ Rest];
command(sigstore_go, World, Who, _, #{file := File, bundle_file := Bundle}) ->
    Identity =
        case Who of
            {identity, San, Issuer} ->
                ["-expectedSAN", San, "-expectedIssuer", Issuer];
            {key, Pem} ->
                ["-publicKey", Pem, "-requireCTlog=false"]
        end,
    ["sigstore-go-verification", "-artifact", File, "-trustedrootJSONpath", root(World)] ++
        Identity ++ [Bundle];
command(sigstore_python, World, {identity, San, Issuer}, _, Signed) ->
    #{file := File, bundle_file := Bundle} = Signed,
    python(World, 2) ++
        ["verify", "identity", "--offline", "--bundle", Bundle] ++
        ["--cert-identity", San, "--cert-oidc-issuer", Issuer, File];
command(npm, #{verifiers := Verifiers} = World, Who, _, Signed) ->
    #{file := File, bundle_file := Bundle} = Signed,
    Identity =
        case Who of
            {identity, San, Issuer} -> ["identity", San, Issuer];
            {key, Pem} -> ["key", Pem]
        end,
    ["node", filename:join(Verifiers, "verify.mjs"), root(World), Bundle, File] ++ Identity.

python(#{services := Services, verifiers := Verifiers}, Log) ->
    Trust = element(Log, {"client_trust_config_v1.json", "client_trust_config.json"}),
    Program = filename:join(Verifiers, "python/bin/sigstore"),
    [Program, "--trust-config", filename:join(Services, Trust)].

%% What others sign with the same services verifies here.

others(World) ->
    [
        {timeout, 120, {lists:flatten(io_lib:format("~s, Rekor ~b", [Signer, Log])), fun() ->
            File = temporary(World, <<"signed by others">>),
            Bundle = File ++ ".bundle",
            Token = mint(World, "/oidc/mint?email=dev@example.com", <<>>),
            {Status, Output} = run(World, sign_command(Signer, World, Log, Token, File, Bundle)),
            ?assertEqual(0, Status, Output),
            {ok, Json} = file:read_file(Bundle),
            Identity = #{san => <<"dev@example.com">>, issuer => issuer(World, "/oidc")},
            Options = #{identity => Identity, trust => trust(World)},
            ?assertMatch({ok, _}, hex_provenance_sigstore:verify(Json, {file, File}, Options))
        end}}
     %% cosign asks Rekor 1 for more than the one here answers.
     || {Signer, Log} <- [{cosign, 2}, {sigstore_python, 1}, {sigstore_python, 2}]
    ].

sign_command(cosign, World, Log, Token, File, Bundle) ->
    Config = config(World, Log),
    ["cosign", "sign-blob", "--yes", "--signing-config", Config, "--trusted-root", root(World)] ++
        ["--identity-token", temporary(World, Token), "--bundle", Bundle, File];
sign_command(sigstore_python, World, Log, Token, File, Bundle) ->
    python(World, Log) ++ ["sign", "--identity-token", Token, "--bundle", Bundle, File].

%% Tokens.

github_job(World) ->
    #{base := Base} = World,
    Url = Base ++ "/github/idtoken?api-version=2.0",
    Bearer = base64url(hex_provenance_test_json:encode(github_claims())),
    with_environment(
        [
            {"ACTIONS_ID_TOKEN_REQUEST_URL", Url},
            {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", binary_to_list(Bearer)}
        ],
        fun() ->
            Options = services(World, 2),
            {ok, #{evidence := #{signer := #{claims := Claims}}}} =
                hex_provenance_sigstore:sign({bytes, <<"job">>}, Options),
            Run = <<"https://github.com/o/r/actions/runs/7/attempts/1">>,
            ?assertMatch(#{run_invocation_uri := Run}, Claims)
        end
    ).

%% Whom a token names it says itself, whatever else the environment says.
environment(World) ->
    Token = mint(World, "/gitlab/mint", gitlab_claims()),
    Misleading = [
        {"GITHUB_ACTIONS", "true"},
        {"GITHUB_REPOSITORY", "mallory/r"},
        {"GITHUB_WORKFLOW_REF", "mallory/r/.github/workflows/ci.yml@refs/heads/main"},
        {"CI_PROJECT_URL", "https://gitlab.com/mallory/r"},
        {"CI_SERVER_URL", "https://mallory.example"}
    ],
    [
        with_environment([{Name, Token} | Misleading], fun() ->
            {ok, #{evidence := #{signer := Signer}}} =
                hex_provenance_sigstore:sign({bytes, <<>>}, maps:merge(services(World, 2), Option)),
            {identity, San, Issuer} = who(World, gitlab),
            ?assertEqual(list_to_binary(San), maps:get(identity, Signer)),
            ?assertEqual(list_to_binary(Issuer), maps:get(issuer, Signer))
        end)
     || {Name, Option} <- [
            {"SIGSTORE_ID_TOKEN", #{}},
            {"SIGSTORE_ID_TOKEN", #{token => environment}},
            {"OUR_TOKEN", #{token => {environment, "OUR_TOKEN"}}}
        ]
    ].

%% What dates a signature, and what makes it public, are each for the caller to leave out; not both
%% where an identity signs.
with_and_without(World) ->
    Sign = fun(Signer, Version, Log, Timestamps) ->
        Options = maps:merge(signer(World, Signer), services(World, Version)),
        Choice = #{log => Log, timestamps => Timestamps},
        case hex_provenance_sigstore:sign({bytes, <<>>}, maps:merge(Options, Choice)) of
            {ok, #{evidence := #{log_entries := Entries, times := Times}}} ->
                Stamps = [Time || #{source := timestamp_authority} = Time <- Times],
                {length(Entries), length(Stamps)};
            {error, #{code := Code}} ->
                Code
        end
    end,
    [
        ?assertEqual(
            {Signer, Version, Log, Timestamps, Expected},
            {Signer, Version, Log, Timestamps, Sign(Signer, Version, Log, Timestamps)}
        )
     || {Signers, Version, Log, Timestamps, Expected} <- [
            {keys, 1, chosen, true, {1, 1}},
            {keys, 1, chosen, false, {1, 0}},
            {keys, 2, chosen, true, {1, 1}},
            {keys, 2, chosen, false, {1, 0}},
            {keys, 2, none, true, {0, 1}},
            {keys, 2, none, false, {0, 0}},
            {person, 1, chosen, false, {1, 0}},
            {person, 2, chosen, false, option_invalid},
            {person, 2, none, true, {0, 1}},
            {person, 2, none, false, option_invalid},
            {person, 2, {version, 1}, true, service_missing}
        ],
        Signer <-
            case Signers of
                keys -> [p256, p384, external_p256];
                One -> [One]
            end
    ].

several_logs(World) ->
    [#{<<"rekorTlogUrls">> := [Old]}, #{<<"rekorTlogUrls">> := [New]} = Config] =
        [hex_provenance_test_cases:json(config(World, Log)) || Log <- [1, 2]],
    Logs = [Old#{<<"operator">> => <<"old">>}, New#{<<"operator">> => <<"new">>}],
    Sign = fun(Signer, Wanted) ->
        Chosen = Config#{<<"rekorTlogUrls">> := Logs, <<"rekorTlogConfig">> => Wanted},
        Options = (signer(World, Signer))#{
            services => {json, hex_provenance_test_json:encode(Chosen)}, trust => trust(World)
        },
        case hex_provenance_sigstore:sign({bytes, atom_to_binary(Signer)}, Options) of
            {ok, #{evidence := #{log_entries := Entries}}} ->
                lists:sort([Version || #{version := Version} <- Entries]);
            {error, #{code := Code}} ->
                Code
        end
    end,
    Both = [<<"0.0.1">>, <<"0.0.2">>],
    All = #{<<"selector">> => <<"ALL">>},
    [?assertEqual(Both, Sign(Signer, All)) || Signer <- [person, p256, ed25519]],
    Exact = fun(Count) -> #{<<"selector">> => <<"EXACT">>, <<"count">> => Count} end,
    ?assertEqual(Both, Sign(person, Exact(2))),
    ?assertEqual([<<"0.0.2">>], Sign(person, Exact(1))),
    ?assertEqual([<<"0.0.2">>], Sign(person, #{<<"selector">> => <<"ANY">>})),
    ?assertEqual(service_missing, Sign(person, Exact(3))).

elsewhere(World) ->
    Sign = fun(Signer, Payload, Log) ->
        Options = maps:merge(signer(World, Signer), services(World, Log)),
        Content = payload(Payload, atom_to_binary(Signer)),
        case hex_provenance_sigstore:sign(Content, Options) of
            {ok, #{evidence := #{log_entries := [_]}}} -> ok;
            {error, #{code := Code}} -> Code
        end
    end,
    ?assertEqual(ok, Sign(external_p384, blob, 1)),
    ?assertEqual(ok, Sign(external_p384, blob, 2)),
    ?assertEqual(ok, Sign(external_p384, statement, 2)),
    ?assertEqual(option_invalid, Sign(external_p384, statement, 1)),
    ?assertEqual(ok, Sign(external_ed25519, statement, 1)),
    %% It would have to sign a digest.
    ?assertEqual(option_invalid, Sign(external_ed25519, blob, 1)),
    ?assertEqual(option_invalid, Sign(external_ed25519, blob, 2)),
    ?assertEqual(option_invalid, Sign(external_ed25519, statement, 2)).

bad_tokens(World) ->
    Sign = fun(Query, Claims) ->
        Token = mint(World, "/oidc/mint" ++ Query, Claims),
        Answer = hex_provenance_sigstore:sign(
            {bytes, <<>>}, (services(World, 2))#{token => list_to_binary(Token)}
        ),
        {error, #{code := Code, details := Details} = Error} = Answer,
        Written = unicode:characters_to_binary(io_lib:format("~tp", [Error])),
        ?assertEqual(nomatch, binary:match(Written, list_to_binary(Token))),
        {Code, maps:get(claim, Details, none), maps:get(status, Details, none)}
    end,
    Person = #{<<"sub">> => <<"a">>, <<"email">> => <<"a@b">>, <<"email_verified">> => true},
    ?assertEqual({token_invalid, <<"exp">>, none}, Sign("", Person#{<<"exp">> => 1000})),
    ?assertEqual({token_invalid, <<"aud">>, none}, Sign("", Person#{<<"aud">> => <<"other">>})),
    Unverified = Person#{<<"email_verified">> => false},
    ?assertEqual({token_invalid, <<"email_verified">>, none}, Sign("", Unverified)),
    Stranger = Person#{<<"iss">> => <<"https://issuer.example">>},
    ?assertEqual({transport_failed, none, 400}, Sign("", Stranger)),
    %% Without any token it says where it looked.
    {error, #{code := token_unavailable, message := Message}} =
        hex_provenance_sigstore:sign({bytes, <<>>}, services(World, 2)),
    ?assertMatch({_, _}, binary:match(Message, <<"SIGSTORE_ID_TOKEN">>)).

another_identity(World) ->
    Options = maps:merge(signer(World, person), services(World, 2)),
    Sign = fun(San) ->
        hex_provenance_sigstore:sign({bytes, <<"x">>}, Options#{identity => #{san => San}})
    end,
    ?assertMatch({error, #{code := identity_refused}}, Sign(<<"somebody@example.com">>)),
    ?assertMatch({ok, _}, Sign(<<"dev@example.com">>)).

conformance(World) ->
    {statement, Statement} = payload(statement, <<"content">>),
    [
        begin
            File = temporary(World, Content),
            Bundle = File ++ ".bundle",
            {0, <<>>} = run(World, client(World, Options, Bundle, File)),
            {ok, Json} = file:read_file(Bundle),
            Verify = #{identity => unchecked, trust => trust(World)},
            Signed = {digest, sha256, crypto:hash(sha256, <<"content">>)},
            ?assertMatch({ok, _}, hex_provenance_sigstore:verify(Json, Signed, Verify))
        end
     || {Options, Content} <- [{[], <<"content">>}, {["--in-toto"], Statement}]
    ],
    {1, Why} = run(World, client(World, ["--in-toto"], "/dev/null", "/dev/null")),
    ?assertMatch({_, _}, binary:match(Why, <<"(malformed)">>)).

client(World, Options, Bundle, File) ->
    Token = mint(World, "/oidc/mint?email=dev@example.com", <<>>),
    Places = ["--trusted-root", root(World), "--signing-config", config(World, 2), File],
    [filename:absname("script/sigstore-conformance"), "sign-bundle" | Options] ++
        ["--identity-token", Token, "--bundle", Bundle | Places].

%% Certificates and timestamps are compared with each other, not with this machine's clock; a token
%% is.
clock_skew(World) ->
    File = temporary(World, <<"content">>),
    [
        begin
            Command = client(World, [], File ++ ".bundle", File),
            {1, Why} = run(World, ["faketime", "-f", Skew | Command]),
            ?assertMatch({_, _}, binary:match(Why, Code), Why)
        end
        %% These services are a minute old: an hour ago there were none.
     || {Skew, Code} <- [{"+1h", <<"(token_invalid)">>}, {"-1h", <<"(service_missing)">>}]
    ].

not_taken(World) ->
    [
        begin
            Options = maps:merge(signer(World, Signer), services(World, Log)),
            Answer = hex_provenance_sigstore:sign(payload(statement, <<"x">>), Options),
            ?assertMatch(
                {error, #{code := option_invalid, details := #{option := <<"log">>}}}, Answer
            )
        end
     || {Signer, Log} <- [{ed25519, 2}, {p384, 1}]
    ].

file_and_digest(World) ->
    Content = crypto:strong_rand_bytes(1_000_000),
    File = temporary(World, Content),
    Hash = crypto:hash(sha256, Content),
    Options = services(World, 2),
    [
        begin
            {ok, #{bundle := Bundle}} =
                hex_provenance_sigstore:sign(Payload, maps:merge(signer(World, person), Options)),
            Verify = #{identity => unchecked, trust => trust(World)},
            ?assertMatch({ok, _}, hex_provenance_sigstore:verify(Bundle, {file, File}, Verify))
        end
     || Payload <- [{file, File}, {digest, sha256, Hash}]
    ],
    Other = {digest, sha512, crypto:hash(sha512, Content)},
    Answer = hex_provenance_sigstore:sign(Other, maps:merge(signer(World, person), Options)),
    ?assertMatch({error, #{code := digest_unavailable}}, Answer).

%% What a registry signs verifies elsewhere: entered in a public log, only timestamped, or, by its
%% key alone, as the registry's own log has it.
registry(World) ->
    [registry_logged(World, Signer) || Signer <- [p256, external_p256, github]],
    Signed = registry_signed(World, p256, (services(World, 2))#{log => none}),
    Go = fun(#{file := _} = What) ->
        Command = command(sigstore_go, World, who(World, p256), #{}, What),
        {Options, [Bundle]} = lists:split(length(Command) - 1, Command),
        run(World, Options ++ ["-requireTlog=false", Bundle])
    end,
    ?assertMatch({0, _}, Go(Signed)),
    ?assertMatch({1, _}, Go(changed(sigstore_go, #{}, Signed))),
    Bare = registry_signed(World, p256, #{}),
    {key, Pem} = who(World, p256),
    Cosign = fun(#{file := File, bundle_file := Bundle}) ->
        Options = ["--type", registry_type(), "--key", Pem, "--insecure-ignore-tlog"],
        run(World, ["cosign", "verify-blob-attestation" | Options] ++ ["--bundle", Bundle, File])
    end,
    ?assertMatch({0, _}, Cosign(Bare)),
    ?assertMatch({1, _}, Cosign(changed(cosign, #{}, Bare))).

registry_logged(World, Signer) ->
    #{bundle := Bundle, file := File} = Signed =
        registry_signed(World, Signer, services(World, 2)),
    Kind = #{signer => Signer, payload => statement, log => 2, type => registry_type()},
    [
        ?assertEqual({Verifier, accepts}, {Verifier, judge(Verifier, World, Kind, Signed)})
     || Verifier <- [cosign, sigstore_go]
    ],
    By =
        case who(World, Signer) of
            {identity, San, Issuer} ->
                Identity = #{san => list_to_binary(San), issuer => list_to_binary(Issuer)},
                #{identity => Identity};
            {key, Public} ->
                {ok, Pem} = file:read_file(Public),
                #{keys => [#{pem => Pem}], untimed => false}
        end,
    Options = By#{trust => trust(World), package => <<"phoenix">>, event => publish},
    ?assertMatch(
        {ok, #{version := <<"1.8.1">>}},
        hex_provenance_registry:verify(Bundle, {file, File}, Options)
    ).

registry_signed(World, Signer, Options) ->
    Content = <<"a tarball">>,
    {ok, #{statement := Statement}} = hex_provenance_registry:statement(
        #{
            event => publish,
            package => <<"phoenix">>,
            version => <<"1.8.1">>,
            digest => {sha256, crypto:hash(sha256, Content)},
            event_id => <<"e1">>,
            occurred_at => erlang:system_time(second),
            actor => #{kind => user, id => <<"chrismccord">>}
        },
        #{}
    ),
    {ok, #{bundle := Bundle}} =
        hex_provenance_registry:sign(Statement, maps:merge(signer(World, Signer), Options)),
    #{
        bundle => Bundle,
        file => temporary(World, Content),
        bundle_file => temporary(World, Bundle)
    }.

registry_type() -> "https://hex.pm/attestation/publish/v1".

%% The services, and who signs with them.

world(Services, Verifiers) ->
    Config = hex_provenance_test_cases:json(filename:join(Services, "signing_config.json")),
    #{<<"caUrls">> := [#{<<"url">> := Base} | _]} = Config,
    Work = filename:join(Services, "work"),
    ok = filelib:ensure_dir(filename:join(Work, "x")),
    World = #{
        services => Services,
        verifiers => Verifiers,
        work => Work,
        base => binary_to_list(Base)
    },
    [make_key(World, Name) || Name <- [p256, p384, ed25519 | external()]],
    World.

make_key(#{work := Work} = World, Name) ->
    Algorithm =
        case Name of
            _ when Name =:= p384; Name =:= external_p384 ->
                ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
            _ when Name =:= ed25519; Name =:= external_ed25519 ->
                ["ED25519"];
            _ -> ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        end,
    Key = filename:join(Work, atom_to_list(Name)),
    {0, _} = run(World, ["openssl", "genpkey", "-out", Key ++ ".plain", "-algorithm" | Algorithm]),
    Read = ["-in", Key ++ ".plain", "-out"],
    {0, _} = run(World, ["openssl", "pkey", "-pubout" | Read] ++ [Key ++ ".pub"]),
    Encrypt = ["openssl", "pkcs8", "-topk8", "-passout", "pass:sesame" | Read],
    {0, _} = run(World, Encrypt ++ [Key ++ ".pem"]).

signer(World, person) ->
    #{token => list_to_binary(mint(World, "/oidc/mint?email=dev@example.com", <<>>))};
signer(World, github) ->
    Token = mint(World, "/github/mint", github_claims()),
    #{token => fun() -> list_to_binary(Token) end};
signer(World, gitlab) ->
    #{token => list_to_binary(mint(World, "/gitlab/mint", gitlab_claims()))};
signer(#{work := Work}, Name) ->
    File = filename:join(Work, atom_to_list(Name)),
    case lists:member(Name, external()) of
        true -> #{external_key => external_key(File)};
        false -> #{key => encrypted_key(File)}
    end.

external() -> [external_p256, external_p384, external_ed25519].

external_key(File) ->
    {ok, Public} = file:read_file(File ++ ".pub"),
    {ok, Pem} = file:read_file(File ++ ".plain"),
    [Entry | _] = public_key:pem_decode(Pem),
    Private = public_key:pem_entry_decode(Entry),
    Sign = fun
        ({digest, Algorithm, Digest}) ->
            {ok, public_key:sign({digest, Digest}, Algorithm, Private)};
        ({message, Message}) ->
            {ok, public_key:sign(Message, none, Private)}
    end,
    #{pem => Public, sign => Sign}.

encrypted_key(File) ->
    {ok, Pem} = file:read_file(File ++ ".pem"),
    {ok, Key} = hex_provenance_sigstore:signing_key(#{pem => Pem, password => <<"sesame">>}),
    Key.

who(World, person) ->
    {identity, "dev@example.com", binary_to_list(issuer(World, "/oidc"))};
who(World, github) ->
    {identity, "https://github.com/o/r/.github/workflows/ci.yml@refs/heads/main",
        binary_to_list(issuer(World, "/github"))};
who(World, gitlab) ->
    {identity, "https://gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main",
        binary_to_list(issuer(World, "/gitlab"))};
who(#{work := Work}, Name) ->
    {key, filename:join(Work, atom_to_list(Name) ++ ".pub")}.

github_claims() ->
    #{
        <<"sub">> => <<"repo:o/r:ref:refs/heads/main">>,
        <<"repository">> => <<"o/r">>,
        <<"ref">> => <<"refs/heads/main">>,
        <<"sha">> => <<"00112233445566778899aabbccddeeff00112233">>,
        <<"workflow">> => <<"CI">>,
        <<"workflow_ref">> => <<"o/r/.github/workflows/ci.yml@refs/heads/main">>,
        <<"workflow_sha">> => <<"00112233445566778899aabbccddeeff00112233">>,
        <<"job_workflow_ref">> => <<"o/r/.github/workflows/ci.yml@refs/heads/main">>,
        <<"job_workflow_sha">> => <<"00112233445566778899aabbccddeeff00112233">>,
        <<"runner_environment">> => <<"github-hosted">>,
        <<"event_name">> => <<"push">>,
        <<"repository_id">> => <<"1">>,
        <<"repository_owner">> => <<"o">>,
        <<"repository_owner_id">> => <<"2">>,
        <<"repository_visibility">> => <<"public">>,
        <<"run_id">> => <<"7">>,
        <<"run_attempt">> => <<"1">>
    }.

gitlab_claims() ->
    #{
        <<"sub">> => <<"project_path:o/r:ref_type:branch:ref:main">>,
        <<"project_path">> => <<"o/r">>,
        <<"project_id">> => <<"1">>,
        <<"pipeline_source">> => <<"push">>,
        <<"pipeline_id">> => <<"5">>,
        <<"job_id">> => <<"6">>,
        <<"ref">> => <<"main">>,
        <<"ref_type">> => <<"branch">>,
        <<"namespace_path">> => <<"o">>,
        <<"namespace_id">> => <<"2">>,
        <<"runner_environment">> => <<"gitlab-hosted">>,
        <<"runner_id">> => 3,
        <<"sha">> => <<"00112233445566778899aabbccddeeff00112233">>,
        <<"project_visibility">> => <<"public">>,
        <<"ci_config_ref_uri">> => <<"gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main">>,
        <<"ci_config_sha">> => <<"00112233445566778899aabbccddeeff00112233">>,
        <<"user_login">> => <<"dev">>,
        <<"user_id">> => <<"4">>
    }.

services(World, Log) -> #{services => {file, config(World, Log)}, trust => trust(World)}.

config(#{services := Services}, Log) ->
    filename:join(Services, element(Log, {"signing_config_v1.json", "signing_config.json"})).

trust(World) -> {file, root(World)}.

root(#{services := Services}) -> filename:join(Services, "trusted_root.json").

issuer(#{base := Base}, Path) -> list_to_binary(Base ++ Path).

payload(blob, Content) -> {bytes, Content};
payload(statement, Content) ->
    Digest = string:lowercase(binary:encode_hex(crypto:hash(sha256, Content))),
    %% Spaces and order as nobody would write them: what is signed is signed as it is.
    {statement,
        <<"{ \"predicateType\":\"" ?TYPE "\",\n\"subject\":[{\"digest\":{\"sha256\":\"",
            Digest/binary, "\"},\"name\":\"x\"}],  \"_type\":",
            "\"https://in-toto.io/Statement/v1\",\"predicate\":{\"a\":1} }">>}.

mint(#{base := Base}, Path, Claims) ->
    Body =
        if
            is_map(Claims) -> hex_provenance_test_json:encode(Claims);
            true -> Claims
        end,
    Request = {Base ++ Path, [{"connection", "close"}], "application/json", Body},
    {ok, {{_, 200, _}, _, Token}} = httpc:request(post, Request, [], []),
    Token.

base64url(Bytes) ->
    Encoded = base64:encode(Bytes),
    << <<(case C of $+ -> $-; $/ -> $_; _ -> C end)>> || <<C>> <= Encoded, C =/= $= >>.

temporary(#{work := Work}, Content) ->
    File = filename:join(Work, integer_to_list(erlang:unique_integer([positive]))),
    ok = file:write_file(File, Content),
    File.

with_environment(Variables, Test) ->
    [os:putenv(Name, Value) || {Name, Value} <- Variables],
    try
        Test()
    after
        [os:unsetenv(Name) || {Name, _} <- Variables]
    end.

run(#{work := Work}, [Program | Arguments]) ->
    Path =
        case filename:pathtype(Program) of
            absolute -> Program;
            _ -> os:find_executable(Program)
        end,
    Options = [
        {args, Arguments},
        {cd, Work},
        exit_status,
        stderr_to_stdout,
        binary,
        hide,
        {env, [{"SIGSTORE_ID_TOKEN", false}, {"HOME", Work}]}
    ],
    collect(open_port({spawn_executable, Path}, Options), []).

collect(Port, Output) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Data | Output]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(lists:reverse(Output))}
    end.
