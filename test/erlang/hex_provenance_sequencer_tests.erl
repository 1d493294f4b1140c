-module(hex_provenance_sequencer_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SEQUENCER, hex_provenance_sequencer).
-define(STORE, hex_provenance_log_store).
-define(LOGS, hex_provenance_test_sequencer).

both_test_() ->
    ?LOGS:both([
        {"recorded, entered, published", fun whole/2},
        {"started again", fun again/2},
        {"what the host recorded", fun of_the_host/2},
        {"four clients", fun clients/2},
        {"heads maps", fun maps/2},
        {"signed again when idle", fun idle/2},
        {"a clock that goes back", fun clock/2},
        {"key changes", fun keys/2},
        {"a registry's new key", fun registry_key/2},
        {"witnesses", fun witnesses/2},
        {"a quorum is not replaced", fun quorum/2},
        {"the record outside is gone", fun record_gone/2},
        {"the record outside tells of more", fun record_ahead/2}
    ]).

whole(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder, #{on_event => telling()}),
    Ref = ?SEQUENCER:subscribe(Log),
    ?assertEqual({ok, [new, new]}, ?SEQUENCER:record(Log, events([1, 2]))),
    ?assertEqual({ok, [known]}, ?SEQUENCER:record(Log, events([2]))),
    ?LOGS:await_all(Log, [1, 2]),
    receive
        {hex_provenance_log, Ref, Size} when Size >= 1 -> ok
    after 5000 -> error(no_message)
    end,
    ?assertMatch(
        {ok, #{size := 2, checkpoint := 2, pending := 0, halted := undefined, failing := #{}}},
        ?SEQUENCER:info(Log)
    ),
    ok = ?SEQUENCER:unsubscribe(Log, Ref),
    Told = told(),
    ?assert(lists:any(fun({What, _, _}) -> What =:= signed end, Told)),
    [?assert(D >= 0) || {batch, #{delay := D}, #{origin := <<"log.example">>}} <- Told],
    ?assertEqual(timeout, ?SEQUENCER:await(Log, <<"unknown">>, 50)),
    ?LOGS:stop(Log),
    ?LOGS:clean(Db, #{last_signed => {hex_provenance_last_signed_file, Folder}}).

telling() ->
    Self = self(),
    fun(Name, Measured, About) -> Self ! {told, lists:last(Name), Measured, About} end.

told() ->
    receive
        {told, Name, Measured, About} -> [{Name, Measured, About} | told()]
    after 0 -> []
    end.

again(Db, Folder) ->
    lists:foreach(
        fun(Round) ->
            {ok, Log} = ?LOGS:start(Db, Folder),
            Numbers = lists:seq(Round * 10, Round * 10 + 9),
            {ok, _} = ?SEQUENCER:record(Log, events(Numbers)),
            ?LOGS:await_all(Log, [lists:last(Numbers)]),
            ?LOGS:stop(Log)
        end,
        lists:seq(1, 4)
    ),
    ?assertMatch(#{events := 40}, ?LOGS:clean(Db)).

of_the_host(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder),
    Steps = ?STORE:record_steps(events([1]), hex_provenance_sql:dialect(Db)),
    {ok, _} = hex_provenance_sql:transaction(Db, Steps),
    ?LOGS:await_all(Log, [1]),
    ?LOGS:stop(Log).

%% All record the same events: each is in the log once.
clients(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder),
    Self = self(),
    Events = events(lists:seq(1, 300)),
    Pids = [
        spawn_link(fun() ->
            Shuffled = [E || {_, E} <- lists:sort([{rand:uniform(), E} || E <- Events])],
            [{ok, [_]} = ?SEQUENCER:record(Log, [E]) || E <- Shuffled],
            Self ! {done, self()}
        end)
     || _ <- lists:seq(1, 4)
    ],
    [
        receive
            {done, Pid} -> ok
        end
     || Pid <- Pids
    ],
    ?LOGS:await_all(Log, lists:seq(1, 300)),
    ?LOGS:stop(Log),
    ?assertMatch(#{events := 300, pending := 0}, ?LOGS:clean(Db)).

maps(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder, #{heads_every => 20, batch => 8, heads_idle => 300}),
    [{ok, _} = ?SEQUENCER:record(Log, events(lists:seq(N, N + 9))) || N <- lists:seq(0, 190, 10)],
    ?LOGS:await_all(Log, [199]),
    {ok, Own} = hex_provenance_log_entries:own_entries(Db, -1, 100),
    ?assert(length(Own) >= 6),
    %% No client ever has to read more than a map's interval and two batches.
    Places = [{Index, hex_provenance_log_rows:map_covers(Leaf)} || {Index, heads, Leaf} <- Own],
    [
        ?assert(Next + 1 - Covers =< 20 + 2 * 8)
     || {{_, Covers}, {Next, _}} <- lists:zip(lists:droplast(Places), tl(Places))
    ],
    wait(fun() ->
        {ok, #{size := Size, heads := {Index, Covers}}} = ?STORE:head(Db),
        Index =:= Size - 1 andalso Covers =:= Index
    end),
    timer:sleep(700),
    {ok, #{size := Size, heads := {Index, _}}} = ?STORE:head(Db),
    ?assertEqual(Size - 1, Index),
    ?LOGS:stop(Log),
    ?LOGS:clean(Db).

idle(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder, #{again_every => 100}),
    {ok, _} = ?SEQUENCER:record(Log, events([1])),
    ?LOGS:await_all(Log, [1]),
    {ok, #{note := Note}} = ?STORE:checkpoint(Db, newest),
    timer:sleep(400),
    %% Ed25519 signs the same text in the same way.
    ?assertMatch({ok, #{note := Note, size := 1}}, ?STORE:checkpoint(Db, newest)),
    ?LOGS:stop(Log).

%% What was recorded lies in the future now.
clock(Db, Folder) ->
    ok = ?STORE:migrate(Db),
    {ok, _} = ?STORE:record(Db, events([1, 2])),
    {ok, _, 2} = hex_provenance_sql:query(
        Db, <<"UPDATE hp_outbox SET recorded = recorded + 1000000000">>, []
    ),
    {ok, Log} = ?LOGS:start(Db, Folder, #{on_event => telling()}),
    ?LOGS:await_all(Log, [1, 2]),
    [?assert(D >= 0) || {batch, #{delay := D}, _} <- told()],
    ?LOGS:stop(Log),
    ?LOGS:clean(Db).

keys(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder),
    {ok, _} = ?SEQUENCER:record(Log, events([1, 2])),
    ?LOGS:await_all(Log, [1, 2]),
    New = ?LOGS:log_key(2),
    {ok, Index} = ?SEQUENCER:rotate_log_key(Log, New),
    {ok, _} = ?SEQUENCER:record(Log, events([3])),
    ?LOGS:await_all(Log, [3]),
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(New),
    {ok, Policy} = hex_provenance_log_nif:log_policy(<<"log ", Vkey/binary, "\nquorum none\n">>),
    {ok, #{note := Note, size := Size}} = ?STORE:checkpoint(Db, newest),
    ?assert(Size > Index),
    ?assertMatch({ok, _}, hex_provenance_log_nif:log_policy_check(Policy, Note, undefined)),
    %% The same change again is the same entry.
    {ok, [{Index, key_change, Leaf}]} = hex_provenance_log_entries:own_entries(Db, -1, 9),
    ?assertEqual({ok, Index}, ?SEQUENCER:enter_key_change(Log, Leaf)),
    ?LOGS:stop(Log),
    %% The old key signs no more; the new one does.
    {ok, Old} = ?LOGS:start(Db, Folder),
    wait(fun() ->
        {ok, #{halted := Halted}} = ?SEQUENCER:info(Old),
        Halted =/= undefined
    end),
    ?assertMatch({error, #{code := storage_failed}}, ?SEQUENCER:enter_key_change(Old, Leaf)),
    ?LOGS:stop(Old),
    {ok, Next} = ?LOGS:start(Db, Folder, #{log_key => New}),
    {ok, _} = ?SEQUENCER:record(Next, events([4])),
    ?LOGS:await_all(Next, [4]),
    ?LOGS:stop(Next),
    {ok, OldVkey} = hex_provenance_log_nif:log_vkey(?LOGS:log_key()),
    ?LOGS:clean(Db, #{log_keys => [OldVkey, Vkey]}).

%% What the old key signed is in before the change, and what is signed later by the new one.
registry_key(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder),
    Self = self(),
    Client = spawn_link(fun() ->
        [{ok, _} = ?SEQUENCER:record(Log, events([N])) || N <- lists:seq(1, 200)],
        Self ! {done, self()}
    end),
    timer:sleep(30),
    {OldSpki, OldSign, _} = ?LOGS:key_pair(1),
    {NewSpki, NewSign, New} = ?LOGS:key_pair(2),
    {ok, Message} = hex_provenance_log_nif:log_key_change_message(
        <<"log.example">>, registry, OldSpki, NewSpki
    ),
    {ok, Leaf} = hex_provenance_log_nif:log_key_change(
        <<"log.example">>, registry, {OldSpki, OldSign(Message)}, {NewSpki, NewSign(Message)}
    ),
    {ok, Index} = ?SEQUENCER:rotate_registry_key(Log, Leaf, #{key => New}),
    receive
        {done, Client} -> ok
    end,
    ?LOGS:await_all(Log, lists:seq(1, 200)),
    ?LOGS:stop(Log),
    #{registry := #{keys := [Old]}, hints := [{0, OldHint}]} = ?LOGS:verification(),
    Keys = [Old, #{der => NewSpki}],
    NewHint = base64:encode(crypto:hash(sha256, NewSpki)),
    Hints = [{0, OldHint}, {Index, NewHint}],
    Options = #{registry => #{keys => Keys}, hints => Hints},
    ?assertMatch(#{events := 200, verified := 200}, ?LOGS:clean(Db, Options)).

witnesses(Db, Folder) ->
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(?LOGS:log_key()),
    Names = [<<"w1">>, <<"w2">>, <<"w3">>],
    Witnesses = [hex_provenance_test_witness:start(Name, Vkey) || Name <- Names],
    [_, Second, Third] = Witnesses,
    {ok, Log} = ?LOGS:start(Db, Folder, witnessed(Witnesses, 2)),
    lists:foreach(
        fun(Number) ->
            {ok, _} = ?SEQUENCER:record(Log, events([Number])),
            ?LOGS:await_all(Log, [Number])
        end,
        lists:seq(1, 5)
    ),
    {ok, #{note := Note, quorum := true}} = ?STORE:checkpoint(Db, newest),
    {ok, #{signatures := Signatures}} = hex_provenance_log_nif:log_note(Note),
    ?assertEqual(4, length(Signatures)),
    %% One that fails, or lies, is not waited for, nor believed.
    ok = hex_provenance_test_witness:set(Third, mode, garbage),
    {ok, _} = ?SEQUENCER:record(Log, events([6])),
    ?LOGS:await_all(Log, [6]),
    ok = hex_provenance_test_witness:set(Third, delay, 60_000),
    {ok, _} = ?SEQUENCER:record(Log, events([7])),
    ?LOGS:await_all(Log, [7]),
    hex_provenance_test_witness:stop(Third),
    {ok, _} = ?SEQUENCER:record(Log, events([8])),
    ?LOGS:await_all(Log, [8]),
    ?LOGS:stop(Log),
    %% One that starts anew does not know what the witnesses saw last; they tell.
    {ok, Again} = ?LOGS:start(Db, Folder, witnessed(Witnesses, 2)),
    {ok, _} = ?SEQUENCER:record(Again, events([9])),
    ?LOGS:await_all(Again, [9]),
    ?LOGS:stop(Again),
    Seen = hex_provenance_test_witness:seen(Second),
    ?assertMatch([{9, _} | _], Seen),
    ?assertEqual(length(lists:usort(Seen)), length(lists:usort([Size || {Size, _} <- Seen]))),
    [hex_provenance_test_witness:stop(One) || One <- [hd(Witnesses), Second]],
    ?LOGS:clean(Db, #{witnesses => maps:get(witnesses, witnessed(Witnesses, 2))}).

quorum(Db, Folder) ->
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(?LOGS:log_key()),
    Witness = hex_provenance_test_witness:start(<<"w">>, Vkey),
    {ok, Log} = ?LOGS:start(Db, Folder, (witnessed([Witness], 1))#{retry_every => 100}),
    {ok, _} = ?SEQUENCER:record(Log, events([1])),
    ?LOGS:await_all(Log, [1]),
    ok = hex_provenance_test_witness:set(Witness, mode, refusing),
    {ok, _} = ?SEQUENCER:record(Log, events([2])),
    wait(fun() ->
        {ok, #{size := Signed}} = ?STORE:checkpoint(Db, signed),
        Signed =:= 2
    end),
    timer:sleep(300),
    ?assertMatch({ok, #{size := 1, quorum := true}}, ?STORE:checkpoint(Db, newest)),
    ?assertMatch({ok, #{size := 2, checkpoint := 1}}, ?SEQUENCER:info(Log)),
    ok = hex_provenance_test_witness:set(Witness, mode, honest),
    ?LOGS:await_all(Log, [2]),
    ?LOGS:stop(Log),
    hex_provenance_test_witness:stop(Witness).

witnessed(Witnesses, Threshold) ->
    Names = [Name || #{name := Name} <- Witnesses],
    Lines = [
        ["witness ", Name, " ", vkey(Witness), " ", hex_provenance_test_witness:url(Witness), "\n"]
     || #{name := Name} = Witness <- Witnesses
    ],
    Group = ["group all-of-them ", integer_to_list(Threshold), " ", lists:join(" ", Names), "\n"],
    #{
        witnesses => iolist_to_binary([Lines, Group, "quorum all-of-them\n"]),
        witness_options => #{
            timeout => 3000, grace => 200, client => {hex_provenance_test_witness, #{}}
        }
    }.

vkey(Witness) -> hex_provenance_test_witness:vkey(Witness).

record_gone(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder),
    {ok, _} = ?SEQUENCER:record(Log, events([1])),
    ?LOGS:await_all(Log, [1]),
    ?LOGS:stop(Log),
    os:cmd("rm " ++ Folder ++ "/signed-*"),
    {ok, Halted} = ?LOGS:start(Db, Folder),
    is_halted(Halted, storage_failed),
    {ok, {1, Root}} = ?STORE:signed(Db),
    %% Events are recorded all the same, and go in once the record is back.
    {ok, [new]} = ?SEQUENCER:record(Halted, events([2])),
    timer:sleep(200),
    {ok, #{size := 1}} = ?STORE:head(Db),
    ?LOGS:stop(Halted),
    ok = hex_provenance_last_signed_file:swap(Folder, undefined, {1, Root}),
    {ok, Back} = ?LOGS:start(Db, Folder),
    ?LOGS:await_all(Back, [2]),
    ?LOGS:stop(Back).

record_ahead(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder),
    {ok, _} = ?SEQUENCER:record(Log, events([1])),
    ?LOGS:await_all(Log, [1]),
    ?LOGS:stop(Log),
    {ok, Last} = hex_provenance_last_signed_file:read(Folder),
    ok = hex_provenance_last_signed_file:swap(Folder, Last, {7, <<7:256>>}),
    {ok, Halted} = ?LOGS:start(Db, Folder),
    is_halted(Halted, consistency_broken),
    ?LOGS:stop(Halted).

%%% Databases that forgot something

%% An old file is put in the place of the present one, and the log goes on from there.
restored_test_() ->
    {timeout, 60, fun() ->
        ?LOGS:with_folder(fun(Folder) ->
            File = filename:join(Folder, "log.db"),
            Signed = filename:join(Folder, "signed"),
            ok = file:make_dir(Signed),
            round(File, Signed, [1, 2, 3]),
            {ok, _} = file:copy(File, File ++ ".backup"),
            round(File, Signed, [4, 5]),
            ok = file:rename(File ++ ".backup", File),
            forgotten(fun() -> hex_provenance_sqlite:open(File) end, Signed)
        end)
    end}.

round(File, Signed, Numbers) ->
    {ok, Db} = hex_provenance_sqlite:open(File),
    {ok, Log} = ?LOGS:start(Db, Signed),
    {ok, _} = ?SEQUENCER:record(Log, events(Numbers)),
    ?LOGS:await_all(Log, Numbers),
    ?LOGS:stop(Log),
    %% What is closed has no write-ahead log any more.
    hex_provenance_sql:close(Db).

forgotten(Open, Signed) ->
    {ok, Db} = Open(),
    {ok, Halted} = ?LOGS:start(Db, Signed),
    is_halted(Halted, consistency_broken),
    {ok, _} = ?SEQUENCER:record(Halted, events([6, 7, 8])),
    timer:sleep(300),
    ?assertMatch({ok, #{size := 3}}, ?STORE:head(Db)),
    ?LOGS:stop(Halted),
    %% It grows beyond what was signed, by whatever hand: still nothing is signed.
    {ok, Careless} = ?LOGS:start(Db, Signed, #{last_signed => none}),
    ?LOGS:await_all(Careless, [6, 7, 8]),
    ?LOGS:stop(Careless),
    {ok, #{size := 6}} = ?STORE:head(Db),
    {ok, Forked} = ?LOGS:start(Db, Signed),
    is_halted(Forked, consistency_broken),
    ?LOGS:stop(Forked),
    hex_provenance_sql:close(Db).

postgres_test_() ->
    {setup, fun hex_provenance_test_postgres:start/0, fun
        ({ok, Server}) ->
            [
                {timeout, 60, {"a standby that lacks batches", fun() -> standby(Server) end}},
                {timeout, 60, {"a standby while it runs", fun() -> promoted(Server) end}},
                {timeout, 120, {"two sequencers at once", fun() -> two(Server) end}},
                {timeout, 120, {"restarted in the middle", fun() -> restarted(Server) end}}
            ];
        ({skip, Why}) ->
            io:format(user, "SKIPPED: logs on PostgreSQL: ~s~n", [Why]),
            []
    end}.

standby(Server) ->
    ?LOGS:with_folder(fun(Folder) ->
        Primary = hex_provenance_test_postgres:database(Server),
        {ok, Log} = ?LOGS:start(?LOGS:postgres_db(Primary), Folder),
        {ok, _} = ?SEQUENCER:record(Log, events([1, 2, 3])),
        ?LOGS:await_all(Log, [1, 2, 3]),
        ?LOGS:stop(Log),
        Standby = ?LOGS:postgres_copy(Server, Primary),
        {ok, Ahead} = ?LOGS:start(?LOGS:postgres_db(Primary), Folder),
        {ok, _} = ?SEQUENCER:record(Ahead, events([4, 5])),
        ?LOGS:await_all(Ahead, [4, 5]),
        ?LOGS:stop(Ahead),
        forgotten(fun() -> {ok, ?LOGS:postgres_db(Standby)} end, Folder)
    end).

%% The database behind a running log is another one from one moment to the next.
promoted(Server) ->
    ?LOGS:with_folder(fun(Folder) ->
        Primary = hex_provenance_test_postgres:database(Server),
        First = ?LOGS:postgres_db(Primary),
        {ok, Log} = ?LOGS:start(First, Folder),
        {ok, _} = ?SEQUENCER:record(Log, events([1, 2, 3])),
        ?LOGS:await_all(Log, [1, 2, 3]),
        ?LOGS:stop(Log),
        Second = ?LOGS:postgres_db(?LOGS:postgres_copy(Server, Primary)),
        Switch = hex_provenance_test_faulty:switch(First),
        {ok, Switched} = ?LOGS:start(Switch, Folder),
        {ok, _} = ?SEQUENCER:record(Switched, events([4, 5])),
        ?LOGS:await_all(Switched, [4, 5]),
        hex_provenance_test_faulty:switch(Switch, Second),
        {ok, _} = ?SEQUENCER:record(Switched, events([6, 7, 8])),
        is_halted(Switched, consistency_broken),
        ?assertMatch({ok, #{size := 3}}, ?STORE:head(Second)),
        ?LOGS:stop(Switched)
    end).

two(Server) ->
    ?LOGS:with_folder(fun(Folder) ->
        Database = hex_provenance_test_postgres:database(Server),
        Db = ?LOGS:postgres_db(Database),
        Logs = [
            begin
                {ok, Log} = ?LOGS:start(Db, Folder, #{heads_every => 50, batch => 16}),
                Log
            end
         || _ <- [1, 2]
        ],
        Self = self(),
        Pids = [
            spawn_link(fun() ->
                [{ok, _} = ?SEQUENCER:record(Log, events([N])) || N <- Numbers],
                Self ! {done, self()}
            end)
         || {Log, Numbers} <- [
                {lists:nth(I rem 2 + 1, Logs), lists:seq(I * 1000, I * 1000 + 149)}
             || I <- lists:seq(0, 3)
            ]
        ],
        [
            receive
                {done, Pid} -> ok
            end
         || Pid <- Pids
        ],
        [?LOGS:await_all(hd(Logs), lists:seq(I * 1000, I * 1000 + 149)) || I <- lists:seq(0, 3)],
        [?assertMatch({ok, #{halted := undefined}}, ?SEQUENCER:info(Log)) || Log <- Logs],
        [?LOGS:stop(Log) || Log <- Logs],
        Record = #{last_signed => {hex_provenance_last_signed_file, Folder}},
        ?assertMatch(#{events := 600, pending := 0}, ?LOGS:clean(Db, Record))
    end).

%% A server process is killed: PostgreSQL ends all of them and recovers.
restarted(Server) ->
    ?LOGS:with_folder(fun(Folder) ->
        Database = hex_provenance_test_postgres:database(Server),
        Db = ?LOGS:postgres_db(Database),
        {ok, Log} = ?LOGS:start(Db, Folder, #{batch => 8}),
        Self = self(),
        Client = spawn_link(fun() ->
            [recorded(Log, N) || N <- lists:seq(1, 200)],
            Self ! {done, self()}
        end),
        lists:foreach(
            fun(_) ->
                timer:sleep(150),
                {ok, [[Pid]], _} = hex_provenance_sql:query(Db, <<"SELECT pg_backend_pid()">>, []),
                _ = os:cmd("kill -9 " ++ integer_to_list(Pid)),
                up_again(Db, 100)
            end,
            lists:seq(1, 4)
        ),
        receive
            {done, Client} -> ok
        end,
        ?LOGS:await_all(Log, lists:seq(1, 200)),
        ?LOGS:stop(Log),
        ?assertMatch(#{events := 200, pending := 0}, ?LOGS:clean(Db))
    end).

recorded(Log, Number) ->
    case ?SEQUENCER:record(Log, events([Number])) of
        {ok, _} ->
            ok;
        {error, #{code := storage_failed}} ->
            timer:sleep(20),
            recorded(Log, Number)
    end.

up_again(Db, Tries) when Tries > 0 ->
    case ?STORE:head(Db) of
        {ok, _} ->
            ok;
        {error, _} ->
            timer:sleep(50),
            up_again(Db, Tries - 1)
    end.

is_halted(Log, Code) ->
    wait(fun() ->
        {ok, #{halted := Halted}} = ?SEQUENCER:info(Log),
        Halted =/= undefined
    end),
    {ok, #{halted := #{code := Found}}} = ?SEQUENCER:info(Log),
    ?assertEqual(Code, Found).

wait(Holds) -> wait(Holds, 200).

wait(Holds, Tries) when Tries > 0 ->
    case Holds() of
        true ->
            ok;
        false ->
            timer:sleep(50),
            wait(Holds, Tries - 1)
    end.

events(Numbers) -> [?LOGS:event(Number) || Number <- Numbers].
