%% @private
%% @doc The tables of a log, `hp_*', and how they came to be: numbered migrations, each run once.
%%
%% A migration that was released is never changed; another is added. Several nodes may start at
%% once: each migration is one transaction that claims its number first.
-module(hex_provenance_log_schema).

-export([migrate/1, version/1, newest/0, statements/1]).

-define(TRIES, 5).

%% @doc Brings the tables up to date.
-spec migrate(hex_provenance_sql:db()) -> ok | {error, hex_provenance_error:error()}.
migrate(Db) -> migrate(Db, ?TRIES).

migrate(Db, Tries) ->
    case version(Db) of
        {ok, Version} -> missing(Db, Version, Tries);
        {error, _} = Error -> Error
    end.

%% @doc The number of the last migration that was run; 0 before the first.
-spec version(hex_provenance_sql:db()) ->
    {ok, non_neg_integer()} | {error, hex_provenance_error:error()}.
version(Db) ->
    case hex_provenance_sql:query(Db, exists(hex_provenance_sql:dialect(Db)), []) of
        {ok, [], _} -> {ok, 0};
        {ok, [_ | _], _} -> known_version(Db);
        {error, _} = Error -> Error
    end.

known_version(Db) ->
    Sql = <<"SELECT COALESCE(max(version), 0) FROM hp_schema">>,
    case hex_provenance_sql:query(Db, Sql, []) of
        {ok, [[Version]], _} -> {ok, Version};
        {error, _} = Error -> Error
    end.

exists(sqlite) ->
    <<"SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hp_schema'">>;
exists(postgres) ->
    <<"SELECT 1 WHERE to_regclass('hp_schema') IS NOT NULL">>.

%% @doc The number of the newest migration.
-spec newest() -> pos_integer().
newest() -> length(migrations()).

%% @doc What a host that runs its own migrations executes for each of them, in order. Each is to be
%% one transaction.
-spec statements(hex_provenance_sql:dialect()) -> [{pos_integer(), [binary()]}].
statements(Dialect) ->
    [{Number, sql(Dialect, Number, Migration)} || {Number, Migration} <- numbered()].

sql(Dialect, Number, Migration) ->
    Claim = iolist_to_binary([
        "INSERT INTO hp_schema (version) VALUES (", integer_to_list(Number), ")"
    ]),
    [schema_table(Dialect), Claim | [render(Dialect, Sql) || Sql <- Migration]].

missing(Db, Version, Tries) ->
    Dialect = hex_provenance_sql:dialect(Db),
    run(Db, [Sql || {Number, Sql} <- statements(Dialect), Number > Version], Tries).

run(_Db, [], _Tries) ->
    ok;
run(Db, [Migration | Rest], Tries) ->
    case hex_provenance_sql:transaction(Db, [{Sql, [], any} || Sql <- Migration]) of
        {ok, _} -> run(Db, Rest, Tries);
        _ when Tries > 1 -> again(Db, Tries);
        {conflict, _} -> {error, hex_provenance_error:storage_failed(<<"hp_schema">>, busy())};
        {error, _} = Error -> Error
    end.

%% Another node may have been faster.
again(Db, Tries) ->
    timer:sleep(50 * (?TRIES - Tries + 1)),
    migrate(Db, Tries - 1).

busy() -> <<"another node migrates it">>.

schema_table(Dialect) ->
    render(Dialect, <<"CREATE TABLE IF NOT EXISTS hp_schema (version BIGINT PRIMARY KEY)">>).

numbered() -> lists:zip(lists:seq(1, newest()), migrations()).

migrations() -> [first()].

%% What the columns are:
%% <ul>
%% <li>`hp_head': the tree as of the last batch; `heads_*' name the last heads map's entry.</li>
%% <li>`hp_event': statements in the order in which they were recorded, never changed but for
%%     redaction. `id_key' is 64 bits of the event id's SHA-256.</li>
%% <li>`hp_outbox': events that are not in the log yet, and their signatures. It stays small.</li>
%% <li>`hp_entry': the log. `kind' numbers the event; `tag' is 32 bits of the version's SHA-256.
%%     Entries without an event are heads maps and key changes.</li>
%% <li>`hp_key': entries by 48 bits of a digest: of what they are about, and of their
%%     envelopes.</li>
%% <li>`hp_tile': `place' is the level times 2^56 plus the index; all hashes so far.</li>
%% <li>`hp_signed': size and root that were signed last.</li>
%% </ul>
first() ->
    [
        <<
            "CREATE TABLE hp_head (id BIGINT PRIMARY KEY CHECK (id = 1), size BIGINT NOT NULL, "
            "edge @BLOB NOT NULL, root @BLOB NOT NULL, heads_index BIGINT, heads_covers BIGINT)"
        >>,
        <<"INSERT INTO hp_head (id, size, edge, root) VALUES (1, 0, @EMPTY, @EMPTY_ROOT)">>,
        <<"CREATE TABLE hp_event (id @SERIAL, id_key BIGINT NOT NULL UNIQUE, statement @BLOB)">>,
        <<
            "CREATE TABLE hp_outbox (event BIGINT@ROWID PRIMARY KEY, recorded BIGINT NOT NULL, "
            "signature @BLOB)"
        >>,
        <<"CREATE INDEX hp_outbox_unsigned ON hp_outbox (event) WHERE signature IS NULL">>,
        <<
            "CREATE TABLE hp_package (id @SERIAL, name TEXT @BYTES NOT NULL UNIQUE, "
            "first BIGINT NOT NULL, head BIGINT NOT NULL, seq BIGINT NOT NULL, leaf @BLOB NOT NULL)"
        >>,
        <<
            "CREATE TABLE hp_entry (idx BIGINT@ROWID PRIMARY KEY, event BIGINT UNIQUE, "
            "package BIGINT, seq BIGINT, kind SMALLINT NOT NULL, tag BIGINT, signature @BLOB, "
            "leaf @BLOB NOT NULL)"
        >>,
        <<
            "CREATE UNIQUE INDEX hp_entry_package ON hp_entry (package, seq, tag) "
            "WHERE package IS NOT NULL"
        >>,
        <<"CREATE INDEX hp_entry_own ON hp_entry (idx) WHERE event IS NULL">>,
        <<"CREATE TABLE hp_key (key BIGINT, idx BIGINT, PRIMARY KEY (key, idx))@CLUSTERED">>,
        <<"CREATE TABLE hp_tile (place BIGINT@ROWID PRIMARY KEY, hashes @BLOB NOT NULL)">>,
        <<
            "CREATE TABLE hp_checkpoint (size BIGINT@ROWID PRIMARY KEY, root @BLOB NOT NULL, "
            "note @BLOB NOT NULL, quorum SMALLINT NOT NULL)"
        >>,
        <<
            "CREATE TABLE hp_signed (id BIGINT PRIMARY KEY CHECK (id = 1), size BIGINT NOT NULL, "
            "root @BLOB NOT NULL)"
        >>,
        <<"INSERT INTO hp_signed (id, size, root) VALUES (1, 0, @EMPTY_ROOT)">>,
        <<
            "CREATE TABLE hp_bundle (digest @BLOB PRIMARY KEY, bundle @BLOB, "
            "kept SMALLINT NOT NULL DEFAULT 0)"
        >>,
        <<
            "CREATE TABLE hp_staged (package TEXT @BYTES NOT NULL, version TEXT @BYTES NOT NULL, "
            "subject @BLOB NOT NULL, bundle @BLOB NOT NULL, predicate_type TEXT NOT NULL, "
            "expires BIGINT NOT NULL, PRIMARY KEY (package, version, subject, bundle))"
        >>
    ].

render(Dialect, Sql) ->
    lists:foldl(
        fun({Word, Meaning}, Text) -> binary:replace(Text, Word, Meaning, [global]) end,
        Sql,
        words(Dialect)
    ).

%% Longer words before their beginnings.
words(sqlite) ->
    [
        {<<"@EMPTY_ROOT">>, <<"x'", (empty_root())/binary, "'">>},
        {<<"@EMPTY">>, <<"x''">>},
        {<<"@BLOB">>, <<"BLOB">>},
        {<<"@BYTES">>, <<"COLLATE BINARY">>},
        {<<"@SERIAL">>, <<"INTEGER PRIMARY KEY">>},
        {<<"BIGINT@ROWID">>, <<"INTEGER">>},
        {<<"@CLUSTERED">>, <<" WITHOUT ROWID">>}
    ];
words(postgres) ->
    [
        {<<"@EMPTY_ROOT">>, <<"'\\x", (empty_root())/binary, "'">>},
        {<<"@EMPTY">>, <<"'\\x'">>},
        {<<"@BLOB">>, <<"BYTEA">>},
        {<<"@BYTES">>, <<"COLLATE \"C\"">>},
        {<<"@SERIAL">>, <<"BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY">>},
        {<<"@ROWID">>, <<>>},
        {<<"@CLUSTERED">>, <<>>}
    ].

%% RFC 6962: the root of no leaves is the hash of nothing.
empty_root() -> <<"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855">>.
