%% @doc The cases of registry events (test/registry/cases.json), read for the runners of all three
%% languages.
-module(hex_provenance_test_registry).

-export([all/0, key/0, signed/3]).

-type test_case() :: #{
    name := binary(),
    json := #{binary() => term()},
    event := map(),
    making := map(),
    reading := map(),
    change := {binary(), binary()} | none,
    expect := binary(),
    check := #{binary() => term()}
}.

-spec all() -> [test_case()].
all() ->
    [test_case(Json) || Json <- hex_provenance_test_cases:json("test/registry/cases.json")].

test_case(#{<<"name">> := Name, <<"event">> := Event} = Json) ->
    Whole = maps:merge(usual(), Event),
    #{
        name => Name,
        json => Whole,
        event => event(Whole),
        making => options(maps:get(<<"making">>, Json, #{})),
        reading => options(maps:get(<<"reading">>, Json, #{})),
        change => change(maps:get(<<"change">>, Json, none)),
        expect => maps:get(<<"expect">>, Json, <<"ok">>),
        check => maps:get(<<"check">>, Json, #{})
    }.

usual() ->
    #{
        <<"package">> => <<"phoenix">>,
        <<"eventId">> => <<"e1">>,
        <<"occurredAt">> => <<"2026-01-31T12:00:00Z">>,
        <<"actor">> => #{<<"kind">> => <<"user">>, <<"id">> => <<"chrismccord">>}
    }.

change([From, To]) -> {From, To};
change(none) -> none.

options(Json) ->
    maps:from_list([option(binary_to_atom(Name), Value) || {Name, Value} <- maps:to_list(Json)]).

option(event, Names) when is_list(Names) -> {event, [binary_to_atom(Name) || Name <- Names]};
option(event, Name) -> {event, binary_to_atom(Name)};
option(Name, Value) -> {Name, Value}.

%% The event as Erlang has it.
event(#{<<"sha256">> := Hex}) when is_binary(Hex) ->
    {sha256, binary:decode_hex(Hex)};
event(#{} = Object) ->
    maps:from_list([member(Name, Value) || {Name, Value} <- maps:to_list(Object)]);
event(List) when is_list(List) ->
    [event(Value) || Value <- List];
event(Value) ->
    Value.

member(Name, Value) when Name =:= <<"claims">>; Name =:= <<"statements">> ->
    {binary_to_atom(Name), Value};
member(<<"eventId">>, Value) -> {event_id, Value};
member(<<"occurredAt">>, Value) -> {occurred_at, Value};
member(<<"predicateType">>, Value) -> {predicate_type, Value};
member(Name, Value) -> word(binary_to_atom(Name), event(Value)).

word(Name, Word) when is_binary(Word) ->
    Words = [event, action, state, format, kind],
    case lists:member(Name, Words) of
        true -> {Name, binary_to_atom(Word)};
        false -> {Name, Word}
    end;
word(Name, Value) ->
    {Name, Value}.

%% @doc A fresh P-256 key, and its public half.
-spec key() -> {hex_provenance_sigstore:signing_key(), PublicDer :: binary()}.
key() ->
    {ok, _} = application:ensure_all_started(public_key),
    Ec = public_key:generate_key({namedCurve, secp256r1}),
    Pem = public_key:pem_encode([public_key:pem_entry_encode('PrivateKeyInfo', Ec)]),
    {ok, Key} = hex_provenance_sigstore:signing_key(#{pem => Pem}),
    {ok, #{der := Public}} = hex_provenance_sigstore:public_key(Key),
    {Key, Public}.

%% @doc The bundle of a case's statement, changed as the case says: then no longer one that the
%% library itself would sign.
-spec signed(test_case(), binary(), hex_provenance_sigstore:signing_key()) -> binary().
signed(#{change := none, making := Making}, Statement, Key) ->
    Options = (maps:with([prefix], Making))#{key => Key},
    {ok, #{bundle := Bundle}} = hex_provenance_registry:sign(Statement, Options),
    Bundle;
signed(#{change := {From, To}}, Statement, Key) ->
    Changed = binary:replace(Statement, From, To),
    true = Changed =/= Statement,
    {error, _} = hex_provenance_registry:sign(Changed, Key),
    bundle(Changed, Key).

%% Past what signs only what is sound.
bundle(Statement, Key) ->
    case hex_provenance_sigstore:sign({statement, Statement}, #{key => Key}) of
        {ok, #{bundle := Bundle}} ->
            Bundle;
        {error, _} ->
            Sound = hex_provenance_test_json:encode(#{
                <<"_type">> => <<"https://in-toto.io/Statement/v1">>,
                <<"subject">> => [#{digest => #{sha256 => binary:copy(<<"0">>, 64)}}],
                <<"predicateType">> => <<"x">>
            }),
            {ok, #{bundle := Bundle}} =
                hex_provenance_sigstore:sign({statement, Sound}, #{key => Key}),
            binary:replace(Bundle, base64:encode(Sound), base64:encode(Statement))
    end.
