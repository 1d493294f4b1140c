%% What must hold whatever fails: no acknowledged event is lost, none is in the log twice, there are
%% never two trees of one size, and fsck finds nothing.
-module(hex_provenance_log_faults_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SEQUENCER, hex_provenance_sequencer).
-define(STORE, hex_provenance_log_store).
-define(LOGS, hex_provenance_test_sequencer).

-define(EVENTS, 6).
%% Calls of a run; polling goes on for ever.
-define(MOST_CALLS, 400).

%%% Every call fails once

every_call_test_() ->
    Ways = [before, later, death],
    [
        [
            {timeout, 600, {lists:concat(["sqlite, ", How]), fun() ->
                each(How, 1, fun(Test) -> ?LOGS:sqlite(Test) end)
            end}}
         || How <- Ways
        ],
        {setup, fun hex_provenance_test_postgres:start/0, fun
            ({ok, Server}) ->
                [
                    {timeout, 600, {lists:concat(["postgres, ", How]), fun() ->
                        each(How, stride(), fun(Test) -> (?LOGS:postgres(Test))(Server) end)
                    end}}
                 || How <- Ways
                ];
            ({skip, Why}) ->
                io:format(user, "SKIPPED: faults on PostgreSQL: ~s~n", [Why]),
                []
        end}
    ].

%% On PostgreSQL each run takes a new database: there every third call, all of them by
%% HEX_PROVENANCE_FAULTS=all.
stride() ->
    case os:getenv("HEX_PROVENANCE_FAULTS") of
        "all" -> 1;
        _ -> 3
    end.

each(How, Stride, With) ->
    Failed = each(1, How, Stride, With, 0),
    io:format(user, "~b calls failed, one in each run (~s) ", [Failed, How]),
    ?assert(Failed * Stride >= 60).

each(Number, How, Stride, With, Failed) when Number < ?MOST_CALLS ->
    Run = fun() -> With(fun(Db, Folder) -> one(Db, Folder, Number, How) end) end,
    case in_process(Run) of
        failed -> each(Number + Stride, How, Stride, With, Failed + 1);
        not_reached -> Failed
    end.

%% Its connections end with it.
in_process(Run) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({done, Run()}) end),
    receive
        {'DOWN', Monitor, process, Pid, {done, Result}} -> Result;
        {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
    end.

one(Db, Folder, Number, How) ->
    Faulty = hex_provenance_test_faulty:new(Db, Number, How),
    Record = {hex_provenance_last_signed_file, Folder},
    Options = #{
        poll => 10_000,
        heads_every => 4,
        batch => 2,
        last_signed => hex_provenance_test_faulty:record(Record, Faulty)
    },
    %% Whoever appends may die of it.
    {Client, Monitor} = spawn_monitor(fun() -> appended(Faulty, Folder, Options) end),
    receive
        {'DOWN', Monitor, process, Client, _} -> ok
    end,
    Calls = hex_provenance_test_faulty:calls(Faulty),
    {ok, Log} = ?LOGS:start(Db, Folder, Options#{last_signed => Record, poll => 100}),
    {ok, _} = ?SEQUENCER:record(Log, events(lists:seq(1, ?EVENTS))),
    ?LOGS:await_all(Log, lists:seq(1, ?EVENTS)),
    {ok, #{halted := undefined}} = ?SEQUENCER:info(Log),
    ?LOGS:stop(Log),
    #{events := ?EVENTS, pending := 0} = ?LOGS:clean(Db, #{last_signed => Record}),
    case Calls >= Number of
        true -> failed;
        false -> not_reached
    end.

appended(Faulty, Folder, Options) ->
    case ?LOGS:start(Faulty, Folder, Options) of
        {ok, Log} ->
            link(Log),
            [recorded(Log, [Number]) || Number <- lists:seq(1, ?EVENTS)],
            [awaited(Log, Number) || Number <- lists:seq(1, ?EVENTS)],
            unlink(Log),
            ?LOGS:stop(Log);
        {error, _} ->
            not_started
    end.

recorded(Log, Numbers) ->
    case ?SEQUENCER:record(Log, events(Numbers)) of
        {ok, _} -> ok;
        {error, #{code := storage_failed}} -> recorded(Log, Numbers)
    end.

awaited(Log, Number) ->
    Id = <<"event-", (integer_to_binary(Number))/binary>>,
    case ?SEQUENCER:await(Log, Id, 5000) of
        {ok, _} -> ok;
        {error, #{code := storage_failed}} -> awaited(Log, Number)
    end.

events(Numbers) -> [?LOGS:event(Number) || Number <- Numbers].

%%% A full disk

full_test_() ->
    {timeout, 120, fun() ->
        ?LOGS:with_folder(fun(Folder) ->
            File = filename:join(Folder, "log.db"),
            Signed = filename:join(Folder, "signed"),
            ok = file:make_dir(Signed),
            {ok, Small} = hex_provenance_sqlite:open(File, #{max_pages => 60}),
            {ok, Log} = ?LOGS:start(Small, Signed),
            Acknowledged = until_full(Log, 1),
            ?assert(Acknowledged > 20),
            %% What is in the way of entering them is told, and nothing is lost of it.
            timer:sleep(300),
            ?LOGS:stop(Log),
            hex_provenance_sql:close(Small),
            {ok, Db} = hex_provenance_sqlite:open(File),
            {ok, Again} = ?LOGS:start(Db, Signed),
            ?LOGS:await_all(Again, lists:seq(1, Acknowledged)),
            ?LOGS:stop(Again),
            #{events := Events} = ?LOGS:clean(Db),
            ?assertEqual(Acknowledged, Events),
            hex_provenance_sql:close(Db)
        end)
    end}.

until_full(Log, Number) ->
    case ?SEQUENCER:record(Log, events([Number])) of
        {ok, [new]} -> until_full(Log, Number + 1);
        {error, #{code := storage_failed}} -> Number - 1
    end.

%% A file system of one megabyte, where this may make one.
full_disk_test_() ->
    {timeout, 120, fun() ->
        ?LOGS:with_folder(fun(Folder) ->
            case os:cmd("mount -t tmpfs -o size=2m none " ++ Folder ++ " && echo mounted") of
                "mounted\n" ->
                    try
                        on_full_disk(Folder)
                    after
                        os:cmd("umount -l " ++ Folder)
                    end;
                _ ->
                    io:format(user, "SKIPPED: a full disk: nothing can be mounted here~n", [])
            end
        end)
    end}.

on_full_disk(Folder) ->
    File = filename:join(Folder, "log.db"),
    Signed = filename:join(Folder, "signed"),
    ok = file:make_dir(Signed),
    {ok, Db} = hex_provenance_sqlite:open(File),
    {ok, Log} = ?LOGS:start(Db, Signed),
    Acknowledged = until_full(Log, 1),
    ?assert(Acknowledged > 20),
    timer:sleep(300),
    ?LOGS:stop(Log),
    hex_provenance_sql:close(Db),
    _ = os:cmd("mount -o remount,size=64m " ++ Folder),
    {ok, Opened} = hex_provenance_sqlite:open(File),
    {ok, Again} = ?LOGS:start(Opened, Signed),
    ?LOGS:await_all(Again, lists:seq(1, Acknowledged)),
    ?LOGS:stop(Again),
    ?LOGS:clean(Opened),
    hex_provenance_sql:close(Opened).

%%% Killed

-define(CLIENTS, 4).

killed_test_() ->
    Kills = list_to_integer(os:getenv("HEX_PROVENANCE_KILLS", "20")),
    Timeout = 60 + 5 * Kills,
    [
        {timeout, Timeout, {"sqlite", fun() ->
            ?LOGS:sqlite_file(fun(File, Folder) -> killed({sqlite, File}, Folder, Kills) end)
        end}},
        {setup, fun hex_provenance_test_postgres:start/0, fun
            ({ok, Server}) ->
                {timeout, Timeout, {"postgres", fun() ->
                    ?LOGS:with_folder(fun(Folder) ->
                        Database = hex_provenance_test_postgres:database(Server),
                        killed({postgres, Database}, Folder, Kills)
                    end)
                end}};
            ({skip, Why}) ->
                io:format(user, "SKIPPED: kills on PostgreSQL: ~s~n", [Why]),
                []
        end}
    ].

killed(Store, Folder, Kills) ->
    {Acknowledged, Roots} = rounds(Store, Folder, Kills, 0, [], #{}),
    Db = opened(Store),
    {ok, Log} = ?LOGS:start(Db, Folder),
    ?LOGS:await_all(Log, Acknowledged),
    {ok, #{halted := undefined}} = ?SEQUENCER:info(Log),
    ?LOGS:stop(Log),
    Record = {hex_provenance_last_signed_file, Folder},
    #{events := Events, pending := 0} = ?LOGS:clean(Db, #{last_signed => Record}),
    ?assert(Events >= length(Acknowledged)),
    ok = each_once(Db, Acknowledged),
    ok = same_trees(Db, maps:to_list(Roots)),
    hex_provenance_sql:close(Db),
    io:format(user, "~b kills, ~b events acknowledged, ~b in the log, ~b trees seen ", [
        Kills, length(Acknowledged), Events, map_size(Roots)
    ]).

opened({sqlite, File}) ->
    {ok, Db} = hex_provenance_sqlite:open(File),
    Db;
opened({postgres, Database}) ->
    ?LOGS:postgres_db(Database).

rounds(_, _, 0, _, Acknowledged, Roots) ->
    {Acknowledged, Roots};
rounds(Store, Folder, Left, Next, Acknowledged, Roots) ->
    {_, _, Port} = Victim = hex_provenance_test_victim:start(Store, Folder),
    Self = self(),
    Clients = [
        spawn_link(fun() -> Self ! {self(), client(Port, Next + N, [], #{})} end)
     || N <- lists:seq(1, ?CLIENTS)
    ],
    timer:sleep(rand:uniform(400)),
    hex_provenance_test_victim:kill(Victim),
    Results = [
        receive
            {Client, Result} -> Result
        end
     || Client <- Clients
    ],
    Acks = lists:append([A || {A, _, _} <- Results]),
    Seen = lists:foldl(fun({_, _, R}, All) -> agree(R, All) end, Roots, Results),
    Further = lists:max([Last || {_, Last, _} <- Results]),
    rounds(Store, Folder, Left - 1, Further, Acks ++ Acknowledged, Seen).

%% Two clients, or one before and one after a kill, never see two roots of one size.
agree(Roots, All) ->
    maps:fold(
        fun(Size, Root, Known) ->
            ?assertEqual(Root, maps:get(Size, Known, Root)),
            Known#{Size => Root}
        end,
        All,
        Roots
    ).

client(Port, First, Acks, Roots) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}, {packet, 4}]) of
        {ok, Socket} -> appending(Socket, First, Acks, Roots);
        {error, _} -> {Acks, First, Roots}
    end.

appending(Socket, Number, Acks, Roots) ->
    case hex_provenance_test_victim:append(Socket, Number) of
        ok ->
            Seen = seen(hex_provenance_test_victim:checkpoint(Socket), Roots),
            appending(Socket, Number + ?CLIENTS, [Number | Acks], Seen);
        {error, _} ->
            appending(Socket, Number, Acks, Roots);
        dead ->
            %% The event that was under way may be in or not.
            {Acks, Number + ?CLIENTS, Roots}
    end.

seen({Size, Root}, Roots) -> agree(#{Size => Root}, Roots);
seen(_, Roots) -> Roots.

each_once(Db, Numbers) ->
    {ok, #{size := Size}} = ?STORE:head(Db),
    Ids = ids(Db, 0, Size, []),
    ?assertEqual(length(Ids), length(lists:usort(Ids))),
    Wanted = [<<"event-", (integer_to_binary(N))/binary>> || N <- Numbers],
    ?assertEqual([], lists:usort(Wanted) -- Ids),
    ok.

ids(_, Start, Size, Ids) when Start >= Size ->
    lists:sort(Ids);
ids(Db, Start, Size, Ids) ->
    {ok, Entries} = hex_provenance_log_entries:entries(Db, Start, 256),
    Found = [id(Leaf) || #{leaf := Leaf, event := Event} <- Entries, Event =/= undefined],
    ids(Db, Start + 256, Size, Found ++ Ids).

id(Leaf) ->
    [_, Rest] = binary:split(Leaf, <<"\"id\":\"">>),
    [Id, _] = binary:split(Rest, <<"\"">>),
    Id.

same_trees(Db, Roots) ->
    {ok, Prover} = hex_provenance_log_nif:log_prover(64),
    lists:foreach(
        fun({Size, Root}) ->
            Ask = fun(Asked) -> hex_provenance_log_nif:log_root(Asked, Size) end,
            ?assertEqual({ok, Root}, hex_provenance_log_entries:proof({Db, Prover}, Ask))
        end,
        Roots
    ).
