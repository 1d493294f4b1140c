%% @doc The log's cases as Gleam's records.
-module(hex_provenance_test_log_ffi).

-export([cases/0, trust_file/1, change/1, serving/3]).

-spec cases() -> [tuple()].
cases() ->
    [log_case(Case) || Case <- hex_provenance_test_log_cases:all()].

log_case(#{name := Name, answer := Answer, trust := Trust, json := Options} = Case) ->
    #{expect := Expect, check := Check} = Case,
    {'case', Name, call(Case), Answer, Trust, pairs(Options), Expect, pairs(Check)}.

call(#{call := list}) ->
    of_list;
call(#{call := entry, entry := Item}) ->
    {of_entry, item(Item)};
call(#{call := state, state := #{version := Version, locked := Locked, chain := Chain}}) ->
    {of_state, Version, optional(Locked), Chain}.

item(#{index := Index, leaf := Leaf, inclusion := Path, checkpoint := Note} = Item) ->
    Statement =
        case Item of
            #{bundle := Bundle} -> {bundle, Bundle};
            #{} -> no_statement
        end,
    {item, Index, Leaf, Path, Statement, {noted, Note}}.

optional(undefined) -> none;
optional(Value) -> {some, Value}.

pairs(Map) -> [{Name, json(Value)} || {Name, Value} <- maps:to_list(Map)].

json(null) -> null;
json(Bool) when is_boolean(Bool) -> {bool, Bool};
json(Int) when is_integer(Int) -> {int, Int};
json(Text) when is_binary(Text) -> {string, Text}.

-spec trust_file(binary()) -> binary().
trust_file(Name) -> unicode:characters_to_binary(hex_provenance_test_log_cases:trust_file(Name)).

-spec change(binary()) -> tuple().
change(File) ->
    Answer = hex_provenance_test_log_cases:answer(File),
    item(hex_provenance_test_log_cases:item(Answer)).

-spec serving(binary(), binary(), fun((binary()) -> Answer)) -> Answer.
serving(World, File, Test) ->
    Answer = hex_provenance_test_json:encode(hex_provenance_test_log_cases:answer(File)),
    Answers = #{<<"/api/packages/a/attestations?limit=100">> => Answer},
    Served = (hex_provenance_test_log_cases:world(World))#{answers => Answers},
    #{url := Url} = Server = hex_provenance_test_log_cases:serve(Served),
    try
        Test(unicode:characters_to_binary(Url))
    after
        hex_provenance_test_proxy:stop(Server)
    end.
