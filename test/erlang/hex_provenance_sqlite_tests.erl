%% What SQLite has beyond the contract: a file, its limits, handles.
-module(hex_provenance_sqlite_tests).

-include_lib("eunit/include/eunit.hrl").

-export([failing_disk/1]).

sqlite_test_() ->
    {foreach, fun() -> string:trim(os:cmd("mktemp -d /tmp/hex_provenance_sqlite.XXXXXX")) end,
        fun file:del_dir_r/1, [
            fun(Folder) -> {timeout, 120, {atom_to_list(Name), fun() -> Test(file(Folder)) end}} end
         || {Name, Test} <- [
                {kept_when_closed, fun kept_when_closed/1},
                {a_closed_handle_answers_an_error, fun a_closed_handle/1},
                {closing_waits_for_what_is_under_way, fun closing_waits/1},
                {a_handle_that_nobody_holds_is_closed, fun a_lost_handle/1},
                {two_handles_of_one_file, fun two_handles/1},
                {a_full_disk, fun a_full_disk/1},
                {answers_are_bounded, fun answers_are_bounded/1},
                {transactions_are_not_opened_by_hand, fun by_hand/1},
                {files_that_are_none, fun files_that_are_none/1},
                {reading_beside_writing, fun reading_beside_writing/1},
                {parameters, fun parameters/1}
            ]
        ]}.

file(Folder) -> filename:join(Folder, "db").

%% A disk that fails, played by a library that is loaded before the system's: writing finds no room,
%% or synchronising an error, as long as a file of that name is there.
failing_disk_test_() ->
    case os:find_executable("cc") of
        false ->
            ?debugMsg("skipped: a disk that fails needs a C compiler"),
            [];
        _ ->
            {timeout, 60, fun on_a_failing_disk/0}
    end.

on_a_failing_disk() ->
    Folder = string:trim(os:cmd("mktemp -d /tmp/hex_provenance_sqlite.XXXXXX")),
    Library = filename:join(Folder, "failing.so"),
    ok = file:write_file(filename:join(Folder, "failing.c"), failing_disk_source()),
    Compile = ["cc -shared -fPIC -o ", Library, " ", Folder, "/failing.c -ldl"],
    ?assertEqual("", os:cmd(lists:flatten(Compile))),
    {ok, Peer, _} = peer:start_link(#{
        connection => standard_io,
        args => ["-pa", folder_of(hex_provenance_sqlite), folder_of(?MODULE)],
        env => [{"LD_PRELOAD", Library}, {"FAILING", Folder}]
    }),
    try
        peer:call(Peer, ?MODULE, failing_disk, [Folder], 30000)
    after
        peer:stop(Peer),
        file:del_dir_r(Folder)
    end.

folder_of(Module) -> filename:dirname(code:which(Module)).

failing_disk_source() ->
    <<
        "#define _GNU_SOURCE\n"
        "#include <dlfcn.h>\n#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
        "#include <sys/stat.h>\n#include <unistd.h>\n"
        "static int failing(const char *what, int fd) {\n"
        "  char path[4096]; struct stat file;\n"
        "  snprintf(path, sizeof path, \"%s/%s\", getenv(\"FAILING\"), what);\n"
        "  return access(path, F_OK) == 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode);\n"
        "}\n"
        "int fdatasync(int fd) {\n"
        "  if (failing(\"sync\", fd)) { errno = EIO; return -1; }\n"
        "  return ((int (*)(int)) dlsym(RTLD_NEXT, \"fdatasync\"))(fd);\n"
        "}\n"
        "ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {\n"
        "  if (failing(\"write\", fd)) { errno = ENOSPC; return -1; }\n"
        "  return ((ssize_t (*)(int, const void *, size_t, off_t)) dlsym(RTLD_NEXT, \"pwrite\"))\n"
        "    (fd, bytes, count, at);\n"
        "}\n"
        "ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {\n"
        "  return pwrite64(fd, bytes, count, at);\n"
        "}\n"
    >>.

%% Runs in the other VM, all of it: a handle does not outlive a call from elsewhere.
failing_disk(Folder) ->
    Db = create(file(Folder)),
    Reason = fun({error, #{details := #{reason := Told}}}) -> Told end,
    Switch = fun(What) -> filename:join(Folder, What) end,
    {ok, [_]} = transaction(Db, [insert(1)]),
    ok = file:write_file(Switch("write"), <<>>),
    ?assertEqual(<<"database or disk is full">>, Reason(transaction(Db, [insert(2)]))),
    ok = file:delete(Switch("write")),
    ?assertEqual({ok, [[1]], 1}, query(Db, <<"SELECT id FROM item">>)),
    {ok, [_]} = transaction(Db, [insert(3)]),
    ok = file:write_file(Switch("sync"), <<>>),
    ?assertEqual(<<"disk I/O error">>, Reason(transaction(Db, [insert(4)]))),
    ok = file:delete(Switch("sync")),
    %% Nobody knows what the disk has of it: nothing is read or written before it is opened again.
    Closed = <<"the database is closed">>,
    ?assertEqual(Closed, Reason(transaction(Db, [insert(5)]))),
    ?assertEqual(Closed, Reason(query(Db, <<"SELECT id FROM item">>))),
    {ok, Again} = hex_provenance_sqlite:open(file(Folder)),
    {ok, Rows, _} = query(Again, <<"SELECT id FROM item ORDER BY id">>),
    ?assert(lists:member(Rows, [[[1], [3]], [[1], [3], [4]]])),
    ?assertMatch({ok, [_]}, transaction(Again, [insert(5)])),
    hex_provenance_sql:close(Again).

kept_when_closed(File) ->
    Db = create(File),
    {ok, [_]} = transaction(Db, [insert(1)]),
    ok = hex_provenance_sql:close(Db),
    {ok, Again} = hex_provenance_sqlite:open(File, #{create => false}),
    ?assertEqual({ok, [[1]], 1}, query(Again, <<"SELECT id FROM item">>)),
    {ok, [[Mode]], 1} = query(Again, <<"PRAGMA journal_mode">>),
    ?assertEqual(<<"wal">>, Mode),
    ?assertEqual({ok, [[<<"ok">>]], 1}, query(Again, <<"PRAGMA integrity_check">>)),
    ok = hex_provenance_sql:close(Again).

a_closed_handle(File) ->
    Db = create(File),
    ok = hex_provenance_sql:close(Db),
    ok = hex_provenance_sql:close(Db),
    ?assert(is_failure(query(Db, <<"SELECT 1">>))),
    ?assert(is_failure(transaction(Db, [insert(1)]))).

closing_waits(File) ->
    Db = create(File),
    Write = fun Write(N) ->
        case transaction(Db, [insert(2 * N), insert(2 * N + 1)]) of
            {ok, _} -> Write(N + 1);
            {error, #{code := storage_failed}} -> exit({wrote, 2 * N})
        end
    end,
    {_, Monitor} = spawn_monitor(fun() -> Write(0) end),
    timer:sleep(50),
    ok = hex_provenance_sql:close(Db),
    receive
        {'DOWN', Monitor, process, _, {wrote, Count}} ->
            {ok, Again} = hex_provenance_sqlite:open(File),
            ?assertEqual({ok, [[Count]], 1}, query(Again, <<"SELECT count(*) FROM item">>)),
            ok = hex_provenance_sql:close(Again)
    end.

%% The last connection that is closed takes the write-ahead log away.
a_lost_handle(File) ->
    {_, Monitor} = spawn_monitor(fun() ->
        Db = create(File),
        {ok, _} = transaction(Db, [insert(1)]),
        ?assert(filelib:is_file(File ++ "-wal"))
    end),
    receive
        {'DOWN', Monitor, process, _, normal} -> ok
    end,
    ?assert(until(fun() -> not filelib:is_file(File ++ "-wal") end, 100)).

two_handles(File) ->
    One = create(File),
    {ok, Two} = hex_provenance_sqlite:open(File),
    Write = fun(Db, From) ->
        [{ok, _} = transaction(Db, [insert(N)]) || N <- lists:seq(From, From + 99)]
    end,
    Writers = [spawn_monitor(fun() -> Write(Db, From) end) || {Db, From} <- [{One, 0}, {Two, 100}]],
    [
        receive
            {'DOWN', Monitor, process, _, Reason} -> ?assertEqual(normal, Reason)
        end
     || {_, Monitor} <- Writers
    ],
    Count = <<"SELECT count(*) FROM item">>,
    [?assertEqual({ok, [[200]], 1}, query(Db, Count)) || Db <- [One, Two]],
    [ok = hex_provenance_sql:close(Db) || Db <- [One, Two]].

%% Nothing of a transaction that finds no room is kept, and what fits is taken afterwards.
a_full_disk(File) ->
    Db = create(File, #{max_pages => 16}),
    Bytes = {blob, binary:copy(<<7>>, 1 bsl 18)},
    Large = {<<"INSERT INTO item VALUES ($1, NULL, $2)">>, [2, Bytes], 1},
    {error, #{code := storage_failed, details := #{reason := Reason}}} =
        transaction(Db, [insert(1), Large, insert(3)]),
    ?assertEqual(<<"database or disk is full">>, Reason),
    ?assertEqual({ok, [], 0}, query(Db, <<"SELECT id FROM item">>)),
    ?assertMatch({ok, [_]}, transaction(Db, [insert(1)])),
    ?assertEqual({ok, [[<<"ok">>]], 1}, query(Db, <<"PRAGMA integrity_check">>)),
    ok = hex_provenance_sql:close(Db).

answers_are_bounded(File) ->
    Db = create(File, #{max_rows => 10, max_bytes => 1000}),
    Sql = <<"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)\n"
        "SELECT i FROM n">>,
    ?assertMatch({ok, _, 10}, query(Db, Sql, [10])),
    [
        ?assertMatch({error, #{code := input_too_large}}, Answer)
     || Answer <- [
            query(Db, Sql, [1000000000]),
            query(Db, <<"SELECT zeroblob(1001)">>),
            transaction(Db, [insert(1), {Sql, [11], any}])
        ]
    ],
    ?assertEqual({ok, [], 0}, query(Db, <<"SELECT id FROM item">>)),
    ok = hex_provenance_sql:close(Db).

by_hand(File) ->
    Db = create(File),
    [
        ?assert(is_failure(query(Db, Sql)))
     || Sql <- [<<"BEGIN">>, <<"BEGIN IMMEDIATE">>, <<"SAVEPOINT a">>, <<"COMMIT">>]
    ],
    ?assert(is_failure(transaction(Db, [insert(1), {<<"ROLLBACK">>, [], any}, insert(2)]))),
    ?assert(is_failure(transaction(Db, [insert(1), {<<"BEGIN">>, [], any}]))),
    ?assertEqual({ok, [], 0}, query(Db, <<"SELECT id FROM item">>)),
    Two = <<"INSERT INTO item (id) VALUES (1); INSERT INTO item (id) VALUES (2)">>,
    ?assert(is_failure(query(Db, Two))),
    ?assert(is_failure(query(Db, <<>>))),
    ?assertMatch({ok, [_]}, transaction(Db, [insert(1)])),
    ok = hex_provenance_sql:close(Db).

files_that_are_none(File) ->
    [
        ?assert(is_failure(hex_provenance_sqlite:open(Path, Options)))
     || {Path, Options} <- [
            {File, #{create => false}},
            {filename:join(File, "below"), #{}},
            {filename:dirname(File), #{}}
        ]
    ],
    ok = file:write_file(File, crypto:strong_rand_bytes(65536)),
    ?assert(is_failure(hex_provenance_sqlite:open(File))),
    Odd = filename:join(filename:dirname(File), "file:odd?mode=memory"),
    Db = create(Odd),
    ?assert(filelib:is_file(Odd)),
    ok = hex_provenance_sql:close(Db),
    [
        ?assertMatch({error, #{code := option_invalid}}, hex_provenance_sqlite:open(Odd, Options))
     || Options <- [#{colour => red}, #{create => 1}, #{busy_timeout => -1}, #{max_rows => a}, []]
    ].

%% Readers go on while a writer writes, and all schedulers with them.
reading_beside_writing(File) ->
    Db = create(File),
    {ok, [_]} = transaction(Db, [insert(0)]),
    Large = {blob, binary:copy(<<7>>, 1 bsl 20)},
    Lists = [[N, Large] || N <- lists:seq(1, 60)],
    Steps = [{many, <<"INSERT INTO item VALUES ($1, NULL, $2)">>, Lists, 60}],
    Self = self(),
    spawn_link(fun() ->
        {ok, _} = transaction(Db, Steps),
        Self ! written
    end),
    Reads = read_until_written(Db, 0),
    ?assert(Reads > 5),
    ?assertEqual({ok, [[61]], 1}, query(Db, <<"SELECT count(*) FROM item">>)),
    ok = hex_provenance_sql:close(Db).

read_until_written(Db, Reads) ->
    {ok, [[_]], 1} = query(Db, <<"SELECT id FROM item WHERE id = 0">>),
    receive
        written -> Reads
    after 0 -> read_until_written(Db, Reads + 1)
    end.

parameters(File) ->
    Db = create(File),
    [
        ?assertMatch({error, #{code := option_invalid}}, query(Db, <<"SELECT $1">>, [Param]))
     || Param <- [undefined, 1 bsl 63, <<255>>, <<"a", 0>>, {text, <<255>>}, {blob, "a"}, [], #{}]
    ],
    ?assertEqual({ok, [[1.5, null]], 1}, query(Db, <<"SELECT $1, $2">>, [1.5, null])),
    ?assert(is_failure(query(Db, <<"SELECT $1">>, []))),
    ?assert(is_failure(query(Db, <<"SELECT $1">>, [1, 2]))),
    ok = hex_provenance_sql:close(Db).

create(File) -> create(File, #{}).

create(File, Options) ->
    {ok, Db} = hex_provenance_sqlite:open(File, Options),
    Create = <<"CREATE TABLE item (id INTEGER PRIMARY KEY, words TEXT, bytes BLOB)">>,
    {ok, [], 0} = query(Db, Create),
    Db.

insert(Id) -> {<<"INSERT INTO item (id) VALUES ($1)">>, [Id], 1}.

query(Db, Sql) -> query(Db, Sql, []).

query(Db, Sql, Params) -> hex_provenance_sql:query(Db, Sql, Params).

transaction(Db, Steps) -> hex_provenance_sql:transaction(Db, Steps).

is_failure({error, #{code := storage_failed, stage := storage}}) -> true;
is_failure(_) -> false.

until(_, 0) ->
    false;
until(Holds, Tries) ->
    case Holds() of
        true ->
            true;
        false ->
            timer:sleep(50),
            until(Holds, Tries - 1)
    end.
