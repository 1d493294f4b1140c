%% Properties of the library with which a log is run, where PropEr is installed.
-module(hex_provenance_log_prop_tests).

-ifdef(PROPER).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

properties_test_() ->
    {setup, fun() -> string:trim(os:cmd("mktemp -d /tmp/hex_provenance_log.XXXXXX")) end,
        fun file:del_dir_r/1, fun(Folder) ->
            Db = database(Folder),
            [
                {Name, {timeout, 300, ?_assertEqual(true, check(Property))}}
             || {Name, Property} <- [
                    {"no term crashes a function", prop_no_term_crashes_a_function()},
                    {"however a log is entered, it is the same", prop_batches_make_one_log()},
                    {"values come back as they went in", prop_values_come_back(Db)},
                    {"a transaction is done or not", prop_transactions_are_whole(Db)}
                ]
            ]
        end}.

check(Property) -> proper:quickcheck(Property, [300, quiet, long_result]).

%% What opens files is left out: it would open them.
prop_no_term_crashes_a_function() ->
    Functions = [
        Function
     || {Name, _} = Function <- hex_provenance_log_nif:module_info(exports),
        not lists:member(Name, [module_info, test_hook, sqlite_open])
    ],
    ?FORALL(
        {{Name, Arity}, Terms},
        {oneof(Functions), vector(5, any())},
        case apply(hex_provenance_log_nif, Name, lists:sublist(Terms, Arity)) of
            {ok, _} -> true;
            {error, #{code := Code}} -> Code =/= internal
        end
    ).

prop_batches_make_one_log() ->
    ?FORALL(
        {Names, Cut},
        {non_empty(list(oneof([<<"a">>, <<"b">>, <<"c">>]))), range(1, 9)},
        begin
            Numbered = lists:zip(lists:seq(1, length(Names)), Names),
            Events = [
                {event, hex_provenance_log_nif_tests:statement(Name, Id), <<"s">>}
             || {Id, Name} <- Numbered
            ],
            entered(Events, 256) =:= entered(Events, Cut)
        end
    ).

%% Head and leaves of a log that is entered in batches of that many.
entered(Events, Batch) ->
    entered(Events, Batch, #{size => 0, edge => <<>>}, #{}, []).

entered([], _, Head, Heads, Leaves) ->
    {Head, Heads, lists:append(lists:reverse(Leaves))};
entered(Events, Batch, Head, Heads, Leaves) ->
    {Now, Later} = lists:split(min(Batch, length(Events)), Events),
    {ok, #{size := Size, edge := Edge, entries := Entries, heads := Changed}} =
        hex_provenance_log_nif:log_sequence(Head, Now, Heads, <<"https://hex.pm/attestation">>),
    More = [Leaf || #{leaf := Leaf} <- Entries],
    Next = #{size => Size, edge => Edge},
    entered(Later, Batch, Next, maps:merge(Heads, Changed), [More | Leaves]).

prop_values_come_back(Db) ->
    Integer = oneof([integer(), range(-(1 bsl 63), (1 bsl 63) - 1)]),
    ?FORALL(
        {Id, Words, Bytes},
        {Integer, oneof([null, words()]), oneof([null, {blob, binary()}])},
        begin
            {ok, [], 1} = query(Db, <<"INSERT INTO item VALUES ($1, $2, $3)">>, [Id, Words, Bytes]),
            Read = query(Db, <<"SELECT * FROM item WHERE id = $1">>, [Id]),
            {ok, [], 1} = query(Db, <<"DELETE FROM item">>, []),
            Read =:= {ok, [[Id, Words, plain(Bytes)]], 1}
        end
    ).

words() -> ?LET(Chars, list(range(1, 16#d7ff)), unicode:characters_to_binary(Chars)).

plain(null) -> null;
plain({blob, Bytes}) -> Bytes.

%% Inserts fail where the key is taken, updates and deletions where they expect a row that is not
%% there.
prop_transactions_are_whole(Db) ->
    Step = {oneof([insert, update, delete]), range(1, 6), range(1, 100)},
    ?FORALL(
        Transactions,
        list(non_empty(list(Step))),
        begin
            {ok, [], _} = query(Db, <<"DELETE FROM item">>, []),
            Run = fun(Steps, Kept) -> run(Db, Steps, Kept) end,
            Model = lists:sort(maps:to_list(lists:foldl(Run, #{}, Transactions))),
            {ok, Rows, _} = query(Db, <<"SELECT id, words FROM item ORDER BY id">>, []),
            Rows =:= [[Id, integer_to_binary(Value)] || {Id, Value} <- Model]
        end
    ).

run(Db, Steps, Kept) ->
    Expected = modelled(Steps, 1, Kept),
    case {hex_provenance_sql:transaction(Db, [step(Step) || Step <- Steps]), Expected} of
        {{ok, _}, {ok, Changed}} -> Changed;
        {{conflict, Number}, {conflict, Number}} -> Kept;
        {{error, #{code := storage_failed}}, error} -> Kept
    end.

modelled([], _, Model) -> {ok, Model};
modelled([{insert, Id, _} | _], _, Model) when is_map_key(Id, Model) -> error;
modelled([{insert, Id, Value} | Rest], N, Model) -> modelled(Rest, N + 1, Model#{Id => Value});
modelled([{_, Id, _} | _], N, Model) when not is_map_key(Id, Model) -> {conflict, N};
modelled([{update, Id, Value} | Rest], N, Model) -> modelled(Rest, N + 1, Model#{Id => Value});
modelled([{delete, Id, _} | Rest], N, Model) -> modelled(Rest, N + 1, maps:remove(Id, Model)).

step({insert, Id, Value}) ->
    {<<"INSERT INTO item (id, words) VALUES ($1, $2)">>, [Id, integer_to_binary(Value)], 1};
step({update, Id, Value}) ->
    {<<"UPDATE item SET words = $1 WHERE id = $2">>, [integer_to_binary(Value), Id], 1};
step({delete, Id, _}) ->
    {<<"DELETE FROM item WHERE id = $1">>, [Id], 1}.

database(Folder) ->
    {ok, Db} = hex_provenance_sqlite:open(filename:join(Folder, "db")),
    Create = <<"CREATE TABLE item (id INTEGER PRIMARY KEY, words TEXT, bytes BLOB)">>,
    {ok, [], 0} = query(Db, Create, []),
    Db.

query(Db, Sql, Params) -> hex_provenance_sql:query(Db, Sql, Params).

-endif.
