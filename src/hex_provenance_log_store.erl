%% @doc What a log keeps, and where: all SQL of this library, for SQLite and PostgreSQL alike.
%%
%% ```
%% record -> (committed) -> unsigned, put_signatures -> pending -> integrate -> put_checkpoint
%% '''
%%
%% An event is recorded with its unsigned statement, in the host's own transaction if it likes
%% ({@link record_steps/2}); from that commit on it cannot be lost. It is signed outside of any
%% transaction, then entered in the log with others. Each step is guarded by what it expects to
%% find, so any number of nodes may do any of it at once.
%%
%% An event's envelope is not stored: its statement and signature are, and it is written from them.
-module(hex_provenance_log_store).

-export([migrate/1, schema_version/1]).
-export([record/2, record_steps/2]).
-export([unsigned/2, put_signatures/2, discard_signatures/1, pending/2, outbox/1]).
-export([head/1, heads_of/2, integrate/4]).
-export([signed/1, put_signed/3]).
-export([put_checkpoint/5, checkpoint/2, checkpoints/3, prune_checkpoints/2]).
-export([event/2, entries/3, package_entries/3, release_entries/4, digest_entries/3]).
-export([package_head/3, packages_heads/4, heads_map/2, heads_leaf/2]).
-export([own_entries/3, own_entry/2]).
-export([tile/3, tiles/2, proof/2]).
-export([envelope/2, redact/2]).
-export([stage_bundle/2, staged/4, purge_staged/2, bundle/2]).
-export([audit_entries/3, audit_packages/3, count/2, has_keys/3]).
-export([id_key/1, digest_key/1, version_tag/1, leaf_subjects/1, map_covers/1]).

-export_type([
    unsigned/0,
    outboxed/0,
    signed_event/0,
    item/0,
    head/0,
    entry/0,
    filter/0,
    checkpoint/0,
    staged/0
]).

-type db() :: hex_provenance_sql:db().
-type hash() :: <<_:256>>.
-type error() :: {error, hex_provenance_error:error()}.
-type size() :: non_neg_integer().

-type unsigned() :: #{
    id := binary(), statement := binary(), linked => [hash()], atom() => term()
}.
%% What {@link hex_provenance_registry:statement/2} answers.

-type outboxed() :: #{ref := integer(), statement := binary(), recorded := integer()}.
%% An event that is not signed yet; `recorded' in Unix milliseconds.

-type signed_event() :: #{
    ref := integer(), statement := binary(), signature := binary(), recorded := integer()
}.

-type item() :: {event, signed_event()} | {leaf, binary()}.
%% What the log enters next: an event, or a heads map or key change of its own.

-type head() :: #{
    size := size(),
    edge := binary(),
    root := hash(),
    heads := {Index :: size(), Covers :: size()} | undefined
}.
%% `heads' is where the last heads map is, and the size that it describes.

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

-type checkpoint() :: #{size := size(), root := hash(), note := binary(), quorum := boolean()}.

-type staged() :: #{bundle_digest := hash(), predicate_type := binary(), bundle := binary()}.

%% The kind of an entry: an event's number among hex_provenance_registry:event_names(), or one of
%% these.
-define(HEADS, 100).
-define(KEY_CHANGE, 101).

-define(LIMIT, 100).
-define(MOST, 16#7FFFFFFFFFFFFFFF).
%% Names in one question: few forms of a statement, so that they stay prepared.
-define(NAMES, 32).
-define(HEADS_PAGE, 4096).

%%% Tables

%% @doc Makes the tables, or brings them up to date.
-spec migrate(db()) -> ok | error().
migrate(Db) -> hex_provenance_log_schema:migrate(Db).

%% @doc How many migrations were run.
-spec schema_version(db()) -> {ok, non_neg_integer()} | error().
schema_version(Db) -> hex_provenance_log_schema:version(Db).

%%% Recording

%% @doc Records events, all or none. Once this answers `{ok, _}' they will be in the log, each once,
%% however often they are recorded.
%%
%% Errors: `event_conflict' when an event of that id says something else.
-spec record(db(), [unsigned()]) -> {ok, [new | known]} | error().
record(_Db, []) ->
    {ok, []};
record(Db, Events) ->
    Dialect = hex_provenance_sql:dialect(Db),
    Steps = [record_event(Dialect, Event) || Event <- Events],
    case hex_provenance_sql:transaction(Db, lists:append(Steps)) of
        {ok, Answers} -> {ok, novelty(Steps, Answers)};
        {conflict, Number} -> {error, conflict(Events, Steps, Number)};
        {error, _} = Error -> Error
    end.

%% @doc The same as SQL for a transaction of the host's own, in which it also changes its registry:
%% each statement with its parameters, and how many rows it must answer or change. When a number is
%% not met the event conflicts with another of its id, and the transaction must be given up.
-spec record_steps([unsigned()], hex_provenance_sql:dialect()) -> [hex_provenance_sql:step()].
record_steps(Events, Dialect) ->
    lists:append([record_event(Dialect, Event) || Event <- Events]).

record_event(Dialect, #{id := Id, statement := Statement} = Event) ->
    Key = id_key(Id),
    Check = {
        <<
            "SELECT id FROM hp_event WHERE id_key = $1 "
            "AND (statement IS NULL OR statement = $2)"
        >>,
        [Key, {blob, Statement}],
        1
    },
    new_event(Dialect, Key, Statement, erlang:system_time(millisecond)) ++
        [Check | [keep_bundle(Digest) || Digest <- maps:get(linked, Event, [])]].

%% The count of the first step is whether the event is new. What is known never gets in the outbox a
%% second time. In PostgreSQL that takes one statement: between two, another node may enter the
%% event in the log. SQLite has one writer, and no such statement.
new_event(postgres, Key, Statement, Now) ->
    [
        {
            <<
                "WITH new_event AS (INSERT INTO hp_event (id_key, statement) VALUES ($1, $2) "
                "ON CONFLICT (id_key) DO NOTHING RETURNING id) "
                "INSERT INTO hp_outbox (event, recorded) "
                "SELECT id, CAST($3 AS BIGINT) FROM new_event"
            >>,
            [Key, {blob, Statement}, Now],
            any
        }
    ];
new_event(sqlite, Key, Statement, Now) ->
    [
        {
            <<
                "INSERT INTO hp_event (id_key, statement) VALUES ($1, $2) "
                "ON CONFLICT (id_key) DO NOTHING"
            >>,
            [Key, {blob, Statement}],
            any
        },
        {
            <<
                "INSERT INTO hp_outbox (event, recorded) SELECT id, $1 "
                "FROM hp_event WHERE id_key = $2 AND NOT EXISTS "
                "(SELECT 1 FROM hp_entry WHERE hp_entry.event = hp_event.id) "
                "ON CONFLICT (event) DO NOTHING"
            >>,
            [Now, Key],
            any
        }
    ].

%% What an event links is no longer only staged.
keep_bundle(Digest) ->
    {<<"UPDATE hp_bundle SET kept = 1 WHERE digest = $1">>, [{blob, Digest}], any}.

novelty([], []) ->
    [];
novelty([Steps | Rest], [{_, Inserted} | _] = Answers) ->
    Novelty =
        case Inserted of
            1 -> new;
            0 -> known
        end,
    [Novelty | novelty(Rest, lists:nthtail(length(Steps), Answers))].

conflict([#{id := Id} | _], [Steps | _], Number) when Number =< length(Steps) ->
    hex_provenance_error:event_conflict(Id);
conflict([_ | Events], [Steps | Rest], Number) ->
    conflict(Events, Rest, Number - length(Steps)).

%%% The outbox

%% @doc Events that nobody signed yet, in the order in which they were recorded.
-spec unsigned(db(), pos_integer()) -> {ok, [outboxed()]} | error().
unsigned(Db, Limit) ->
    Sql = <<
        "SELECT o.event, v.statement, o.recorded FROM hp_outbox o "
        "JOIN hp_event v ON v.id = o.event WHERE o.signature IS NULL ORDER BY o.event LIMIT $1"
    >>,
    rows(Db, Sql, [Limit], fun([Ref, Statement, Recorded]) ->
        #{ref => Ref, statement => Statement, recorded => Recorded}
    end).

%% @doc Stores signatures where there are none yet, and says how many it stored. The first one
%% stays: an event has one signature.
-spec put_signatures(db(), [{Ref :: integer(), Signature :: binary()}]) ->
    {ok, non_neg_integer()} | error().
put_signatures(_Db, []) ->
    {ok, 0};
put_signatures(Db, Signatures) ->
    Sql = <<
        "UPDATE hp_outbox SET signature = $1 WHERE event = $2 AND signature IS NULL"
    >>,
    Params = [[{blob, Signature}, Ref] || {Ref, Signature} <- Signatures],
    case hex_provenance_sql:transaction(Db, [{many, Sql, Params, any}]) of
        {ok, [{_, Count}]} -> {ok, Count};
        {conflict, _} -> {ok, 0};
        {error, _} = Error -> Error
    end.

%% @doc Forgets the signatures of what is not in the log yet, to have it signed by another key.
-spec discard_signatures(db()) -> ok | error().
discard_signatures(Db) ->
    Sql = <<"UPDATE hp_outbox SET signature = NULL WHERE signature IS NOT NULL">>,
    case hex_provenance_sql:query(Db, Sql, []) of
        {ok, _, _} -> ok;
        {error, _} = Error -> Error
    end.

%% @doc Signed events to be entered, in the order in which they were recorded: none behind one that
%% is not signed yet, so that a package's events keep their order.
-spec pending(db(), pos_integer()) -> {ok, [signed_event()]} | error().
pending(Db, Limit) ->
    Sql = <<
        "SELECT o.event, v.statement, o.signature, o.recorded FROM hp_outbox o "
        "JOIN hp_event v ON v.id = o.event WHERE o.signature IS NOT NULL AND o.event < COALESCE("
        "(SELECT min(u.event) FROM hp_outbox u WHERE u.signature IS NULL), 9223372036854775807) "
        "ORDER BY o.event LIMIT $1"
    >>,
    rows(Db, Sql, [Limit], fun([Ref, Statement, Signature, Recorded]) ->
        #{ref => Ref, statement => Statement, signature => Signature, recorded => Recorded}
    end).

%% @doc How many events are not in the log yet, and when the oldest was recorded (Unix
%% milliseconds).
-spec outbox(db()) ->
    {ok, #{pending := non_neg_integer(), oldest := integer() | undefined}} | error().
outbox(Db) ->
    Sql = <<"SELECT count(*), min(recorded) FROM hp_outbox">>,
    one(Db, Sql, [], fun([Count, Oldest]) -> #{pending => Count, oldest => absent(Oldest)} end).

%%% Integration

%% @doc The tree as of the last batch.
-spec head(db()) -> {ok, head()} | error().
head(Db) ->
    Sql = <<"SELECT size, edge, root, heads_index, heads_covers FROM hp_head WHERE id = 1">>,
    one(Db, Sql, [], fun([Size, Edge, Root, Index, Covers]) ->
        #{size => Size, edge => Edge, root => Root, heads => map_place(Index, Covers)}
    end).

map_place(null, _) -> undefined;
map_place(Index, Covers) -> {Index, Covers}.

%% @doc Where the chains of these packages end; packages without entries are absent.
-spec heads_of(db(), [binary()]) ->
    {ok, #{binary() => hex_provenance_log_nif:chain_head()}} | error().
heads_of(Db, Packages) -> heads_of(Db, Packages, #{}).

heads_of(_Db, [], Heads) ->
    {ok, Heads};
heads_of(Db, Packages, Heads) ->
    {Names, Rest} = lists:split(min(?NAMES, length(Packages)), Packages),
    Padded = Names ++ lists:duplicate(?NAMES - length(Names), lists:last(Names)),
    Sql = iolist_to_binary([
        "SELECT name, head, leaf, seq FROM hp_package WHERE name IN (", places(?NAMES), ")"
    ]),
    case hex_provenance_sql:query(Db, Sql, [{text, Name} || Name <- Padded]) of
        {ok, Rows, _} ->
            Found = [{Name, {Index, Leaf, Seq}} || [Name, Index, Leaf, Seq] <- Rows],
            heads_of(Db, Rest, maps:merge(Heads, maps:from_list(Found)));
        {error, _} = Error ->
            Error
    end.

places(Count) ->
    lists:join(", ", [["$", integer_to_list(Number)] || Number <- lists:seq(1, Count)]).

%% @doc Enters a batch behind the tree `Old', as a whole, on the disk when this answers. `Items' are
%% what `Batch' was computed from.
%%
%% `conflict' means that the tree or an item is no longer as it was: another node was faster.
-spec integrate(db(), Old :: head(), [item()], hex_provenance_log_nif:batch()) ->
    ok | conflict | error().
integrate(Db, Old, Items, #{entries := Entries} = Batch) ->
    Pairs = lists:zip(Items, Entries),
    Steps = lists:append([
        [grow(Old, Pairs, Batch)],
        taken([Event || {event, Event} <- Items]),
        heads_steps(Batch),
        [{many, entry_sql(), [entry_params(Pair) || Pair <- Pairs], length(Pairs)}],
        key_steps(Entries),
        tile_steps(hex_provenance_sql:dialect(Db), Batch)
    ]),
    case hex_provenance_sql:transaction(Db, Steps) of
        {ok, _} -> ok;
        {conflict, _} -> conflict;
        {error, _} = Error -> Error
    end.

%% First, since it is where another node waits.
grow(#{size := OldSize, root := OldRoot}, Pairs, #{size := Size, edge := Edge, root := Root}) ->
    {Index, Covers} = newest_map(Pairs),
    {
        <<
            "UPDATE hp_head SET size = $1, edge = $2, root = $3, "
            "heads_index = COALESCE($4, heads_index), heads_covers = COALESCE($5, heads_covers) "
            "WHERE id = 1 AND size = $6 AND root = $7"
        >>,
        [Size, {blob, Edge}, {blob, Root}, Index, Covers, OldSize, {blob, OldRoot}],
        1
    }.

newest_map(Pairs) ->
    Maps = [
        {Index, map_covers(Leaf)}
     || {{leaf, _}, #{index := Index, leaf := Leaf}} <- Pairs, own_kind(Leaf) =:= ?HEADS
    ],
    case Maps of
        [] -> {null, null};
        _ -> lists:last(Maps)
    end.

taken([]) ->
    [];
taken(Events) ->
    Sql = <<"DELETE FROM hp_outbox WHERE event = $1 AND signature = $2">>,
    Params = [[Ref, {blob, Signature}] || #{ref := Ref, signature := Signature} <- Events],
    [{many, Sql, Params, length(Events)}].

heads_steps(#{heads := Heads, entries := Entries}) ->
    First = lists:foldr(
        fun
            (#{package := undefined}, Places) -> Places;
            (#{package := Package, index := Index}, Places) -> Places#{Package => Index}
        end,
        #{},
        Entries
    ),
    Params = [
        [{text, Package}, maps:get(Package, First), Index, Seq, {blob, Leaf}]
     || {Package, {Index, Leaf, Seq}} <- lists:sort(maps:to_list(Heads))
    ],
    Sql = <<
        "INSERT INTO hp_package (name, first, head, seq, leaf) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (name) DO UPDATE SET head = excluded.head, seq = excluded.seq, "
        "leaf = excluded.leaf WHERE hp_package.head < excluded.head"
    >>,
    [{many, Sql, Params, length(Params)} || Params =/= []].

entry_sql() ->
    <<
        "INSERT INTO hp_entry (idx, event, package, seq, kind, tag, signature, leaf) VALUES "
        "($1, $2, (SELECT id FROM hp_package WHERE name = $3), $4, $5, $6, $7, $8)"
    >>.

entry_params({{leaf, _}, #{index := Index, leaf := Leaf}}) ->
    [Index, null, null, null, own_kind(Leaf), null, null, {blob, Leaf}];
entry_params({{event, Event}, Entry}) ->
    #{ref := Ref, signature := Signature} = Event,
    #{index := Index, leaf := Leaf, event := Name, package := Package, version := Version} = Entry,
    Seq = maps:get(seq, Entry),
    Tag = version_tag(Version),
    [Index, Ref, {text, Package}, Seq, kind(Name), Tag, {blob, Signature}, {blob, Leaf}].

key_steps(Entries) ->
    Sql = <<"INSERT INTO hp_key (key, idx) VALUES ($1, $2) ON CONFLICT (key, idx) DO NOTHING">>,
    Params = [
        [key(Digest), Index]
     || #{index := Index, subjects := Subjects, envelope := Envelope} <- Entries,
        Digest <- [Envelope || Envelope =/= undefined] ++ Subjects
    ],
    [{many, Sql, lists:sort(Params), any} || Params =/= []].

%% A tile that does not have the hashes that are expected before what it gains stops the batch.
tile_steps(Dialect, #{tiles := Tiles}) ->
    lists:map(
        fun
            ({Level, Index, 0, Hashes}) ->
                Sql = <<"INSERT INTO hp_tile (place, hashes) VALUES ($1, $2)">>,
                {Sql, [place(Level, Index), {blob, Hashes}], 1};
            ({Level, Index, Offset, Hashes}) ->
                Sql = append_sql(Dialect),
                {Sql, [{blob, Hashes}, place(Level, Index), 32 * Offset], 1}
        end,
        Tiles
    ).

append_sql(sqlite) ->
    <<
        "UPDATE hp_tile SET hashes = CAST(hashes || $1 AS BLOB) "
        "WHERE place = $2 AND length(hashes) = $3"
    >>;
append_sql(postgres) ->
    <<
        "UPDATE hp_tile SET hashes = hashes || CAST($1 AS BYTEA) "
        "WHERE place = $2 AND length(hashes) = $3"
    >>.

%%% What was signed

%% @doc Size and root of the last checkpoint that was signed, as far as this database knows.
-spec signed(db()) -> {ok, {size(), hash()}} | error().
signed(Db) ->
    Sql = <<"SELECT size, root FROM hp_signed WHERE id = 1">>,
    one(Db, Sql, [], fun([Size, Root]) -> {Size, Root} end).

%% @doc Replaces it, if it still is what the caller saw.
-spec put_signed(db(), Old :: {size(), hash()}, New :: {size(), hash()}) ->
    ok | conflict | error().
put_signed(Db, {OldSize, OldRoot}, {Size, Root}) ->
    Sql = <<
        "UPDATE hp_signed SET size = $1, root = $2 WHERE id = 1 AND size = $3 AND root = $4"
    >>,
    Step = {Sql, [Size, {blob, Root}, OldSize, {blob, OldRoot}], 1},
    case hex_provenance_sql:transaction(Db, [Step]) of
        {ok, _} -> ok;
        {conflict, _} -> conflict;
        {error, _} = Error -> Error
    end.

%% @doc Stores a signed checkpoint. One that has the quorum its policy demands is never replaced by
%% one that has not.
-spec put_checkpoint(db(), size(), hash(), Note :: binary(), Quorum :: boolean()) -> ok | error().
put_checkpoint(Db, Size, Root, Note, Quorum) ->
    Sql = <<
        "INSERT INTO hp_checkpoint (size, root, note, quorum) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (size) DO UPDATE SET note = excluded.note, quorum = excluded.quorum "
        "WHERE hp_checkpoint.root = excluded.root AND hp_checkpoint.quorum <= excluded.quorum"
    >>,
    Params = [Size, {blob, Root}, {blob, Note}, flag(Quorum)],
    case hex_provenance_sql:query(Db, Sql, Params) of
        {ok, _, _} -> ok;
        {error, _} = Error -> Error
    end.

flag(true) -> 1;
flag(false) -> 0.

%% @doc The checkpoint of a size, or the newest to be served: the largest that has its quorum, and
%% the largest of all only while none has. `signed' is the largest of all.
-spec checkpoint(db(), newest | signed | size()) -> {ok, checkpoint()} | not_found | error().
checkpoint(Db, newest) ->
    case checkpoint_where(Db, <<"WHERE quorum = 1 ORDER BY size DESC LIMIT 1">>, []) of
        not_found -> checkpoint(Db, signed);
        Found -> Found
    end;
checkpoint(Db, signed) ->
    checkpoint_where(Db, <<"ORDER BY size DESC LIMIT 1">>, []);
checkpoint(Db, Size) when Size >= 0, Size =< ?MOST ->
    checkpoint_where(Db, <<"WHERE size = $1">>, [Size]);
checkpoint(_Db, _Size) ->
    not_found.

checkpoint_where(Db, Where, Params) ->
    Sql = <<"SELECT size, root, note, quorum FROM hp_checkpoint ", Where/binary>>,
    first(rows(Db, Sql, Params, fun checkpoint_row/1)).

%% @doc Checkpoints of sizes above `After', the smallest first.
-spec checkpoints(db(), After :: integer(), Limit :: pos_integer()) ->
    {ok, [checkpoint()]} | error().
checkpoints(Db, After, Limit) ->
    Sql = <<
        "SELECT size, root, note, quorum FROM hp_checkpoint WHERE size > $1 ORDER BY size LIMIT $2"
    >>,
    rows(Db, Sql, [After, Limit], fun checkpoint_row/1).

checkpoint_row([Size, Root, Note, Quorum]) ->
    #{size => Size, root => Root, note => Note, quorum => Quorum =:= 1}.

%% @doc Of the checkpoints below a size, keeps the last of each 256 entries.
-spec prune_checkpoints(db(), Below :: size()) -> {ok, non_neg_integer()} | error().
prune_checkpoints(Db, Below) ->
    Sql = <<
        "DELETE FROM hp_checkpoint WHERE size < $1 AND EXISTS (SELECT 1 FROM hp_checkpoint later "
        "WHERE later.size > hp_checkpoint.size AND later.quorum >= hp_checkpoint.quorum "
        "AND later.size < (hp_checkpoint.size / 256 + 1) * 256)"
    >>,
    case hex_provenance_sql:query(Db, Sql, [Below]) of
        {ok, _, Count} -> {ok, Count};
        {error, _} = Error -> Error
    end.

%%% Entries

%% @doc How far an event is.
-spec event(db(), EventId :: binary()) ->
    {ok, #{state := unsigned | signed | integrated, index := size() | undefined}}
    | not_found
    | error().
event(Db, Id) ->
    Sql = <<
        "SELECT v.statement, e.leaf, e.idx, o.signature FROM hp_event v "
        "LEFT JOIN hp_entry e ON e.event = v.id LEFT JOIN hp_outbox o ON o.event = v.id "
        "WHERE v.id_key = $1"
    >>,
    case hex_provenance_sql:query(Db, Sql, [id_key(Id)]) of
        {ok, [[Statement, Leaf, Index, Signature]], _} ->
            case is_of(Id, Statement, Leaf) of
                true -> {ok, state(Index, Signature)};
                false -> not_found
            end;
        {ok, [], _} ->
            not_found;
        {error, _} = Error ->
            Error
    end.

state(null, null) -> #{state => unsigned, index => undefined};
state(null, _) -> #{state => signed, index => undefined};
state(Index, _) -> #{state => integrated, index => Index}.

%% The documents are canonical: within a text a quotation mark is escaped, so this stands there as
%% a member only.
is_of(Id, null, Leaf) when is_binary(Leaf) -> holds(Leaf, [<<"\"id\":">>, json_text(Id)]);
is_of(_, null, _) -> false;
is_of(Id, Statement, _) -> holds(Statement, [<<"\"eventId\":">>, json_text(Id)]).

holds(Document, Member) -> binary:match(Document, iolist_to_binary(Member)) =/= nomatch.

%% An event id is printable ASCII.
json_text(Text) ->
    Escaped = binary:replace(Text, [<<"\\">>, <<"\"">>], <<"\\">>, [global, {insert_replaced, 1}]),
    [$", Escaped, $"].

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
    rows(Db, Sql, [After, Limit], fun
        ([Index, ?HEADS, Leaf]) -> {Index, heads, Leaf};
        ([Index, ?KEY_CHANGE, Leaf]) -> {Index, key_change, Leaf}
    end).

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

place(Level, Index) -> Level bsl 56 bor Index.

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

%%% Envelopes and bundles

%% @doc The signed envelope that a leaf names by its digest, in its canonical form.
-spec envelope(db(), hash()) -> {ok, binary()} | redacted | not_found | error().
envelope(Db, Digest) ->
    case enveloped(Db, Digest) of
        {ok, [_, Statement, Signature]} when Statement =:= null; Signature =:= null ->
            redacted;
        {ok, [_, Statement, Signature]} ->
            hex_provenance_log_nif:log_envelope(Statement, Signature);
        Other ->
            Other
    end.

enveloped(Db, Digest) ->
    Sql = <<
        "SELECT e.leaf, e.event, v.statement, e.signature FROM hp_key k "
        "JOIN hp_entry e ON e.idx = k.idx JOIN hp_event v ON v.id = e.event WHERE k.key = $1"
    >>,
    Start = iolist_to_binary([<<"{\"envelope\":\"sha256:">>, hex(Digest), $"]),
    case hex_provenance_sql:query(Db, Sql, [key(Digest)]) of
        {ok, Rows, _} ->
            case [Row || [Leaf | Row] <- Rows, begins(Leaf, Start)] of
                [Row | _] -> {ok, Row};
                [] -> not_found
            end;
        {error, _} = Error ->
            Error
    end.

begins(Bytes, Start) -> binary:longest_common_prefix([Bytes, Start]) =:= byte_size(Start).

%% @doc Takes an envelope or a bundle out of the record: its leaf stays, its bytes are gone.
-spec redact(db(), hash()) -> ok | not_found | error().
redact(Db, Digest) ->
    case enveloped(Db, Digest) of
        {ok, [Event | _]} ->
            done(Db, [
                {<<"UPDATE hp_event SET statement = NULL WHERE id = $1">>, [Event], 1},
                {<<"UPDATE hp_entry SET signature = NULL WHERE event = $1">>, [Event], 1}
            ]);
        not_found ->
            Sql = <<"UPDATE hp_bundle SET bundle = NULL, kept = 1 WHERE digest = $1">>,
            done(Db, [{Sql, [{blob, Digest}], 1}]);
        {error, _} = Error ->
            Error
    end.

done(Db, Steps) ->
    case hex_provenance_sql:transaction(Db, Steps) of
        {ok, _} -> ok;
        {conflict, _} -> not_found;
        {error, _} = Error -> Error
    end.

%% @doc Keeps a publisher's bundle (its canonical JSON) for a release until `expires' (Unix
%% seconds), or for good once an event links it. `kept' keeps it for good at once.
-spec stage_bundle(db(), #{
    package := binary(),
    version := binary(),
    digest := hash(),
    bundle := binary(),
    predicate_type := binary(),
    expires := integer(),
    atom() => term()
}) -> {ok, new | known} | error().
stage_bundle(Db, #{bundle := Bundle, expires := Expires} = Staged) ->
    #{package := Package, version := Version, digest := Subject, predicate_type := Type} = Staged,
    Digest = crypto:hash(sha256, Bundle),
    Steps = [
        {
            <<
                "INSERT INTO hp_bundle (digest, bundle) VALUES ($1, $2) "
                "ON CONFLICT (digest) DO NOTHING"
            >>,
            [{blob, Digest}, {blob, Bundle}],
            any
        },
        {
            <<
                "INSERT INTO hp_staged (package, version, subject, bundle, predicate_type, "
                "expires) VALUES ($1, $2, $3, $4, $5, $6) "
                "ON CONFLICT (package, version, subject, bundle) "
                "DO UPDATE SET expires = excluded.expires"
            >>,
            [
                {text, Package},
                {text, Version},
                {blob, Subject},
                {blob, Digest},
                {text, Type},
                Expires
            ],
            1
        }
    ],
    case hex_provenance_sql:transaction(Db, Steps) of
        {ok, [{_, 1} | _]} -> {ok, new};
        {ok, _} -> {ok, known};
        {conflict, _} -> {ok, known};
        {error, _} = Error -> Error
    end.

%% @doc The bundles that are staged for a release, as of `Now'.
-spec staged(db(), Package :: binary(), Version :: binary(), Subject :: hash()) ->
    {ok, [staged()]} | error().
staged(Db, Package, Version, Subject) ->
    Sql = <<
        "SELECT s.bundle, s.predicate_type, b.bundle FROM hp_staged s "
        "JOIN hp_bundle b ON b.digest = s.bundle WHERE s.package = $1 AND s.version = $2 "
        "AND s.subject = $3 AND s.expires >= $4 AND b.bundle IS NOT NULL ORDER BY s.bundle LIMIT 64"
    >>,
    Params = [{text, Package}, {text, Version}, {blob, Subject}, erlang:system_time(second)],
    rows(Db, Sql, Params, fun([Digest, Type, Bundle]) ->
        #{bundle_digest => Digest, predicate_type => Type, bundle => Bundle}
    end).

%% @doc Forgets what was staged until before `Now', and the bundles that no event links.
-spec purge_staged(db(), Now :: integer()) -> ok | error().
purge_staged(Db, Now) ->
    Steps = [
        {<<"DELETE FROM hp_staged WHERE expires < $1">>, [Now], any},
        {
            <<
                "DELETE FROM hp_bundle WHERE kept = 0 AND NOT EXISTS "
                "(SELECT 1 FROM hp_staged WHERE hp_staged.bundle = hp_bundle.digest)"
            >>,
            [],
            any
        }
    ],
    case hex_provenance_sql:transaction(Db, Steps) of
        {error, _} = Error -> Error;
        _ -> ok
    end.

%% @doc A publisher's bundle, by the SHA-256 of its canonical JSON.
-spec bundle(db(), hash()) -> {ok, binary()} | redacted | not_found | error().
bundle(Db, Digest) ->
    Sql = <<"SELECT bundle FROM hp_bundle WHERE digest = $1">>,
    case hex_provenance_sql:query(Db, Sql, [{blob, Digest}]) of
        {ok, [[null]], _} -> redacted;
        {ok, [[Bundle]], _} -> {ok, Bundle};
        {ok, [], _} -> not_found;
        {error, _} = Error -> Error
    end.

%%% What is read to check all of it

%% @private
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
        (entry([Index, Kind | Row]))#{id_key => absent(IdKey), tag => Tag, own => own_name(Kind)}
    end).

own_name(?HEADS) -> heads;
own_name(?KEY_CHANGE) -> key_change;
own_name(_) -> undefined.

%% @private
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

%% @private
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

%% @private
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

%%% What all of it shares

rows(Db, Sql, Params, Read) ->
    case hex_provenance_sql:query(Db, Sql, Params) of
        {ok, Rows, _} -> {ok, [Read(Row) || Row <- Rows]};
        {error, _} = Error -> Error
    end.

one(Db, Sql, Params, Read) ->
    case first(rows(Db, Sql, Params, Read)) of
        not_found -> {error, hex_provenance_error:storage_failed(<<"hp_head">>, <<"no row">>)};
        Found -> Found
    end.

first({ok, [First | _]}) -> {ok, First};
first({ok, []}) -> not_found;
first({error, _} = Error) -> Error.

absent(null) -> undefined;
absent(Value) -> Value.

%% Six bytes, which SQLite stores as they are; whoever looks something up compares the whole value.
key(<<Key:48/signed, _/binary>>) -> Key.

%% @private
-spec id_key(EventId :: binary()) -> integer().
id_key(Id) ->
    <<Key:64/signed, _/binary>> = crypto:hash(sha256, Id),
    Key.

%% @private
-spec digest_key(hash()) -> integer().
digest_key(Digest) -> key(Digest).

%% @private
-spec version_tag(binary() | undefined) -> integer() | null.
version_tag(undefined) -> null;
version_tag(Version) -> binary:decode_unsigned(binary:part(crypto:hash(sha256, Version), 0, 4)).

kind(Event) -> kind(Event, hex_provenance_registry:event_names(), 1).

kind(Event, [Event | _], Number) -> Number;
kind(Event, [_ | Others], Number) -> kind(Event, Others, Number + 1).

event_name(Kind) when Kind >= ?HEADS -> undefined;
event_name(Kind) -> lists:nth(Kind, hex_provenance_registry:event_names()).

own_kind(<<"{\"count\":", _/binary>>) -> ?HEADS;
own_kind(<<"{\"new\":", _/binary>>) -> ?KEY_CHANGE.

%% @private
-spec map_covers(Leaf :: binary()) -> size().
map_covers(Leaf) ->
    [_, Rest] = binary:split(Leaf, <<"\"covers\":">>),
    [Covers | _] = binary:split(Rest, <<",">>),
    binary_to_integer(Covers).

hex(Digest) -> string:lowercase(binary:encode_hex(Digest)).
