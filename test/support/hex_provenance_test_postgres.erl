%% @doc A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a port of its
%% own, gone when the process ends that started it; reached through Debian's erlang-p1-pgsql.
%%
%% That driver knows no transactions and hangs on parameters of a statement that fails: so
%% everything is one simple query with its values as literals, and after an error nothing but
%% ROLLBACK is asked.
-module(hex_provenance_test_postgres).

-export([start/0, database/1, functions/1]).

-export_type([server/0, database/0]).

-opaque server() :: #{port := inet:port_number()}.
-opaque database() :: #{port := inet:port_number(), name := string()}.

%% @doc Starts a server, which stops when the calling process ends.
-spec start() -> {ok, server()} | {skip, string()}.
start() ->
    case {lists:sort(filelib:wildcard("/usr/lib/postgresql/*/bin")), code:which(pgsql)} of
        {[], _} ->
            {skip, "PostgreSQL is not installed (Debian's package postgresql)"};
        {_, non_existing} ->
            {skip, "no driver for PostgreSQL (Debian's package erlang-p1-pgsql)"};
        {Folders, _} ->
            {ok, _} = application:ensure_all_started(p1_pgsql),
            run(lists:last(Folders))
    end.

%% PostgreSQL refuses to be root. What reads standard input ends the server with this VM.
run(Programs) ->
    Port = free_port(),
    Folder = string:trim(os:cmd("mktemp -d /tmp/hex_provenance_postgres.XXXXXX")),
    Owner = as_owner(string:trim(os:cmd("id -u")), Folder),
    Script = io_lib:format(
        "exec >/dev/null 2>&1; cd /\n"
        "~s~s/initdb -D ~s/data -A trust -U postgres -E UTF8 --locale=C --no-sync\n"
        "~s~s/postgres -D ~s/data -p ~b -k ~s -c listen_addresses=127.0.0.1 -c fsync=off &\n"
        "server=$!\n"
        "cat\n"
        "kill -QUIT $server; wait $server; rm -rf ~s\n",
        [Owner, Programs, Folder, Owner, Programs, Folder, Port, Folder, Folder]
    ),
    Parent = self(),
    Keeper = spawn(fun() -> keep(Parent, lists:flatten(Script)) end),
    Server = #{port => Port},
    wait_until_up(Server, Keeper, 300).

as_owner("0", Folder) ->
    "" = os:cmd("chown postgres " ++ Folder),
    "setpriv --reuid postgres --regid postgres --clear-groups ";
as_owner(_, _) ->
    "".

keep(Parent, Script) ->
    Monitor = monitor(process, Parent),
    Shell = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Script]}, exit_status]),
    receive
        {'DOWN', Monitor, process, _, _} -> port_close(Shell);
        {Shell, {exit_status, _}} -> ok
    end.

wait_until_up(_Server, _Keeper, 0) ->
    {skip, "PostgreSQL did not start"};
wait_until_up(#{port := Port} = Server, Keeper, Tries) ->
    case connect(Port, "postgres") of
        {ok, Connection} ->
            pgsql:terminate(Connection),
            {ok, Server};
        _ ->
            timer:sleep(100),
            wait_until_up(Server, Keeper, Tries - 1)
    end.

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    gen_tcp:close(Socket),
    Port.

%% @doc A new, empty database.
-spec database(server()) -> database().
database(#{port := Port}) ->
    Name = "test_" ++ integer_to_list(erlang:unique_integer([positive])),
    {ok, Connection} = connect(Port, "postgres"),
    {ok, ["CREATE DATABASE"]} = pgsql:squery(Connection, "CREATE DATABASE " ++ Name),
    pgsql:terminate(Connection),
    #{port => Port, name => Name}.

%% @doc What `hex_provenance_postgres:new/1' takes. Each process has a connection of its own.
-spec functions(database()) -> hex_provenance_postgres:functions().
functions(Database) ->
    #{
        query => fun(Sql, Params) -> query(Database, Sql, Params) end,
        transaction => fun(Fun) -> transaction(Database, Fun) end
    }.

query(Database, Sql, Params) ->
    case pgsql:squery(connection(Database), with_literals(Sql, Params)) of
        {ok, [{error, Fields}]} -> {error, failure(Fields)};
        {ok, [{Tag, Columns, Rows}]} -> {ok, [values(Columns, Row) || Row <- Rows], count(Tag)};
        {ok, [Tag]} -> {ok, [], count(Tag)}
    end.

transaction(Database, Fun) ->
    Connection = connection(Database),
    {ok, ["BEGIN"]} = pgsql:squery(Connection, "BEGIN"),
    try Fun() of
        Answer ->
            case pgsql:squery(Connection, "COMMIT") of
                {ok, ["COMMIT"]} -> {ok, Answer};
                {ok, [{error, Fields}]} -> {error, failure(Fields)};
                {ok, ["ROLLBACK"]} -> {error, rolled_back}
            end
    catch
        Class:Reason:Stack ->
            {ok, ["ROLLBACK"]} = pgsql:squery(Connection, "ROLLBACK"),
            erlang:raise(Class, Reason, Stack)
    end.

connection(Database) ->
    case get(Database) of
        undefined ->
            {ok, Connection} = connect_for(self(), Database),
            put(Database, Connection),
            Connection;
        Connection ->
            Connection
    end.

%% The connection is closed when its process ends: the server then rolls back what is open.
connect_for(Owner, #{port := Port, name := Name}) ->
    Ref = make_ref(),
    {Keeper, Monitor} = spawn_monitor(fun() ->
        Owned = monitor(process, Owner),
        {ok, Connection} = Connected = connect(Port, Name),
        Owner ! {Ref, Connected},
        Ended = monitor(process, Connection),
        receive
            {'DOWN', Owned, process, _, _} -> exit(Connection, kill);
            {'DOWN', Ended, process, _, _} -> ok
        end
    end),
    receive
        {Ref, Connected} ->
            demonitor(Monitor, [flush]),
            Connected;
        {'DOWN', Monitor, process, Keeper, Reason} ->
            {error, Reason}
    end.

connect(Port, Name) ->
    try
        pgsql:connect([
            {host, "127.0.0.1"},
            {port, Port},
            {database, Name},
            {user, "postgres"},
            {password, ""}
        ])
    catch
        _:Reason -> {error, Reason}
    end.

%% Statements here have no dollar sign but before a parameter's number.
with_literals(Sql, Params) ->
    [First | Rest] = binary:split(Sql, <<"$">>, [global]),
    [First | [numbered(Part, Params) || Part <- Rest]].

numbered(Part, Params) ->
    {Digits, Behind} = lists:splitwith(fun(C) -> C >= $0 andalso C =< $9 end, binary_to_list(Part)),
    [literal(lists:nth(list_to_integer(Digits), Params)) | Behind].

literal(null) -> "NULL";
literal(Number) when is_integer(Number) -> ["(", integer_to_list(Number), ")::bigint"];
literal(Number) when is_float(Number) -> ["(", float_to_list(Number), ")::float8"];
literal({blob, Bytes}) -> ["decode('", hex(Bytes), "', 'hex')"];
literal({text, Bytes}) -> ["convert_from(decode('", hex(Bytes), "', 'hex'), 'UTF8')"].

hex(Bytes) -> binary:encode_hex(Bytes).

values(Columns, Row) ->
    [value(element(4, Column), Value) || {Column, Value} <- lists:zip(Columns, Row)].

%% By the number of the type.
value(_, null) -> null;
value(Integer, Text) when Integer =:= 20; Integer =:= 21; Integer =:= 23 -> list_to_integer(Text);
value(1700, Text) -> list_to_integer(Text);
value(701, Text) -> binary_to_float(list_to_binary(Text));
value(17, "\\x" ++ Hex) -> binary:decode_hex(list_to_binary(Hex));
value(_, Text) -> list_to_binary(Text).

%% "INSERT 0 2", "UPDATE 1", "SELECT 3", "CREATE TABLE".
count(Tag) ->
    case string:to_integer(lists:last(string:lexemes(Tag, " "))) of
        {Count, ""} -> Count;
        _ -> 0
    end.

failure(Fields) ->
    #{
        sqlstate => list_to_binary(proplists:get_value(code, Fields, "XX000")),
        message => list_to_binary(proplists:get_value(message, Fields, ""))
    }.
