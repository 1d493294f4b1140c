%% @doc The contract cases as Gleam's records, and what a test needs without a standard library.
-module(hex_provenance_test_ffi).

-export([cases/0, claim/1, fixture/1, contents/1, contains/2, print/1, finish/3]).

-spec cases() -> [tuple()].
cases() ->
    {ok, _} = application:ensure_all_started(crypto),
    [test_case(Case) || Case <- hex_provenance_test_cases:all()].

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
