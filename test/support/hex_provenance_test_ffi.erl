%% @doc The contract cases as Gleam's records, and what a test needs without a standard library.
-module(hex_provenance_test_ffi).

-export([slsa_cases/0, cases/0, claim/1, fixture/1, contents/1, contains/2, print/1, finish/3]).
-export([registry_cases/0, registry_key/0, registry_signed/3]).
-export([private_key/0, public_key/1, sign/2, without_token/0, with_environment/3]).

-spec cases() -> [tuple()].
cases() ->
    {ok, _} = application:ensure_all_started(crypto),
    [test_case(Case) || Case <- hex_provenance_test_cases:all()].

-spec slsa_cases() -> [tuple()].
slsa_cases() ->
    [slsa_case(Case) || Case <- hex_provenance_test_slsa:all()].

slsa_case(#{name := Name, bundle := Bundle, json := Rules, expect := Expect} = Case) ->
    #{level := Level, error := Error, check := Check} = Case,
    {object, Checks} = json(Check),
    Code =
        case Error of
            undefined -> Expect;
            _ -> Error
        end,
    Reached =
        case Level of
            undefined -> -1;
            _ -> Level
        end,
    {slsa_case, Name, Bundle, json(Rules), Code, Reached, Checks}.

-spec registry_cases() -> [tuple()].
registry_cases() ->
    [registry_case(Case) || Case <- hex_provenance_test_registry:all()].

registry_case(#{name := Name, json := Event, making := Making, reading := Reading} = Case) ->
    #{expect := Expect, check := Check} = Case,
    #{prefix := Prefix, registry := Registry, repository := Repository} =
        maps:merge(hex_provenance_registry:default_options(), Making),
    {object, Checks} = json(Check),
    Json = hex_provenance_test_json:encode(Event),
    {registry_case, Name, Json, {making, Prefix, Registry, Repository}, expected(Reading), Expect,
        Checks}.

expected(Reading) ->
    Get = fun(Name) -> hex_provenance_ffi:option(maps:get(Name, Reading, undefined)) end,
    Events =
        case Reading of
            #{event := Names} when is_list(Names) -> Names;
            #{event := Name} -> [Name];
            _ -> []
        end,
    #{prefix := Prefix} = maps:merge(hex_provenance_registry:default_options(), Reading),
    {expected, Prefix, Events, Get(event_id), Get(package), Get(version), Get(registry)}.

-spec registry_key() -> {hex_provenance_sigstore:signing_key(), binary()}.
registry_key() ->
    hex_provenance_test_registry:key().

%% The bundle of a case's statement.
-spec registry_signed(binary(), binary(), hex_provenance_sigstore:signing_key()) -> binary().
registry_signed(Name, Statement, Key) ->
    [Case] = [Case || #{name := Of} = Case <- hex_provenance_test_registry:all(), Of =:= Name],
    hex_provenance_test_registry:signed(Case, Statement, Key).

test_case(#{name := Name, bundle := Bundle, json := Options, expect := Expect} = Case) ->
    #{artifact := Artifact, check := Check} = Case,
    {object, Checks} = json(Check),
    {'case', Name, Bundle, Artifact, json(Options), Expect, Checks}.

json(null) -> null;
json(Bool) when is_boolean(Bool) -> {bool, Bool};
json(Int) when is_integer(Int) -> {int, Int};
json(Float) when is_float(Float) -> {float, Float};
json(Text) when is_binary(Text) -> {string, Text};
json(List) when is_list(List) -> {array, [json(Value) || Value <- List]};
json(Map) -> {object, [{Name, json(Value)} || {Name, Value} <- maps:to_list(Map)]}.

-spec claim(binary()) -> {ok, atom()} | {error, nil}.
claim(Name) ->
    {ok, #{claims := Claims}} = hex_provenance_nif:sigstore_catalogue(),
    case [Claim || Claim <- Claims, atom_to_binary(Claim) =:= Name] of
        [Claim] -> {ok, Claim};
        [] -> {error, nil}
    end.

-spec fixture(binary()) -> binary().
fixture(Name) -> unicode:characters_to_binary(hex_provenance_test_cases:file(Name)).

-spec contents(binary()) -> binary().
contents(Name) ->
    {ok, Bytes} = file:read_file(fixture(Name)),
    Bytes.

%% PKCS #8, PEM, as openssl writes it.
-spec private_key() -> binary().
private_key() ->
    list_to_binary(os:cmd("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")).

-spec public_key(binary()) -> binary().
public_key(Pem) ->
    {ok, Key} = hex_provenance_sigstore:signing_key(#{pem => Pem}),
    {ok, #{der := Der}} = hex_provenance_sigstore:public_key(Key),
    Lines = ["-----BEGIN PUBLIC KEY-----\n", base64:encode(Der), "\n-----END PUBLIC KEY-----\n"],
    iolist_to_binary(Lines).

-spec sign(binary(), {digest, atom(), binary()}) -> {ok, binary()} | {error, binary()}.
sign(Pem, {digest, Algorithm, Digest}) ->
    [Entry] = public_key:pem_decode(Pem),
    {ok, public_key:sign({digest, Digest}, Algorithm, public_key:pem_entry_decode(Entry))}.

-spec without_token() -> nil.
without_token() ->
    [os:unsetenv(Name) || Name <- ["SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"]],
    nil.

-spec with_environment(binary(), binary(), fun(() -> Answer)) -> Answer.
with_environment(Name, Value, Test) ->
    Variable = unicode:characters_to_list(Name),
    os:putenv(Variable, unicode:characters_to_list(Value)),
    try
        Test()
    after
        os:unsetenv(Variable)
    end.

-spec contains(binary(), binary()) -> boolean().
contains(Text, Part) -> binary:match(Text, Part) =/= nomatch.

-spec print(binary()) -> nil.
print(Text) ->
    io:put_chars(Text),
    nil.

-spec finish(integer(), integer(), integer()) -> no_return().
finish(Passed, Failed, Skipped) ->
    io:format("~b passed, ~b failed, ~b skipped~n", [Passed, Failed, Skipped]),
    erlang:halt(min(Failed, 1)).
