%% @doc A database whose n-th call fails, and one that can be exchanged for another while it is
%% used. As a record of what was signed last as well.
-module(hex_provenance_test_faulty).

-behaviour(hex_provenance_sql).
-behaviour(hex_provenance_last_signed).

-export([new/3, record/2, calls/1, switch/1, switch/2]).
-export([query/3, transaction/2, dialect/1, close/1]).
-export([read/1, swap/3]).

%% @doc The call number `Fails' does not happen (`before'), or it does but its answer is lost
%% (`later'), or the process that makes it dies (`death').
new(Db, Fails, How) ->
    {?MODULE, #{db => Db, count => atomics:new(1, []), fails => Fails, how => How}}.

%% @doc The same, counting with that database's calls.
record(Record, {?MODULE, Faulty}) -> {?MODULE, Faulty#{record => Record}}.

%% @doc How many calls were made.
calls({?MODULE, #{count := Count}}) -> atomics:get(Count, 1).

switch(Db) ->
    Table = ets:new(switch, [public]),
    true = ets:insert(Table, {db, Db}),
    {?MODULE, #{switch => Table}}.

switch({?MODULE, #{switch := Table}}, Db) -> ets:insert(Table, {db, Db}).

query(Faulty, Sql, Params) ->
    call(Faulty, fun(Db) -> hex_provenance_sql:query(Db, Sql, Params) end).

transaction(Faulty, Steps) ->
    call(Faulty, fun(Db) -> hex_provenance_sql:transaction(Db, Steps) end).

dialect(Faulty) -> hex_provenance_sql:dialect(db(Faulty)).

close(_) -> ok.

read(#{record := Record} = Faulty) ->
    call(Faulty, fun(_) -> hex_provenance_last_signed:read(Record) end).

swap(#{record := Record} = Faulty, Old, New) ->
    call(Faulty, fun(_) -> hex_provenance_last_signed:swap(Record, Old, New) end).

db(#{switch := Table}) -> ets:lookup_element(Table, db, 2);
db(#{db := Db}) -> Db.

call(#{switch := _} = Switch, Call) ->
    Call(db(Switch));
call(#{count := Count, fails := Fails, how := How} = Faulty, Call) ->
    case atomics:add_get(Count, 1, 1) of
        Fails -> fail(How, Call, db(Faulty));
        _ -> Call(db(Faulty))
    end.

fail(before, _, _) ->
    failed();
fail(later, Call, Db) ->
    _ = Call(Db),
    failed();
fail(death, Call, Db) ->
    _ = Call(Db),
    exit(kill_me).

failed() -> {error, hex_provenance_error:storage_failed(<<"test">>, <<"it was told to fail">>)}.
