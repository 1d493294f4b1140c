%% @doc Logs for tests: events, keys, databases of both kinds, and what must hold of any of them.
-module(hex_provenance_test_sequencer).

-export([event/1, event/2, log_key/0, log_key/1, registry_key/0, verification/0]).
-export([start/2, start/3, options/2, stop/1, await_all/2, batch/3, clean/1, clean/2, fsck/2]).
-export([with_folder/1, sqlite/1, sqlite_file/1, both/1]).
-export([postgres/1, postgres_db/1, postgres_copy/2]).

-define(ORIGIN, <<"log.example">>).

%% @doc Event number so and so, of one of seven packages.
-spec event(integer()) -> map().
event(Number) -> event(Number, #{}).

-spec event(integer(), map()) -> map().
event(Number, More) ->
    Name = integer_to_binary(Number),
    Event = #{
        event => publish,
        package => <<"p", (integer_to_binary(Number rem 7))/binary>>,
        version => <<"1.0.", Name/binary>>,
        digest => {sha256, crypto:hash(sha256, Name)},
        event_id => <<"event-", Name/binary>>,
        occurred_at => 1_700_000_000 + Number,
        actor => #{kind => user, id => <<"somebody">>},
        provenance => []
    },
    Merged =
        case maps:merge(Event, More) of
            #{releases := _} = Several -> maps:without([version, digest, provenance], Several);
            #{event := publish} = Published -> Published;
            Other -> maps:remove(provenance, Other)
        end,
    {ok, Unsigned} = hex_provenance_registry:statement(
        Merged, hex_provenance_registry:default_options()
    ),
    Unsigned.

log_key() -> log_key(1).

log_key(Seed) ->
    {ok, Key} = hex_provenance_log_nif:log_key(#{seed => <<Seed:256>>, origin => ?ORIGIN}),
    Key.

%% Of no use but here.
-define(REGISTRY_KEY, <<
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgI4ZIqKC5pB4zKh1S\n"
    "LSCzGWBA3elFDH71GkRGZ6LP6x6hRANCAASwZJX/vMhvbZWRZb53tJbhaihhyV8T\n"
    "u+bbeOR6IsCT49djFPGTuGeYULqUCfkcaew7uMalqFoWtlbCQfnDsJiS\n"
    "-----END PRIVATE KEY-----\n"
>>).

registry_key() ->
    {ok, Key} = hex_provenance_sigstore:signing_key(#{pem => ?REGISTRY_KEY}),
    Key.

%% @doc The options by which fsck verifies what that key signed.
verification() ->
    {ok, #{der := Der, key_id := Id}} = hex_provenance_sigstore:public_key(registry_key()),
    #{registry => #{keys => [#{der => Der}]}, hints => [{0, base64:encode(Id)}]}.

options(Db, Folder) ->
    #{
        db => Db,
        log_key => log_key(),
        origin => ?ORIGIN,
        registry => #{key => registry_key()},
        last_signed => {hex_provenance_last_signed_file, Folder},
        poll => 50
    }.

%% @doc A log whose death is not that of the test.
start(Db, Folder) -> start(Db, Folder, #{}).

start(Db, Folder, More) ->
    Options = maps:merge(options(Db, Folder), More),
    case hex_provenance_sequencer:start_link(Options) of
        {ok, Log} ->
            unlink(Log),
            {ok, Log};
        {error, _} = Error ->
            Error
    end.

stop(Log) ->
    Monitor = monitor(process, Log),
    exit(Log, kill),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end,
    %% Those it was linked with need a moment.
    timer:sleep(20).

await_all(Log, Numbers) ->
    [
        {ok, _} = hex_provenance_sequencer:await(
            Log, <<"event-", (integer_to_binary(Number))/binary>>, 20_000
        )
     || Number <- Numbers
    ].

%% @doc Fails unless all of a log is as it must be; answers fsck's summary.
clean(Db) -> clean(Db, #{}).

clean(Db, More) ->
    {Summary, []} = fsck(Db, More),
    Summary.

fsck(Db, More) ->
    Self = self(),
    Ref = make_ref(),
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(log_key()),
    Options = maps:merge(verification(), #{
        origin => ?ORIGIN,
        log_keys => [Vkey],
        maps => all,
        report => fun(Difference) -> Self ! {Ref, Difference} end
    }),
    {ok, Summary} = hex_provenance_fsck:run(Db, maps:merge(Options, More)),
    {Summary, told(Ref)}.

told(Ref) ->
    receive
        {Ref, Difference} -> [Difference | told(Ref)]
    after 0 -> []
    end.

%% @doc What the sequencer would compute.
batch(Db, Head, Items) ->
    Prefix = <<"https://hex.pm/attestation">>,
    Statements = [S || {event, #{statement := S}} <- Items],
    {ok, Packages} = hex_provenance_log_nif:log_statement_packages(Statements, Prefix),
    {ok, Heads} = hex_provenance_log_store:heads_of(Db, Packages),
    Given = [{event, S, Signature} || {event, #{statement := S, signature := Signature}} <- Items],
    Tree = maps:with([size, edge, root], Head),
    {ok, Batch} = hex_provenance_log_nif:log_sequence(Tree, Given, Heads, Prefix),
    Batch.

with_folder(Test) ->
    Folder = string:trim(os:cmd("mktemp -d /tmp/hex_provenance_log.XXXXXX")),
    %% What is made to fail says so at length.
    #{level := Level} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, none),
    try
        Test(Folder)
    after
        ok = logger:set_primary_config(level, Level),
        os:cmd("rm -rf " ++ Folder)
    end.

%% @doc Runs a test with a new SQLite file.
sqlite(Test) ->
    with_folder(fun(Folder) ->
        {ok, Db} = hex_provenance_sqlite:open(filename:join(Folder, "log.db")),
        ok = file:make_dir(filename:join(Folder, "signed")),
        try
            Test(Db, filename:join(Folder, "signed"))
        after
            hex_provenance_sql:close(Db)
        end
    end).

%% @doc Runs a test with the name of a file that is not there yet.
sqlite_file(Test) ->
    with_folder(fun(Folder) ->
        Signed = filename:join(Folder, "signed"),
        ok = file:make_dir(Signed),
        Test(filename:join(Folder, "log.db"), Signed)
    end).

%% @doc Runs a test with a new PostgreSQL database.
postgres(Test) ->
    fun(Server) ->
        with_folder(fun(Folder) ->
            Test(postgres_db(hex_provenance_test_postgres:database(Server)), Folder)
        end)
    end.

%% Connections that ended are made again.
postgres_db(Database) ->
    Functions = hex_provenance_test_postgres:functions(Database),
    #{query := Query, transaction := Transaction} = Functions,
    Fresh = fun() ->
        case get(Database) of
            undefined -> ok;
            Connection -> is_process_alive(Connection) orelse erase(Database)
        end
    end,
    hex_provenance_postgres:new(#{
        query => fun(Sql, Params) -> Fresh(), Query(Sql, Params) end,
        transaction => fun(Fun) -> Fresh(), Transaction(Fun) end
    }).

%% @doc A copy of a database as it is now: a standby that gets nothing more.
postgres_copy(Server, #{name := Name}) ->
    #{name := New} = Copy = hex_provenance_test_postgres:database(Server),
    Admin = postgres_db(Copy#{name := "postgres"}),
    Ask = fun(Parts) ->
        {ok, _, _} = hex_provenance_sql:query(Admin, iolist_to_binary(Parts), [])
    end,
    Ask(["SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '", Name, "'"]),
    timer:sleep(100),
    Ask(["DROP DATABASE ", New]),
    Ask(["CREATE DATABASE ", New, " TEMPLATE ", Name]),
    Copy.

%% @doc EUnit's form of tests `{Name, fun(Db, Folder)}' on both kinds of database.
both(Tests) ->
    [
        [{timeout, 120, {"sqlite: " ++ Name, fun() -> sqlite(Test) end}} || {Name, Test} <- Tests],
        {setup, fun hex_provenance_test_postgres:start/0, fun
            ({ok, Server}) ->
                [
                    {timeout, 120, {"postgres: " ++ Name, fun() -> (postgres(Test))(Server) end}}
                 || {Name, Test} <- Tests
                ];
            ({skip, Why}) ->
                io:format(user, "SKIPPED: logs on PostgreSQL: ~s~n", [Why]),
                []
        end}
    ].
