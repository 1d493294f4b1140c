%% @doc The SLSA cases of test/slsa/cases.json, read for the runners of all three languages.
-module(hex_provenance_test_slsa).

-export([all/0, rules/1, verified/1]).

-type test_case() :: #{
    name := binary(),
    bundle := binary(),
    rules := map(),
    json := map(),
    level := 0..3 | undefined,
    expect := binary(),
    error := binary() | undefined,
    check := #{binary() => term()}
}.

-spec all() -> [test_case()].
all() ->
    [test_case(Json) || Json <- hex_provenance_test_cases:json("test/slsa/cases.json")].

test_case(#{<<"name">> := Name} = Json) ->
    File = maps:get(<<"bundle">>, Json, <<"v1-dsse.json">>),
    {ok, Bundle} = file:read_file(hex_provenance_test_cases:file(File)),
    Rules = maps:get(<<"rules">>, Json, #{}),
    #{
        name => Name,
        bundle => Bundle,
        rules => rules(Rules),
        json => Rules,
        level => maps:get(<<"level">>, Json, undefined),
        expect => maps:get(<<"expect">>, Json, <<"accepted">>),
        error => maps:get(<<"error">>, Json, undefined),
        check => maps:get(<<"check">>, Json, #{})
    }.

%% @doc The evidence of a case's bundle.
-spec verified(binary()) -> hex_provenance_sigstore:evidence().
verified(Bundle) ->
    File = hex_provenance_test_cases:file(<<"artifact">>),
    Root = hex_provenance_test_cases:file(<<"trusted_root.json">>),
    {ok, Evidence} = hex_provenance_sigstore:verify(Bundle, {file, File}, #{
        identity => unchecked, trust => {file, Root}
    }),
    Evidence.

%% @doc Rules in JSON as the Erlang face takes them.
-spec rules(#{binary() => term()}) -> map().
rules(Json) ->
    maps:from_list([rule(binary_to_atom(Name), Value) || {Name, Value} <- maps:to_list(Json)]).

rule(expect, Expected) -> {expect, maps:map(fun expected/2, atom_keys(Expected))};
rule(Name, #{<<"only">> := Rows}) -> {Name, {only, [row(Row) || Row <- Rows]}};
rule(Name, Rows) when is_list(Rows) -> {Name, [row(Row) || Row <- Rows]};
rule(Name, Value) -> {Name, atom_keys(Value)}.

expected(unrecognised, Name) -> binary_to_atom(Name);
expected(inputs, Inputs) -> maps:map(fun(_, Input) -> input(Input) end, Inputs);
expected(_, Value) -> matcher(Value).

input(#{<<"equal">> := Value}) -> {equal, Value};
input(Name) when Name =:= <<"any">>; Name =:= <<"absent">> -> binary_to_atom(Name);
input(Value) -> matcher(Value).

row(Row) -> maps:map(fun field/2, atom_keys(Row)).

field(refs, Name) -> binary_to_atom(Name);
field(signer, #{<<"workflow">> := Workflow}) -> {workflow, matcher(Workflow)};
field(_, Value) -> matcher(Value).

matcher(#{<<"pattern">> := Pattern}) -> {pattern, Pattern};
matcher(List) when is_list(List) -> [matcher(One) || One <- List];
matcher(Other) -> Other.

atom_keys(Map) ->
    maps:from_list([{binary_to_atom(Name), Value} || {Name, Value} <- maps:to_list(Map)]).
