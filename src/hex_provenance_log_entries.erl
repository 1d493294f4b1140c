%% @doc What a log holds, read: its entries by place, package, release and artifact, where chains
%% end, tiles and proofs.
-module(hex_provenance_log_entries).

-export([entries/3, package_entries/3, release_entries/4, digest_entries/3, leaf_subjects/1]).
-export([package_head/3, packages_heads/4, heads_map/2, heads_leaf/2]).
-export([own_entries/3, own_entry/2]).
-export([tile/3, tiles/2, proof/2]).
-export([entry/1]).

-export_type([entry/0, filter/0]).

-import(hex_provenance_log_rows, [rows/4, first/1, absent/1]).
-import(hex_provenance_log_rows, [key/1, version_tag/1, place/2, hex/1]).
-import(hex_provenance_log_rows, [kind/1, event_name/1, own_name/1, holds/2, json_text/1]).

-type db() :: hex_provenance_sql:db().
-type hash() :: <<_:256>>.
-type error() :: {error, hex_provenance_error:error()}.
-type size() :: non_neg_integer().

-type entry() :: #{
    index := size(),
    leaf := binary(),
    event := hex_provenance_registry:event_name() | undefined,
    package := binary() | undefined,
    version := binary() | undefined,
    seq := size() | undefined,
    statement := binary() | undefined,
    signature := binary() | undefined,
    linked := [hash()]
}.
%% `event' is undefined for heads maps and key changes. A redacted event has neither statement nor
%% signature, and what it linked is not known.

-type filter() :: #{
    version => binary(),
    event => hex_provenance_registry:event_name(),
    predicate_type => binary(),
    'after' => size(),
    below => size(),
    limit => pos_integer()
}.
%% Entries whose index is above `after' and below `below', at most `limit' (100) of them.
%% `predicate_type' is that of the entry's statement or of a bundle that it links.

-define(LIMIT, 100).
-define(MOST, 16#7FFFFFFFFFFFFFFF).
-define(HEADS_PAGE, 4096).

%% @doc A page of the log.
-spec entries(db(), Start :: size(), Count :: non_neg_integer()) -> {ok, [entry()]} | error().
entries(_Db, Start, Count) when Count =< 0; Start > ?MOST ->
    {ok, []};
entries(Db, Start, Count) ->
    select(Db, <<"WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx">>, [Start, Start + Count]).

%% @doc A package's entries, the oldest first.
-spec package_entries(db(), Package :: binary(), filter()) -> {ok, [entry()]} | error().
package_entries(Db, Package, Filter) ->
    Tag = version_tag(maps:get(version, Filter, undefined)),
    Kind = wanted(Filter),
    Where = iolist_to_binary([
        "WHERE e.package = (SELECT id FROM hp_package WHERE name = $1) "
        "AND e.idx > $2 AND e.idx < $3",
        [" AND e.tag = $4" || Tag =/= null],
        [[" AND e.kind = $", place_after(Tag)] || Kind =/= null],
        " ORDER BY e.seq LIMIT ",
        integer_to_list(limit(Filter))
    ]),
    Selected = [Value || Value <- [Tag, Kind], Value =/= null],
    page(Filter, fun(Within) ->
        select(Db, Where, [{text, Package} | range(Within)] ++ Selected)
    end).

place_after(null) -> "4";
place_after(_) -> "5".

%% @doc The entries about a release: its own, and advisories about several versions whose statements
%% name one of the digests it was published with.
-spec release_entries(db(), Package :: binary(), Version :: binary(), filter()) ->
    {ok, [entry()]} | error().
release_entries(Db, Package, Version, Filter) ->
    Advisories = <<
        "WHERE e.package = (SELECT id FROM hp_package WHERE name = $1) AND e.idx > $2 "
        "AND e.idx < $3 AND e.tag IS NULL AND e.kind IN (6, 7) ORDER BY e.seq"
    >>,
    case package_entries(Db, Package, Filter#{version => Version}) of
        {ok, Own} ->
            Digests = lists:usort(lists:append([subjects(Leaf) || #{leaf := Leaf} <- Own])),
            case select(Db, Advisories, [{text, Package} | range(Filter)]) of
                {ok, Several} ->
                    About = [Entry || Entry <- Several, lists:any(about(Entry), Digests)],
                    {ok, lists:sublist(by_index(Own ++ About), limit(Filter))};
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

about(#{statement := undefined, leaf := Leaf}) -> fun(Hex) -> holds(Leaf, [Hex]) end;
about(#{statement := Statement}) -> fun(Hex) -> holds(Statement, [Hex]) end.

by_index(Entries) ->
    lists:sort(fun(#{index := One}, #{index := Other}) -> One =< Other end, Entries).

%% @doc The entries about an artifact, the oldest first.
-spec digest_entries(db(), hash(), filter()) -> {ok, [entry()]} | error().
digest_entries(Db, Digest, Filter) ->
    Where = iolist_to_binary([
        "WHERE e.idx IN (SELECT k.idx FROM hp_key k WHERE k.key = $1 AND k.idx > $2 "
        "AND k.idx < $3) ORDER BY e.idx LIMIT ",
        integer_to_list(limit(Filter))
    ]),
    Hex = hex(Digest),
    page(Filter, fun(Within) ->
        case select(Db, Where, [key(Digest) | range(Within)]) of
            {ok, Entries} -> {ok, Entries, fun(Entry) -> is_about(Entry, Hex) end};
            {error, _} = Error -> Error
        end
    end).

%% More subjects than a leaf lists stand in the statement only.
is_about(#{leaf := Leaf, statement := Statement}, Hex) ->
    lists:member(Hex, subjects(Leaf)) orelse
        (is_counted(Leaf) andalso Statement =/= undefined andalso holds(Statement, [Hex])).

subjects(Leaf) ->
    case binary:split(Leaf, <<"\"subjects\":[">>) of
        [_, Rest] ->
            [List | _] = binary:split(Rest, <<"]">>),
            [Hex || <<"\"sha256:", Hex:64/binary, "\"">> <- binary:split(List, <<",">>, [global])];
        [_] ->
            []
    end.

%% @private
-spec leaf_subjects(Leaf :: binary()) -> [hash()].
leaf_subjects(Leaf) -> [binary:decode_hex(Hex) || Hex <- subjects(Leaf)].

is_counted(Leaf) -> holds(Leaf, [<<"\"subjects\":{\"count\":">>]).

range(Filter) -> [maps:get('after', Filter, -1), min(?MOST, maps:get(below, Filter, ?MOST))].

limit(Filter) -> maps:get(limit, Filter, ?LIMIT).

wanted(#{event := Event}) -> kind(Event);
wanted(_) -> null.

%% Columns narrow down by some bits of a value: what does not match is left out, and made up for by
%% what comes behind it.
page(Filter, Select) ->
    case Select(Filter) of
        {ok, Entries} -> page(Filter, Select, Entries, fun(_) -> true end);
        {ok, Entries, Matches} -> page(Filter, Select, Entries, Matches);
        {error, _} = Error -> Error
    end.

page(Filter, Select, Entries, Matches) ->
    Matching = [
        Entry
     || Entry <- Entries, Matches(Entry), has_version(Entry, Filter), has_type(Entry, Filter)
    ],
    Lacking = length(Entries) - length(Matching),
    case length(Entries) < limit(Filter) orelse Lacking =:= 0 of
        true ->
            {ok, Matching};
        false ->
            #{index := Last} = lists:last(Entries),
            case page(Filter#{'after' => Last}, Select) of
                {ok, More} -> {ok, lists:sublist(Matching ++ More, limit(Filter))};
                {error, _} = Error -> Error
            end
    end.

has_version(#{version := Version}, #{version := Wanted}) -> Version =:= Wanted;
has_version(_, _) -> true.

has_type(#{statement := undefined}, #{predicate_type := _}) ->
    false;
has_type(#{statement := Statement}, #{predicate_type := Type}) ->
    holds(Statement, [<<"\"predicateType\":">>, json_text(Type)]);
has_type(_, _) ->
    true.

%% @doc The last entry of a package in the log of a size: one or none.
-spec package_head(db(), Package :: binary(), size()) -> {ok, [entry()]} | error().
package_head(Db, Package, Size) ->
    Where = <<
        "WHERE e.package = (SELECT id FROM hp_package WHERE name = $1) AND e.idx < $2 "
        "ORDER BY e.seq DESC LIMIT 1"
    >>,
    select(Db, Where, [{text, Package}, Size]).

%% @doc Where the chains ended in the log of size `Covers': a page of them behind the package
%% `After' (first the empty binary), in the order of their bytes. A page that is not full is the
%% last.
-spec packages_heads(db(), Covers :: size(), After :: binary(), Limit :: pos_integer()) ->
    {ok, [{binary(), size(), hash(), Seq :: size()}]} | error().
packages_heads(Db, Covers, After, Limit) ->
    Sql = <<
        "SELECT n.name, n.idx, "
        "CASE WHEN n.head = n.idx THEN n.leaf ELSE (SELECT substr(t.hashes, "
        "CAST(n.idx % 256 * 32 + 1 AS INTEGER), 32) FROM hp_tile t "
        "WHERE t.place = n.idx / 256) END, "
        "CASE WHEN n.head = n.idx THEN n.seq ELSE (SELECT x.seq FROM hp_entry x "
        "WHERE x.idx = n.idx) END "
        "FROM (SELECT p.name, p.head, p.leaf, p.seq, CASE WHEN p.head < $1 THEN p.head ELSE "
        "(SELECT e.idx FROM hp_entry e WHERE e.package = p.id AND e.idx < $1 "
        "ORDER BY e.seq DESC LIMIT 1) END AS idx "
        "FROM hp_package p WHERE p.first < $1 AND p.name > $2 ORDER BY p.name LIMIT $3) n "
        "ORDER BY n.name"
    >>,
    rows(Db, Sql, [Covers, {text, After}, Limit], fun list_to_tuple/1).

%% @doc The heads map of the log of size `Covers'.
-spec heads_map(db(), Covers :: size()) -> {ok, hex_provenance_log_nif:heads()} | error().
heads_map(Db, Covers) -> heads_map(Db, Covers, <<>>, []).

heads_map(Db, Covers, After, Pages) ->
    case packages_heads(Db, Covers, After, ?HEADS_PAGE) of
        {ok, Page} when length(Page) < ?HEADS_PAGE ->
            Heads = lists:append(lists:reverse([Page | Pages])),
            hex_provenance_log_nif:log_heads(Covers, Heads);
        {ok, Page} ->
            heads_map(Db, Covers, element(1, lists:last(Page)), [Page | Pages]);
        {error, _} = Error ->
            Error
    end.

%% @doc The newest heads map below a size: where it is entered, and its leaf.
-spec heads_leaf(db(), Below :: size()) ->
    {ok, #{index := size(), leaf := binary()}} | not_found | error().
heads_leaf(Db, Below) ->
    Sql = <<
        "SELECT idx, leaf FROM hp_entry WHERE event IS NULL AND kind = 100 AND idx < $1 "
        "ORDER BY idx DESC LIMIT 1"
    >>,
    first(rows(Db, Sql, [Below], fun([Index, Leaf]) -> #{index => Index, leaf => Leaf} end)).

%% @doc The log's own entries behind an index: heads maps and key changes.
-spec own_entries(db(), After :: integer(), Limit :: pos_integer()) ->
    {ok, [{size(), heads | key_change, Leaf :: binary()}]} | error().
own_entries(Db, After, Limit) ->
    Sql = <<
        "SELECT idx, kind, leaf FROM hp_entry WHERE event IS NULL AND idx > $1 "
        "ORDER BY idx LIMIT $2"
    >>,
    rows(Db, Sql, [After, Limit], fun([Index, Kind, Leaf]) -> {Index, own_name(Kind), Leaf} end).

%% @doc Where such an entry of the log's own stands.
-spec own_entry(db(), Leaf :: binary()) -> {ok, size()} | not_found | error().
own_entry(Db, Leaf) ->
    Sql = <<"SELECT idx FROM hp_entry WHERE event IS NULL AND leaf = $1 ORDER BY idx LIMIT 1">>,
    first(rows(Db, Sql, [{blob, Leaf}], fun([Index]) -> Index end)).

select(Db, Where, Params) ->
    Sql = <<
        "SELECT e.idx, e.kind, e.leaf, e.seq, p.name, v.statement, e.signature FROM hp_entry e "
        "LEFT JOIN hp_package p ON p.id = e.package LEFT JOIN hp_event v ON v.id = e.event ",
        Where/binary
    >>,
    rows(Db, Sql, Params, fun entry/1).

%% @private
-spec entry(hex_provenance_sql:row()) -> entry().
entry([Index, Kind, Leaf, Seq, Package, Statement, Signature]) ->
    Event = event_name(Kind),
    #{
        index => Index,
        leaf => Leaf,
        event => Event,
        package => absent(Package),
        version => leaf_version(Event, Leaf),
        seq => absent(Seq),
        statement => absent(Statement),
        signature => absent(Signature),
        linked => linked(Event, Statement)
    }.

%% A leaf is canonical, and its version, which needs no escapes, stands last.
leaf_version(undefined, _) ->
    undefined;
leaf_version(_, Leaf) ->
    case binary:split(Leaf, <<",\"type\":1,\"version\":\"">>) of
        [_, Rest] -> binary:part(Rest, 0, byte_size(Rest) - 2);
        [_] -> undefined
    end.

linked(Event, Statement) when is_binary(Statement), Event =:= publish orelse Event =:= provenance ->
    Member = <<"\"bundle\":{\"sha256\":\"">>,
    [
        binary:decode_hex(binary:part(Statement, At + Length, 64))
     || {At, Length} <- binary:matches(Statement, Member)
    ];
linked(_, _) ->
    [].

%%% Tiles

%% @doc All hashes that a tile has so far.
-spec tile(db(), Level :: 0..7, Index :: size()) -> {ok, binary()} | not_found | error().
tile(Db, Level, Index) ->
    case tiles(Db, [{Level, Index}]) of
        {ok, [{_, _, Hashes}]} -> {ok, Hashes};
        {ok, []} -> not_found;
        {error, _} = Error -> Error
    end.

%% @doc Several of them; what is not there is absent.
-spec tiles(db(), [{Level :: 0..7, Index :: size()}]) ->
    {ok, [{Level :: 0..7, Index :: size(), binary()}]} | error().
tiles(Db, Tiles) -> tiles(Db, Tiles, []).

tiles(_Db, [], Found) ->
    {ok, Found};
tiles(Db, [{Level, Index} | Rest], Found) when Index < 1 bsl 55 ->
    Sql = <<"SELECT hashes FROM hp_tile WHERE place = $1">>,
    case hex_provenance_sql:query(Db, Sql, [place(Level, Index)]) of
        {ok, [[Hashes]], _} -> tiles(Db, Rest, [{Level, Index, Hashes} | Found]);
        {ok, [], _} -> tiles(Db, Rest, Found);
        {error, _} = Error -> Error
    end;
tiles(Db, [_ | Rest], Found) ->
    tiles(Db, Rest, Found).

%% @doc Has a prover prove something, giving it the tiles that it lacks: `Ask' is one of
%% hex_provenance_log_nif's functions of a prover.
-spec proof(
    {db(), hex_provenance_log_nif:prover()},
    fun(
        (hex_provenance_log_nif:prover()) ->
            {ok, {hashes, [hash()]} | {hash, hash()} | {missing, [tuple()]}} | error()
    )
) -> {ok, [hash()] | hash()} | error().
proof({Db, Prover}, Ask) ->
    case Ask(Prover) of
        {ok, {missing, Places}} -> give({Db, Prover}, Ask, Places);
        {ok, {_, Proof}} -> {ok, Proof};
        {error, _} = Error -> Error
    end.

give({Db, Prover}, Ask, Places) ->
    case tiles(Db, [{Level, Index} || {Level, Index, _} <- Places]) of
        {ok, Tiles} when length(Tiles) =:= length(Places) ->
            case hex_provenance_log_nif:log_give(Prover, Tiles) of
                {ok, _} -> answered(Ask(Prover));
                {error, _} = Error -> Error
            end;
        {ok, _} ->
            {error, missing_tiles()};
        {error, _} = Error ->
            Error
    end.

answered({ok, {missing, _}}) -> {error, missing_tiles()};
answered({ok, {_, Proof}}) -> {ok, Proof};
answered({error, _} = Error) -> Error.

missing_tiles() ->
    hex_provenance_error:storage_failed(<<"hp_tile">>, <<"tiles are missing, or too short">>).
