%% @doc A log in an operating system's process of its own, to be killed; clients append over TCP.
-module(hex_provenance_test_victim).

-export([start/2, kill/1, append/2, checkpoint/1, main/1]).

%% @doc Starts one: `{sqlite, File}' or `{postgres, Database}', and the folder of what was signed.
start(Store, Folder) ->
    Argument = base64:encode(term_to_binary({Store, Folder})),
    Paths = lists:append([["-pa", Path] || Path <- code:get_path(), is_ours(Path)]),
    Arguments = ["-noshell", "-noinput"] ++ Paths ++ ["-run", ?MODULE_STRING, "main", Argument],
    Port = open_port({spawn_executable, os:find_executable("erl")}, [
        {args, Arguments}, {line, 1000}, exit_status, stderr_to_stdout
    ]),
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    {Port, Pid, listening(Port)}.

is_ours(Path) -> string:prefix(Path, code:root_dir()) =:= nomatch.

listening(Port) ->
    receive
        {Port, {data, {eol, "listening " ++ Number}}} -> list_to_integer(Number);
        {Port, {data, {_, Line}}} -> [io:format(user, "victim: ~s~n", [Line]) | listening(Port)];
        {Port, {exit_status, Status}} -> error({victim_ended, Status})
    after 20_000 -> error(victim_silent)
    end.

kill({Port, Pid, _}) ->
    _ = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    drain(Port).

drain(Port) ->
    receive
        {Port, {exit_status, _}} -> ok;
        {Port, _} -> drain(Port)
    after 10_000 -> error(not_killed)
    end.

%% @doc Has it record an event; `ok' when that is acknowledged.
append(Socket, Number) -> ask(Socket, {append, Number}).

%% @doc Size and root that it serves.
checkpoint(Socket) -> ask(Socket, checkpoint).

ask(Socket, What) ->
    case gen_tcp:send(Socket, term_to_binary(What)) of
        ok ->
            case gen_tcp:recv(Socket, 0, 20_000) of
                {ok, Answer} -> binary_to_term(Answer);
                {error, _} -> dead
            end;
        {error, _} ->
            dead
    end.

%% @doc What runs in the other process.
main([Argument]) ->
    {Store, Folder} = binary_to_term(base64:decode(Argument)),
    Db = open(Store),
    %% A short interval between heads maps has more kinds of batches meet their end.
    {ok, Log} = hex_provenance_test_sequencer:start(Db, Folder, #{heads_every => 40, batch => 32}),
    {ok, Listen} = gen_tcp:listen(0, [binary, {active, false}, {packet, 4}, {ip, {127, 0, 0, 1}}]),
    {ok, Number} = inet:port(Listen),
    io:format("listening ~b~n", [Number]),
    accept(Listen, Db, Log).

open({sqlite, File}) ->
    {ok, Db} = hex_provenance_sqlite:open(File),
    Db;
open({postgres, Database}) ->
    {ok, _} = application:ensure_all_started(p1_pgsql),
    hex_provenance_test_sequencer:postgres_db(Database).

accept(Listen, Db, Log) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    Pid = spawn(fun() ->
        receive
            go -> serve(Socket, Db, Log)
        end
    end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listen, Db, Log).

serve(Socket, Db, Log) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Request} ->
            ok = gen_tcp:send(Socket, term_to_binary(answer(binary_to_term(Request), Db, Log))),
            serve(Socket, Db, Log);
        {error, _} ->
            ok
    end.

answer({append, Number}, _, Log) ->
    case hex_provenance_sequencer:record(Log, [hex_provenance_test_sequencer:event(Number)]) of
        {ok, [_]} -> ok;
        {error, Error} -> {error, Error}
    end;
answer(checkpoint, Db, _) ->
    case hex_provenance_log_store:checkpoint(Db, newest) of
        {ok, #{size := Size, root := Root}} -> {Size, Root};
        _ -> none
    end.
