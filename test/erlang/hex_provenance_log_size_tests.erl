%% How many bytes an entry takes beside what it is: its leaf, its statement and its signature.
-module(hex_provenance_log_size_tests).

-include_lib("eunit/include/eunit.hrl").

-define(STORE, hex_provenance_log_store).
-define(LOGS, hex_provenance_test_sequencer).

-define(ENTRIES, 20_480).
-define(MOST, 120).

size_test_() ->
    {timeout, 300, fun() ->
        ?LOGS:sqlite_file(fun(File, _) ->
            {ok, Db} = hex_provenance_sqlite:open(File),
            ok = ?STORE:migrate(Db),
            filled(Db, 0),
            hex_provenance_sql:close(Db),
            {ok, Opened} = hex_provenance_sqlite:open(File),
            report(Opened, File),
            hex_provenance_sql:close(Opened)
        end)
    end}.

%% Signatures are of the right length and say nothing: it is about bytes.
filled(_, ?ENTRIES) ->
    ok;
filled(Db, Next) ->
    {ok, _} = ?STORE:record(Db, [?LOGS:event(N) || N <- lists:seq(Next, Next + 255)]),
    {ok, Unsigned} = ?STORE:unsigned(Db, 256),
    Signatures = [{Ref, crypto:strong_rand_bytes(71)} || #{ref := Ref} <- Unsigned],
    {ok, 256} = ?STORE:put_signatures(Db, Signatures),
    {ok, Head} = ?STORE:head(Db),
    {ok, Events} = ?STORE:pending(Db, 256),
    Items = [{event, Event} || Event <- Events],
    ok = ?STORE:integrate(Db, Head, Items, ?LOGS:batch(Db, Head, Items)),
    filled(Db, Next + 256).

%% SQLite tells how many pages each table and index has where it was built to; the file as a whole,
%% less what it is about, is an upper bound.
report(Db, File) ->
    {Leaves, Statements, Signatures, Envelopes} = contents(Db, 0, {0, 0, 0, 0}),
    Size = filelib:file_size(File),
    Each = fun(Bytes) -> Bytes / ?ENTRIES end,
    Index = Each(index_and_tiles(File)),
    Served = Each(Size - Leaves - Envelopes),
    io:format(
        user,
        "~b entries, bytes of each: leaf ~.1f, envelope as it is served ~.1f, statement and "
        "signature as they are stored ~.1f, file ~.1f (~.1f beyond leaf and envelope), "
        "index and tiles ~.1f ",
        [?ENTRIES] ++
            [Each(Sum) || Sum <- [Leaves, Envelopes, Statements + Signatures, Size]] ++
            [Served, Index]
    ),
    ?assert(Served =< ?MOST),
    ?assert(Index =< ?MOST).

%% Tables of one page are as large however many entries there are. Python's SQLite, since ours has
%% no dbstat; without it only the file as a whole is judged.
index_and_tiles(File) ->
    Script =
        "import sqlite3; c = sqlite3.connect('" ++ File ++ "'); print(c.execute(\"SELECT sum(size) "
        "FROM (SELECT sum(pgsize) AS size FROM dbstat WHERE name NOT IN ('hp_entry', 'hp_event') "
        "GROUP BY name HAVING count(*) > 1)\").fetchone()[0])",
    Command = lists:flatten(["python3 -c \"", escaped(Script), "\""]),
    case string:to_integer(string:trim(os:cmd(Command))) of
        {Bytes, ""} when is_integer(Bytes) ->
            Bytes;
        _ ->
            io:format(user, "SKIPPED: bytes of the indexes: no dbstat in Python's SQLite~n", []),
            0
    end.

escaped(Script) -> string:replace(Script, "\"", "\\\"", all).

contents(_, ?ENTRIES, Sums) ->
    Sums;
contents(Db, Start, Sums) ->
    {ok, Entries} = hex_provenance_log_entries:entries(Db, Start, 256),
    contents(Db, Start + 256, lists:foldl(fun add/2, Sums, Entries)).

add(#{leaf := Leaf, statement := Statement, signature := Signature}, {L, S, G, E}) ->
    {ok, Envelope} = hex_provenance_log_nif:log_envelope(Statement, Signature),
    {
        L + byte_size(Leaf),
        S + byte_size(Statement),
        G + byte_size(Signature),
        E + byte_size(Envelope)
    }.
