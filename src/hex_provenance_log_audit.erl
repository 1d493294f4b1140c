%% @private
%% @doc What {@link hex_provenance_fsck} reads to check all of a log's tables.
-module(hex_provenance_log_audit).

-export([audit_entries/3, audit_packages/3, count/2, has_keys/3]).

-import(hex_provenance_log_rows, [rows/4, one/4, absent/1, key/1, own_name/1]).

-type db() :: hex_provenance_sql:db().
-type hash() :: <<_:256>>.
-type error() :: {error, hex_provenance_error:error()}.
-type size() :: non_neg_integer().

%% @doc A page of the log with the columns that only find things. Those that are missing are not
%% there.
-spec audit_entries(db(), Start :: size(), Count :: pos_integer()) -> {ok, [map()]} | error().
audit_entries(Db, Start, Count) ->
    Sql = <<
        "SELECT v.id_key, e.tag, e.idx, e.kind, e.leaf, e.seq, p.name, v.statement, e.signature "
        "FROM hp_entry e LEFT JOIN hp_package p ON p.id = e.package "
        "LEFT JOIN hp_event v ON v.id = e.event WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx"
    >>,
    rows(Db, Sql, [Start, Start + Count], fun([IdKey, Tag, Index, Kind | Row]) ->
        Entry = hex_provenance_log_entries:entry([Index, Kind | Row]),
        Entry#{id_key => absent(IdKey), tag => Tag, own => own_name(Kind)}
    end).

%% @doc A page of packages, and what their entries say of them.
-spec audit_packages(db(), After :: binary(), Limit :: pos_integer()) -> {ok, [map()]} | error().
audit_packages(Db, After, Limit) ->
    Sql = <<
        "SELECT p.name, p.first, p.head, p.seq, p.leaf, "
        "(SELECT count(*) FROM hp_entry e WHERE e.package = p.id), "
        "(SELECT min(e.idx) FROM hp_entry e WHERE e.package = p.id), "
        "(SELECT max(e.idx) FROM hp_entry e WHERE e.package = p.id), "
        "(SELECT e.leaf FROM hp_entry e WHERE e.idx = p.head) "
        "FROM hp_package p WHERE p.name > $1 ORDER BY p.name LIMIT $2"
    >>,
    Names = [name, first, head, seq, hash, entries, earliest, last, leaf],
    rows(Db, Sql, [{text, After}, Limit], fun(Row) ->
        maps:from_list(lists:zip(Names, [absent(Value) || Value <- Row]))
    end).

%% @doc How many there are. `lost_events' are neither in the log nor to be entered,
%% `integrated_in_outbox' are both.
-spec count(db(), tiles | keys | lost_events | integrated_in_outbox) ->
    {ok, non_neg_integer()} | error().
count(Db, What) -> one(Db, count_sql(What), [], fun([Count]) -> Count end).

count_sql(tiles) ->
    <<"SELECT count(*) FROM hp_tile">>;
count_sql(keys) ->
    <<"SELECT count(*) FROM hp_key">>;
count_sql(lost_events) ->
    <<
        "SELECT count(*) FROM hp_event v "
        "WHERE NOT EXISTS (SELECT 1 FROM hp_entry e WHERE e.event = v.id) "
        "AND NOT EXISTS (SELECT 1 FROM hp_outbox o WHERE o.event = v.id)"
    >>;
count_sql(integrated_in_outbox) ->
    <<
        "SELECT count(*) FROM hp_outbox o "
        "WHERE EXISTS (SELECT 1 FROM hp_entry e WHERE e.event = o.event)"
    >>.

%% @doc Those of the digests by which an entry is found.
-spec has_keys(db(), Index :: size(), [hash()]) -> {ok, [hash()]} | error().
has_keys(Db, Index, Digests) -> has_keys(Db, Index, Digests, []).

has_keys(_Db, _Index, [], Found) ->
    {ok, Found};
has_keys(Db, Index, Digests, Found) ->
    {Asked, Rest} = lists:split(min(4, length(Digests)), Digests),
    Keys = [key(Digest) || Digest <- Asked],
    Padded = Keys ++ lists:duplicate(4 - length(Keys), hd(Keys)),
    Sql = <<"SELECT key FROM hp_key WHERE idx = $1 AND key IN ($2, $3, $4, $5)">>,
    case hex_provenance_sql:query(Db, Sql, [Index | Padded]) of
        {ok, Rows, _} ->
            Known = [Digest || Digest <- Asked, lists:member([key(Digest)], Rows)],
            has_keys(Db, Index, Rest, Known ++ Found);
        {error, _} = Error ->
            Error
    end.
