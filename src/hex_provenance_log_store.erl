%% @doc What a log keeps: events on their way into it, the tree, and what was signed of it. The SQL
%% is for SQLite and PostgreSQL alike.
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
%%
%% What is in the log is read by {@link hex_provenance_log_entries}, envelopes and bundles are in
%% {@link hex_provenance_log_bundles}.
-module(hex_provenance_log_store).

-export([migrate/1, schema_version/1]).
-export([record/2, record_steps/2]).
-export([unsigned/2, put_signatures/2, discard_signatures/1, pending/2, outbox/1]).
-export([head/1, heads_of/2, integrate/4]).
-export([signed/1, put_signed/3]).
-export([put_checkpoint/5, checkpoint/2, checkpoints/3, prune_checkpoints/2]).
-export([event/2]).

-export_type([unsigned/0, outboxed/0, signed_event/0, item/0, head/0, checkpoint/0]).

-import(hex_provenance_log_rows, [rows/4, one/4, first/1, absent/1]).
-import(hex_provenance_log_rows, [key/1, id_key/1, version_tag/1, place/2]).
-import(hex_provenance_log_rows, [kind/1, own_kind/1, own_name/1, map_covers/1]).
-import(hex_provenance_log_rows, [holds/2, json_text/1]).

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

-type checkpoint() :: #{size := size(), root := hash(), note := binary(), quorum := boolean()}.

-define(MOST, 16#7FFFFFFFFFFFFFFF).
%% Names in one question: few forms of a statement, so that they stay prepared.
-define(NAMES, 32).

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
     || {{leaf, _}, #{index := Index, leaf := Leaf}} <- Pairs, own_name(own_kind(Leaf)) =:= heads
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

%%% Events

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

is_of(Id, null, Leaf) when is_binary(Leaf) -> holds(Leaf, [<<"\"id\":">>, json_text(Id)]);
is_of(_, null, _) -> false;
is_of(Id, Statement, _) -> holds(Statement, [<<"\"eventId\":">>, json_text(Id)]).
