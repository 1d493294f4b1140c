%% Signing without any service: keys here and elsewhere, options, and what never gets out.
-module(hex_provenance_sign_tests).

-include_lib("eunit/include/eunit.hrl").

sign_test_() ->
    case hex_provenance_nif:sigstore_sign(none, #{}) of
        {error, #{code := nif_not_loaded}} ->
            ?debugMsg("skipped: this build of the library does not sign"),
            [];
        {error, #{code := option_invalid}} ->
            {ok, _} = application:ensure_all_started(public_key),
            [
                {Name, {timeout, 60, Test}}
             || {Name, Test} <- [
                    {"each kind of key signs blobs and statements", fun every_key/0},
                    {"a key elsewhere signs", fun external_keys/0},
                    {"an encrypted key wants its password", fun encrypted/0},
                    {"options are judged", fun options/0},
                    {"statements are judged", fun statements/0},
                    {"tokens are found in the environment", fun environment/0},
                    {"without services the network does not matter", fun no_network/0},
                    {"what Hex is told of the network counts", fun hex_variables/0},
                    {"no secret is in an error", fun secrets/0},
                    {"a handle shows nothing", fun handle/0},
                    {"many processes sign with one key", fun many/0}
                ]
            ]
    end.

every_key() ->
    [
        begin
            {Private, Public} = key(Kind),
            {ok, Key} = hex_provenance_sigstore:signing_key(#{der => Private}),
            ?assertMatch({ok, #{der := Public}}, hex_provenance_sigstore:public_key(Key)),
            Sign = fun(Payload) ->
                {ok, #{bundle := Bundle, evidence := Evidence}} =
                    hex_provenance_sigstore:sign(Payload, #{key => Key}),
                ?assertMatch(#{transparency := none, times := []}, Evidence),
                Bundle
            end,
            verifies(Sign({bytes, <<"content">>}), Public),
            verifies(Sign({statement, statement()}), Public),
            digest(Kind, Sign, Public)
        end
     || Kind <- [p256, p384, ed25519]
    ].

%% ECDSA signs the digest of its hash, Ed25519 the message itself.
digest(ed25519, _, _) ->
    ok;
digest(Kind, Sign, Public) ->
    Hash = maps:get(Kind, #{p256 => sha256, p384 => sha384}),
    verifies(Sign({digest, Hash, crypto:hash(Hash, <<"content">>)}), Public).

verifies(Bundle, Public) ->
    Options = #{keys => [#{der => Public}], trust => none, untimed => true},
    Verify = fun(Content) ->
        hex_provenance_sigstore:verify(Bundle, {bytes, Content}, Options)
    end,
    ?assertMatch({ok, _}, Verify(<<"content">>)),
    ?assertMatch({error, _}, Verify(<<"other content">>)).

external_keys() ->
    [
        begin
            {Private, Public} = key(Kind),
            Sign = fun
                ({digest, Hash, Digest}) -> {ok, signature({digest, Digest}, Hash, Private)};
                ({message, Message}) -> {ok, signature(Message, none, Private)}
            end,
            Options = #{external_key => #{der => Public, sign => Sign}, hint => <<"kms">>},
            {ok, #{bundle := Bundle}} =
                hex_provenance_sigstore:sign({statement, statement()}, Options),
            verifies(Bundle, Public),
            ?assertMatch(
                {ok, #{signer := #{hint := <<"kms">>}}}, hex_provenance_sigstore:bundle_info(Bundle)
            )
        end
     || Kind <- [p256, p384, p521, ed25519]
    ].

signature(What, Hash, Private) ->
    Lines = ["-----BEGIN PRIVATE KEY-----", base64:encode(Private), "-----END PRIVATE KEY-----"],
    [Entry] = public_key:pem_decode(iolist_to_binary(lists:join($\n, Lines ++ [""]))),
    public_key:sign(What, Hash, public_key:pem_entry_decode(Entry)).

encrypted() ->
    {Private, Public} = key(p256),
    File = temporary(Private),
    Pem = output("openssl pkcs8 -topk8 -inform DER -passout pass:sesame -in " ++ File),
    ok = file:delete(File),
    Load = fun(Source) -> hex_provenance_sigstore:signing_key(Source#{pem => Pem}) end,
    {ok, Key} = Load(#{password => <<"sesame">>}),
    ?assertMatch({ok, #{der := Public}}, hex_provenance_sigstore:public_key(Key)),
    ?assertMatch({error, #{code := key_invalid}}, Load(#{password => <<"simsim">>})),
    ?assertMatch({error, #{code := key_invalid}}, Load(#{})).

options() ->
    {Private, Public} = key(p256),
    Key = #{der => Private},
    [
        ?assertMatch({_, {error, #{code := Code}}}, {Options, sign(Options)})
     || {Options, Code} <- [
            {none, option_invalid},
            {#{key => Key, token => <<"a.b.c">>}, option_invalid},
            {#{key => #{}}, option_invalid},
            {#{key => #{der => <<"secret">>}}, key_invalid},
            {#{key => #{pem => <<"secret">>}}, key_invalid},
            {#{key => Key, colour => red}, option_invalid},
            {#{key => Key, services => github}, option_invalid},
            {#{key => Key, services => {json, <<"{}">>}}, malformed},
            {#{key => Key, services => {file, "no/such/file"}}, storage_failed},
            {#{key => Key, services => public_good, trust => none}, option_invalid},
            {#{key => Key, log => {version, 3}}, option_invalid},
            {#{key => Key, timeout => 0}, option_invalid},
            {#{key => Key, timestamps => 1}, option_invalid},
            {#{token => <<"a.b.c">>}, token_invalid},
            {#{token => <<"a.b.c">>, services => none}, token_invalid},
            {#{external_key => #{der => Public}}, signer_failed}
        ]
    ],
    Digest = {digest, sha512, crypto:hash(sha512, <<>>)},
    ?assertMatch(
        {error, #{code := digest_unavailable}}, hex_provenance_sigstore:sign(Digest, #{key => Key})
    ).

sign(Options) -> hex_provenance_sigstore:sign({bytes, <<>>}, Options).

statements() ->
    {Private, _} = key(p256),
    Sign = fun(Statement) ->
        hex_provenance_sigstore:sign({statement, Statement}, #{key => #{der => Private}})
    end,
    Weak = binary:replace(statement(), <<"sha256">>, <<"sha1">>),
    ?assertMatch({error, #{code := statement_invalid}}, Sign(Weak)),
    ?assertMatch({error, #{code := statement_invalid}}, Sign(<<"{}">>)),
    ?assertMatch({error, #{code := malformed}}, Sign(<<"{">>)).

environment() ->
    Names = [
        "SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "GITHUB_ACTIONS", "GITLAB_CI"
    ],
    Before = [{Name, os:getenv(Name)} || Name <- Names],
    [os:unsetenv(Name) || Name <- Names],
    try
        {error, #{code := token_unavailable, message := Nothing}} = sign(#{}),
        ?assertMatch({_, _}, binary:match(Nothing, <<"ACTIONS_ID_TOKEN_REQUEST_URL">>)),
        os:putenv("GITHUB_ACTIONS", "true"),
        {error, #{message := GitHub}} = sign(#{token => environment}),
        ?assertMatch({_, _}, binary:match(GitHub, <<"id-token: write">>)),
        os:putenv("SIGSTORE_ID_TOKEN", "a.b.c"),
        ?assertMatch({error, #{code := token_invalid}}, sign(#{})),
        {error, #{message := Named}} = sign(#{token => {environment, "HEX_NO_SUCH_TOKEN"}}),
        ?assertMatch({_, _}, binary:match(Named, <<"HEX_NO_SUCH_TOKEN">>))
    after
        [os:putenv(Name, Value) || {Name, Value} <- Before, is_list(Value)],
        [os:unsetenv(Name) || {Name, false} <- Before]
    end.

no_network() ->
    {Private, _} = key(p256),
    Options = #{key => #{der => Private}, ca_files => ["no/such/file"], proxy => <<"nonsense">>},
    ?assertMatch({ok, _}, sign(Options)),
    Online = Options#{services => public_good},
    ?assertMatch({error, #{code := storage_failed}}, sign(Online)).

hex_variables() ->
    {Private, _} = key(p256),
    Options = #{key => #{der => Private}, services => public_good},
    Path = <<"no/such/file">>,
    os:putenv("HEX_CACERTS_PATH", "no/such/file"),
    try
        ?assertMatch({error, #{code := storage_failed, details := #{path := Path}}}, sign(Options)),
        Stated = Options#{ca_files => ["nor/this"]},
        {error, #{details := #{path := Other}}} = sign(Stated),
        ?assertEqual(<<"nor/this">>, Other)
    after
        os:unsetenv("HEX_CACERTS_PATH")
    end.

secrets() ->
    Secret = <<"s3cr3t-s3cr3t-s3cr3t">>,
    [
        begin
            {error, Error} = sign(Options),
            Written = unicode:characters_to_binary(io_lib:format("~tp", [Error])),
            ?assertEqual(nomatch, binary:match(Written, Secret))
        end
     || Options <- [
            #{token => Secret},
            #{token => <<"e30.", Secret/binary, ".x">>},
            #{key => #{pem => Secret}},
            #{key => #{der => Secret, password => Secret}}
        ]
    ].

handle() ->
    {Private, _} = key(p256),
    {ok, Key} = hex_provenance_sigstore:signing_key(#{der => Private}),
    ?assert(is_reference(Key)),
    Other = hex_provenance_sigstore:public_key(make_ref()),
    ?assertMatch({error, #{code := option_invalid}}, Other).

many() ->
    {Private, Public} = key(p256),
    {ok, Key} = hex_provenance_sigstore:signing_key(#{der => Private}),
    Workers = [
        spawn_monitor(fun() ->
            {ok, #{bundle := Bundle}} =
                hex_provenance_sigstore:sign({bytes, <<"content">>}, #{key => Key}),
            verifies(Bundle, Public)
        end)
     || _ <- lists:seq(1, 50)
    ],
    [
        receive
            {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason)
        end
     || {Pid, Monitor} <- Workers
    ].

%% PKCS #8 and SubjectPublicKeyInfo, as openssl writes them.
key(Kind) ->
    Algorithm =
        case Kind of
            ed25519 -> "ED25519";
            p256 -> "EC -pkeyopt ec_paramgen_curve:P-256";
            p384 -> "EC -pkeyopt ec_paramgen_curve:P-384";
            p521 -> "EC -pkeyopt ec_paramgen_curve:P-521"
        end,
    File = temporary(<<>>),
    "" = os:cmd("openssl genpkey -out " ++ File ++ " -algorithm " ++ Algorithm),
    Private = output("openssl pkcs8 -topk8 -nocrypt -outform DER -in " ++ File),
    Public = output("openssl pkey -pubout -outform DER -in " ++ File),
    ok = file:delete(File),
    {Private, Public}.

%% Bytes, which os:cmd/1 would take for characters.
output(Command) ->
    File = temporary(<<>>),
    "" = os:cmd(Command ++ " -out " ++ File),
    {ok, Bytes} = file:read_file(File),
    ok = file:delete(File),
    Bytes.

temporary(Bytes) ->
    Unique = integer_to_list(erlang:unique_integer([positive])),
    File = "/tmp/hex_provenance_test-" ++ os:getpid() ++ "-" ++ Unique,
    ok = file:write_file(File, Bytes),
    File.

statement() ->
    Digest = string:lowercase(binary:encode_hex(crypto:hash(sha256, <<"content">>))),
    <<"{\"_type\":\"https://in-toto.io/Statement/v1\",",
        "\"predicateType\":\"https://example.com/v1\",\"predicate\":{},",
        "\"subject\":[{\"name\":\"x\",\"digest\":{\"sha256\":\"", Digest/binary, "\"}}]}">>.
