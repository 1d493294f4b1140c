%% Whatever is changed in a log's rows, fsck finds it, and names it for what it is.
-module(hex_provenance_fsck_tests).

-include_lib("eunit/include/eunit.hrl").

-define(LOGS, hex_provenance_test_sequencer).
-define(EVENTS, 300).

every_change_test_() ->
    ?LOGS:both([{"every change is found", fun every_change/2}, {"redaction is none", fun none/2}]).

every_change(Db, Folder) ->
    grown(Db, Folder),
    Record = #{last_signed => {hex_provenance_last_signed_file, Folder}},
    #{events := ?EVENTS, maps := Maps, verified := ?EVENTS} = ?LOGS:clean(Db, Record),
    ?assert(Maps >= 2),
    lists:foreach(fun(Change) -> found(Db, Record, Change) end, changes()).

grown(Db, Folder) ->
    {ok, Log} = ?LOGS:start(Db, Folder, #{heads_every => 100, batch => 64}),
    Events = [?LOGS:event(Number) || Number <- lists:seq(1, ?EVENTS)],
    {ok, _} = hex_provenance_sequencer:record(Log, Events),
    ?LOGS:await_all(Log, [?EVENTS]),
    ?LOGS:stop(Log).

%% Each is undone by what stands last.
found(Db, Record, {What, Change, Undo}) ->
    change(Db, Change),
    {#{differences := Count}, Told} = ?LOGS:fsck(Db, Record),
    ?assertEqual(length(Told), Count),
    Kinds = lists:usort([Kind || #{what := Kind} <- Told]),
    ?assert(lists:member(What, Kinds), {What, Kinds}),
    change(Db, Undo),
    ?LOGS:clean(Db, Record).

change(Db, Change) when is_function(Change) -> Change(Db);
change(Db, Statements) -> [run(Db, Sql) || Sql <- Statements].

run(Db, Sql) ->
    {ok, _, Count} = hex_provenance_sql:query(Db, iolist_to_binary(Sql), []),
    ?assert(Count > 0, Sql).

changes() ->
    [
        swapped(leaf_mismatch, "hp_entry", "leaf", "idx", 10, 11),
        swapped(leaf_mismatch, "hp_event", "statement", "id", 5, 6),
        swapped(leaf_mismatch, "hp_entry", "signature", "idx", 20, 21),
        swapped(signature_invalid, "hp_entry", "signature", "idx", 20, 21),
        swapped(tile_mismatch, "hp_tile", "hashes", "place", 0, 1),
        swapped(checkpoint_note_mismatch, "hp_checkpoint", "note", "size", min, max),
        swapped(checkpoint_root_mismatch, "hp_checkpoint", "root", "size", min, max),
        altered(columns_mismatch, "hp_entry", "kind", "idx = 7", "+ 1", "- 1"),
        altered(columns_mismatch, "hp_entry", "tag", "idx = 7", "+ 1", "- 1"),
        altered(columns_mismatch, "hp_entry", "seq", "idx = 7", "+ 1000", "- 1000"),
        altered(columns_mismatch, "hp_event", "id_key", "id = 9", "+ 1", "- 1"),
        altered(key_missing, "hp_key", "key", "idx = 30", "+ 1", "- 1"),
        altered(package_mismatch, "hp_package", "head", "id = 2", "- 1", "+ 1"),
        altered(package_mismatch, "hp_package", "first", "id = 2", "+ 1", "- 1"),
        altered(package_mismatch, "hp_package", "seq", "id = 2", "- 1", "+ 1"),
        altered(heads_place_mismatch, "hp_head", "heads_covers", "id = 1", "- 1", "+ 1"),
        altered(signed_mismatch, "hp_signed", "size", "id = 1", "- 1", "+ 1"),
        altered(checkpoint_quorum_mismatch, "hp_checkpoint", "quorum", "1 = 1", "- 1", "+ 1"),
        {
            events_lost,
            ["INSERT INTO hp_event (id, id_key, statement) VALUES (9999, 1, NULL)"],
            ["DELETE FROM hp_event WHERE id = 9999"]
        },
        {
            outbox_stale,
            ["INSERT INTO hp_outbox (event, recorded) VALUES (5, 0)"],
            ["DELETE FROM hp_outbox WHERE event = 5"]
        },
        {
            keys_superfluous,
            ["INSERT INTO hp_key (key, idx) VALUES (12345, 5)"],
            ["DELETE FROM hp_key WHERE key = 12345"]
        },
        {
            tiles_superfluous,
            ["INSERT INTO hp_tile (place, hashes) SELECT 77, hashes FROM hp_tile WHERE place = 0"],
            ["DELETE FROM hp_tile WHERE place = 77"]
        },
        {
            entry_missing,
            ["UPDATE hp_entry SET idx = 99999 WHERE idx = 50"],
            ["UPDATE hp_entry SET idx = 50 WHERE idx = 99999"]
        },
        {
            checkpoint_beyond_log,
            [
                "INSERT INTO hp_checkpoint (size, root, note, quorum) "
                "SELECT 99999, root, note, 1 FROM hp_checkpoint "
                "WHERE size = (SELECT max(size) FROM hp_checkpoint)"
            ],
            ["DELETE FROM hp_checkpoint WHERE size = 99999"]
        }
    ].

%% Two values change places.
swapped(What, Table, Column, Id, One, Other) ->
    Swap = fun(Db) ->
        [Place, OtherPlace] = [place(Db, Table, Id, Which) || Which <- [One, Other]],
        [Value, OtherValue] = [value(Db, Table, Column, Id, At) || At <- [Place, OtherPlace]],
        put_value(Db, Table, Column, Id, Place, OtherValue),
        put_value(Db, Table, Column, Id, OtherPlace, Value)
    end,
    {What, Swap, Swap}.

place(Db, Table, Id, Extreme) when is_atom(Extreme) ->
    Sql = ["SELECT ", atom_to_list(Extreme), "(", Id, ") FROM ", Table],
    {ok, [[Place]], _} = hex_provenance_sql:query(Db, iolist_to_binary(Sql), []),
    Place;
place(_, _, _, Place) ->
    Place.

value(Db, Table, Column, Id, Place) ->
    Sql = ["SELECT ", Column, " FROM ", Table, " WHERE ", Id, " = $1"],
    {ok, [[Value]], _} = hex_provenance_sql:query(Db, iolist_to_binary(Sql), [Place]),
    Value.

put_value(Db, Table, Column, Id, Place, Value) ->
    Sql = ["UPDATE ", Table, " SET ", Column, " = $1 WHERE ", Id, " = $2"],
    {ok, _, 1} = hex_provenance_sql:query(Db, iolist_to_binary(Sql), [{blob, Value}, Place]).

altered(What, Table, Column, Where, There, Back) ->
    Sql = fun(Change) ->
        ["UPDATE ", Table, " SET ", Column, " = ", Column, " ", Change, " WHERE ", Where]
    end,
    {What, [Sql(There)], [Sql(Back)]}.

none(Db, Folder) ->
    grown(Db, Folder),
    {ok, [#{leaf := Leaf}]} = hex_provenance_log_entries:entries(Db, 3, 1),
    <<"{\"envelope\":\"sha256:", Hex:64/binary, _/binary>> = Leaf,
    ok = hex_provenance_log_bundles:redact(Db, binary:decode_hex(Hex)),
    ?assertMatch(#{redacted := 1, events := ?EVENTS}, ?LOGS:clean(Db)),
    %% The chain is followed through what is redacted.
    {ok, _, 1} = hex_provenance_sql:query(
        Db,
        <<
            "UPDATE hp_entry SET leaf = (SELECT leaf FROM hp_entry o WHERE o.idx = 4) "
            "WHERE idx = 3"
        >>,
        []
    ),
    {_, Told} = ?LOGS:fsck(Db, #{}),
    ?assert(lists:member(chain_broken, [What || #{what := What} <- Told])).
