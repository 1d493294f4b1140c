%% One contract, two databases: whatever holds for SQLite holds for PostgreSQL.
-module(hex_provenance_sql_tests).

-include_lib("eunit/include/eunit.hrl").

sqlite_test_() ->
    {setup, fun temporary_folder/0, fun file:del_dir_r/1, fun(Folder) ->
        contract(fun() ->
            Name = integer_to_list(erlang:unique_integer([positive])),
            {ok, Db} = hex_provenance_sqlite:open(filename:join(Folder, Name)),
            Db
        end)
    end}.

postgres_test_() ->
    {timeout, 600,
        {setup, fun hex_provenance_test_postgres:start/0, fun
            ({skip, Why}) ->
                ?debugFmt("skipped: ~s", [Why]),
                [];
            ({ok, Server}) ->
                contract(fun() ->
                    Database = hex_provenance_test_postgres:database(Server),
                    hex_provenance_postgres:new(hex_provenance_test_postgres:functions(Database))
                end)
        end}}.

temporary_folder() ->
    string:trim(os:cmd("mktemp -d /tmp/hex_provenance_sql.XXXXXX")).

%% Each test has a database of its own.
contract(New) ->
    [
        {timeout, 120,
            {atom_to_list(Name), fun() ->
                Db = New(),
                try
                    create(Db),
                    Test(Db)
                after
                    hex_provenance_sql:close(Db)
                end
            end}}
     || {Name, Test} <- [
            {values, fun values/1},
            {parameters_are_numbered, fun parameters_are_numbered/1},
            {counts, fun counts/1},
            {steps_are_one_whole, fun steps_are_one_whole/1},
            {an_error_in_the_middle_leaves_nothing, fun an_error_in_the_middle_leaves_nothing/1},
            {an_unmet_expectation_leaves_nothing, fun an_unmet_expectation_leaves_nothing/1},
            {many_of_one_statement, fun many_of_one_statement/1},
            {errors_are_answers, fun errors_are_answers/1},
            {writers_at_once, fun writers_at_once/1},
            {readers_see_whole_transactions, fun readers_see_whole_transactions/1},
            {killed_writers_leave_whole_transactions, fun killed_writers/1}
        ]
    ].

create(Db) ->
    Blob =
        case hex_provenance_sql:dialect(Db) of
            sqlite -> <<"BLOB">>;
            postgres -> <<"BYTEA">>
        end,
    Sql = <<"CREATE TABLE item (id BIGINT PRIMARY KEY, words TEXT, bytes ", Blob/binary, ")">>,
    ?assertEqual({ok, [], 0}, query(Db, Sql, [])).

values(Db) ->
    Large = crypto:strong_rand_bytes(1 bsl 20),
    Rows = [
        [1, null, null],
        [2, <<>>, <<>>],
        [3, <<"ünïcödé 🎈 'quoted' \\ $1"/utf8>>, <<0, 255, 0>>],
        [1 bsl 62, binary:copy(<<"x">>, 1 bsl 20), Large],
        [-(1 bsl 62), <<"a\nb">>, <<"text">>],
        [(1 bsl 63) - 1, <<"0123">>, <<"\\x00">>],
        [-(1 bsl 63), <<"1">>, <<"1">>]
    ],
    [
        ?assertEqual(
            {ok, [], 1},
            query(Db, <<"INSERT INTO item VALUES ($1, $2, $3)">>, [Id, Words, blob(Bytes)])
        )
     || [Id, Words, Bytes] <- Rows
    ],
    ?assertEqual({ok, lists:sort(Rows), 7}, query(Db, <<"SELECT * FROM item ORDER BY id">>, [])),
    [
        ?assertEqual(
            {ok, [[Id]], 1},
            query(Db, <<"SELECT id FROM item WHERE bytes = $1">>, [blob(Bytes)])
        )
     || [Id, _, Bytes] <- Rows, Bytes =/= null
    ],
    ?assertEqual(
        {ok, [[3]], 1},
        query(Db, <<"SELECT id FROM item WHERE words = $1">>, [
            {text, <<"ünïcödé 🎈 'quoted' \\ $1"/utf8>>}
        ])
    ).

parameters_are_numbered(Db) ->
    {ok, [], 1} = query(Db, <<"INSERT INTO item VALUES ($1, $2, NULL)">>, [5, <<"five">>]),
    Sql = <<"SELECT id FROM item WHERE id = $1 AND words = $2 AND id < $1 + 1">>,
    ?assertEqual({ok, [[5]], 1}, query(Db, Sql, [5, <<"five">>])).

counts(Db) ->
    {ok, [], 3} = query(Db, <<"INSERT INTO item (id) VALUES (1), (2), (3)">>, []),
    ?assertEqual({ok, [], 2}, query(Db, <<"UPDATE item SET words = 'x' WHERE id > 1">>, [])),
    ?assertEqual({ok, [], 0}, query(Db, <<"UPDATE item SET words = 'x' WHERE id > 9">>, [])),
    ?assertEqual({ok, [], 0}, query(Db, <<"CREATE TABLE other (id BIGINT)">>, [])),
    Again = <<"INSERT INTO item (id) VALUES ($1) ON CONFLICT DO NOTHING">>,
    ?assertEqual({ok, [], 0}, query(Db, Again, [1])),
    ?assertEqual({ok, [], 1}, query(Db, Again, [4])),
    Returning = <<"DELETE FROM item WHERE id > 2 RETURNING id">>,
    {ok, Deleted, 2} = query(Db, Returning, []),
    ?assertEqual([[3], [4]], lists:sort(Deleted)),
    ?assertEqual({ok, [], 0}, query(Db, <<"SELECT id FROM item WHERE id = 99">>, [])),
    ?assertEqual({ok, [[2]], 1}, query(Db, <<"SELECT count(*) FROM item">>, [])).

steps_are_one_whole(Db) ->
    ?assertEqual({ok, []}, transaction(Db, [])),
    Steps = [
        insert(1, 1),
        {<<"UPDATE item SET words = $1 WHERE id = $2">>, [<<"one">>, 1], 1},
        {<<"SELECT id, words FROM item">>, [], any}
    ],
    ?assertEqual({ok, [{[], 1}, {[], 1}, {[[1, <<"one">>]], 1}]}, transaction(Db, Steps)),
    ?assertEqual([1], ids(Db)).

an_error_in_the_middle_leaves_nothing(Db) ->
    Failing = [
        insert(1, any),
        {<<"INSERT INTO nowhere VALUES (1)">>, [], any},
        {<<"SELEC">>, [], any},
        {<<"INSERT INTO item (id) VALUES ($1)">>, [], any},
        {many, <<"INSERT INTO item (id) VALUES ($1)">>, [[7], [8], [7]], any}
    ],
    [
        begin
            Answer = transaction(Db, [insert(1, 1), insert(2, 1), Step, insert(3, 1)]),
            ?assertMatch({error, #{code := storage_failed, stage := storage}}, Answer),
            ?assertEqual([], ids(Db))
        end
     || Step <- Failing
    ],
    ?assertMatch({ok, [_, _]}, transaction(Db, [insert(1, 1), insert(2, 1)])),
    ?assertEqual([1, 2], ids(Db)).

an_unmet_expectation_leaves_nothing(Db) ->
    Unmet = {<<"UPDATE item SET words = 'x' WHERE id = 99">>, [], 1},
    ?assertEqual({conflict, 1}, transaction(Db, [Unmet, insert(1, 1)])),
    ?assertEqual({conflict, 3}, transaction(Db, [insert(1, 1), insert(2, 1), Unmet, insert(3, 1)])),
    ?assertEqual({conflict, 2}, transaction(Db, [insert(1, 1), insert(2, 0)])),
    ?assertEqual({conflict, 1}, transaction(Db, [{<<"SELECT 1 WHERE 1 = 2">>, [], 1}])),
    Nothing = {many, <<"INSERT INTO item (id) VALUES ($1)">>, [], 1},
    ?assertEqual({conflict, 2}, transaction(Db, [insert(1, 1), Nothing])),
    ?assertEqual([], ids(Db)),
    ?assertMatch({ok, [_]}, transaction(Db, [insert(1, 1)])).

many_of_one_statement(Db) ->
    Insert = <<"INSERT INTO item (id, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING">>,
    Lists = [[Id, {blob, <<Id:64>>}] || Id <- lists:seq(1, 300)],
    ?assertEqual({ok, [{[], 300}]}, transaction(Db, [{many, Insert, Lists, 300}])),
    ?assertEqual({ok, [{[], 1}]}, transaction(Db, [{many, Insert, [[300, null], [301, null]], 1}])),
    Select = {many, <<"SELECT bytes FROM item WHERE id = $1">>, [[3], [999], [1]], 2},
    ?assertEqual({ok, [{[[<<3:64>>], [<<1:64>>]], 2}]}, transaction(Db, [Select])).

errors_are_answers(Db) ->
    {ok, [], 1} = query(Db, <<"INSERT INTO item (id) VALUES (1)">>, []),
    [
        ?assertMatch(
            {error, #{code := storage_failed, message := <<_, _/binary>>, details := #{path := _}}},
            query(Db, Sql, Params)
        )
     || {Sql, Params} <- [
            {<<"SELEC">>, []},
            {<<"SELECT 1 FROM nowhere">>, []},
            {<<"INSERT INTO item (id) VALUES (1)">>, []},
            {<<"INSERT INTO item (id) VALUES ($1)">>, [null, null]},
            {<<"SELECT id FROM item WHERE id = $1">>, []}
        ],
        Params =/= [null, null] orelse hex_provenance_sql:dialect(Db) =:= sqlite
    ],
    ?assertEqual([1], ids(Db)).

%% A head that grows under a guard, as the log's does: no two writers both take a place.
writers_at_once(Db) ->
    {ok, [], 0} = query(Db, <<"CREATE TABLE head (size BIGINT)">>, []),
    {ok, [], 1} = query(Db, <<"INSERT INTO head VALUES (0)">>, []),
    Each = 25,
    Grow = fun Grow(Left, Conflicts) ->
        {ok, [[Size]], 1} = query(Db, <<"SELECT size FROM head">>, []),
        Steps = [
            {<<"UPDATE head SET size = $1 WHERE size = $2">>, [Size + 1, Size], 1},
            insert(Size, 1)
        ],
        case transaction(Db, Steps) of
            {ok, _} when Left =:= 1 -> exit({grown, Conflicts});
            {ok, _} -> Grow(Left - 1, Conflicts);
            {conflict, 1} -> Grow(Left, Conflicts + 1)
        end
    end,
    Writers = [spawn_monitor(fun() -> Grow(Each, 0) end) || _ <- lists:seq(1, 6)],
    [
        receive
            {'DOWN', Monitor, process, _, Reason} -> ?assertMatch({grown, _}, Reason)
        end
     || {_, Monitor} <- Writers
    ],
    ?assertEqual({ok, [[6 * Each]], 1}, query(Db, <<"SELECT size FROM head">>, [])),
    ?assertEqual(lists:seq(0, 6 * Each - 1), ids(Db)).

readers_see_whole_transactions(Db) ->
    Self = self(),
    Reader = spawn_link(fun() -> Self ! {reads, read_until_told(Db, 0)} end),
    [
        {ok, _} = transaction(Db, [insert(2 * N, 1), insert(2 * N + 1, 1)])
     || N <- lists:seq(1, 100)
    ],
    Reader ! stop,
    receive
        {reads, Reads} -> ?assert(Reads > 0)
    end.

read_until_told(Db, Reads) ->
    {ok, [[Count]], 1} = query(Db, <<"SELECT count(*) FROM item">>, []),
    ?assertEqual(0, Count rem 2),
    receive
        stop -> Reads + 1
    after 0 -> read_until_told(Db, Reads + 1)
    end.

killed_writers(Db) ->
    Self = self(),
    Write = fun Write() ->
        Id = 2 * erlang:unique_integer([positive]),
        {ok, _} = transaction(Db, [insert(Id, 1), insert(Id + 1, 1)]),
        Self ! wrote,
        Write()
    end,
    [
        begin
            Writers = [spawn(Write) || _ <- lists:seq(1, 3)],
            receive
                wrote -> timer:sleep(rand:uniform(20))
            end,
            [exit(Writer, kill) || Writer <- Writers]
        end
     || _ <- lists:seq(1, 15)
    ],
    Ids = ids(Db),
    ?assert(length(Ids) > 0),
    ?assertEqual([], [Id || Id <- Ids, not lists:member(Id bxor 1, Ids)]),
    ?assertMatch({ok, _}, transaction(Db, [insert(0, 1)])).

insert(Id, Expect) -> {<<"INSERT INTO item (id) VALUES ($1)">>, [Id], Expect}.

ids(Db) ->
    {ok, Rows, _} = query(Db, <<"SELECT id FROM item ORDER BY id">>, []),
    [Id || [Id] <- Rows].

blob(null) -> null;
blob(Bytes) -> {blob, Bytes}.

query(Db, Sql, Params) -> hex_provenance_sql:query(Db, Sql, Params).

transaction(Db, Steps) -> hex_provenance_sql:transaction(Db, Steps).
