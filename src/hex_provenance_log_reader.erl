%% @doc What a log holds, for whoever serves it: entries with their proofs, heads, tiles.
%%
%% Nothing beyond the newest published checkpoint is ever read. Callers read in their own processes;
%% the process behind this module only watches for new checkpoints, prepares the heads map when a
%% new one is in the log, and wakes those who wait.
-module(hex_provenance_log_reader).

-behaviour(gen_server).

-export([start_link/1, reader/1]).
-export([checkpoint/1, package/4, release/4, digest/3, head/2, releases/3, blob/2]).
-export([entries/4, newest_entries/2, follow/4, inclusion/3, consistency/3, tlog_proof/3, tile/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-include_lib("kernel/include/logger.hrl").

-export_type([
    options/0,
    reader/0,
    checkpoint/0,
    item/0,
    listing/0,
    heads/0,
    head/0,
    head_proof/0,
    filter/0,
    problem/0
]).

-type hash() :: hex_provenance_log_nif:hash().

-type options() :: #{
    db := hex_provenance_sql:db(),
    hints := [{FirstIndex :: non_neg_integer(), Hint :: binary()}, ...],
    sequencer => gen_server:server_ref(),
    poll => pos_integer(),
    tiles => pos_integer()
}.
%% <ul>
%% <li>`hints': how bundles name the registry's key, by the first entry that it signed.</li>
%% <li>`sequencer': tells of new checkpoints; besides, the database is asked every `poll'
%%     milliseconds (by default 1000), since another node may be the one that writes.</li>
%% <li>`tiles': how many tiles are kept, 16 KiB each; by default 1024.</li>
%% </ul>

-opaque reader() :: #{
    server := pid(),
    table := ets:table(),
    db := hex_provenance_sql:db(),
    prover := hex_provenance_log_nif:prover(),
    hints := [{non_neg_integer(), binary()}]
}.

-type checkpoint() :: #{size := non_neg_integer(), root := hash(), note := binary()}.

-type item() :: #{
    index := non_neg_integer(),
    leaf := binary(),
    event := atom(),
    package := binary() | undefined,
    version := binary() | undefined,
    statement := binary() | undefined,
    signature := binary() | undefined,
    hint := binary(),
    linked := [hash()],
    inclusion => [hash()]
}.

-type listing() :: #{
    checkpoint := checkpoint(),
    items := [item()],
    linked => [{hash(), Bundle :: binary() | undefined}],
    head => head() | undefined,
    next_after => non_neg_integer() | undefined,
    redacted => boolean()
}.

-type heads() :: #{
    map := #{index := non_neg_integer(), leaf := binary()} | undefined,
    edge := [hash()],
    tail := [binary()]
}.

-type head() :: #{
    package := binary(),
    map := #{index := non_neg_integer(), leaf := binary()} | undefined,
    edge := [hash()],
    tail := [binary()],
    proof := head_proof() | undefined
}.

-type head_proof() :: hex_provenance_log_nif:head_proof().

-type filter() :: #{
    version => binary(),
    event => atom(),
    predicate_type => binary(),
    'after' => non_neg_integer(),
    limit => pos_integer()
}.

-type problem() ::
    checkpoint_missing
    | not_found
    | redacted
    | too_busy
    | unavailable
    | hex_provenance_error:error().

%% Entries behind a heads map that a client reads itself.
-define(MOST_TAIL, 1024).
-define(MOST_WAITING, 1024).
-define(FULL, 256).

%% @doc Starts watching a log.
-spec start_link(options()) -> gen_server:start_ret().
start_link(Options) ->
    gen_server:start_link(?MODULE, Options, []).

%% @doc What the functions below are called with: cheap to keep and to send.
-spec reader(gen_server:server_ref()) -> reader().
reader(Server) ->
    gen_server:call(Server, reader).

%% @doc The newest published checkpoint.
-spec checkpoint(reader()) -> {ok, checkpoint()} | {error, problem()}.
checkpoint(#{table := Table}) ->
    try ets:lookup(Table, checkpoint) of
        [{checkpoint, Checkpoint}] -> {ok, Checkpoint};
        [] -> {error, checkpoint_missing}
    catch
        %% The process whose table it was is just being started again.
        error:badarg -> {error, unavailable}
    end.

checkpoint(Reader, newest) ->
    checkpoint(Reader);
checkpoint(#{db := Db}, Size) ->
    stored_checkpoint(hex_provenance_log_store:checkpoint(Db, Size)).

%% @doc A package's history, or one version's, as of the newest checkpoint or that of a size.
-spec package(reader(), Package :: binary(), filter(), newest | non_neg_integer()) ->
    {ok, listing()} | {error, problem()}.
package(#{db := Db} = Reader, Package, Filter, Size) ->
    with_checkpoint(Reader, Size, fun(#{size := Below} = Checkpoint) ->
        Entries = hex_provenance_log_entries:package_entries(Db, Package, Filter#{below => Below}),
        case listing(Reader, Checkpoint, Filter, Entries) of
            {ok, Listing} when Size =:= newest ->
                add_head(Reader, Package, Checkpoint, Listing);
            Other ->
                Other
        end
    end).

%% @doc What is said about one version as of the newest checkpoint, advisories about several
%% versions included.
-spec release(reader(), Package :: binary(), Version :: binary(), filter()) ->
    {ok, listing()} | {error, problem()}.
release(#{db := Db} = Reader, Package, Version, Filter) ->
    with_checkpoint(Reader, newest, fun(#{size := Below} = Checkpoint) ->
        Bounded = Filter#{below => Below},
        Entries = hex_provenance_log_entries:release_entries(Db, Package, Version, Bounded),
        case listing(Reader, Checkpoint, Filter, Entries) of
            {ok, Listing} -> add_head(Reader, Package, Checkpoint, Listing);
            {error, _} = Error -> Error
        end
    end).

%% @doc What the log says about an artifact. A page may hold less than its limit, even nothing, and
%% still not be the last.
-spec digest(reader(), hash(), filter()) -> {ok, listing()} | {error, problem()}.
digest(#{db := Db} = Reader, Digest, Filter) ->
    with_checkpoint(Reader, newest, fun(#{size := Below} = Checkpoint) ->
        Bounded = (maps:remove(predicate_type, Filter))#{below => Below},
        Entries = hex_provenance_log_entries:digest_entries(Db, Digest, Bounded),
        listing(Reader, Checkpoint, Filter, Entries)
    end).

%% @doc The newest entry of a package, and the proof that it is.
-spec head(reader(), Package :: binary()) -> {ok, listing()} | {error, problem()}.
head(#{db := Db} = Reader, Package) ->
    with_checkpoint(Reader, newest, fun(#{size := Size} = Checkpoint) ->
        Newest = hex_provenance_log_entries:package_head(Db, Package, Size),
        case listing(Reader, Checkpoint, #{limit => 1}, Newest) of
            {ok, Listing} ->
                add_head(Reader, Package, Checkpoint, Listing#{next_after => undefined});
            {error, _} = Error ->
                Error
        end
    end).

%% @doc The events of many releases, and where their packages' chains end, under one checkpoint.
-spec releases(reader(), [{Package :: binary(), Version :: binary()}], pos_integer()) ->
    {ok, #{
        checkpoint := checkpoint(),
        heads := heads() | undefined,
        releases := [
            #{items := [item()], complete := boolean(), proof := head_proof() | undefined}
        ],
        linked := [{hash(), binary() | undefined}]
    }}
    | {error, problem()}.
releases(Reader, Releases, Most) ->
    with_checkpoint(Reader, newest, fun(Checkpoint) ->
        case heads(Reader, Checkpoint) of
            {ok, Heads} -> releases(Reader, Checkpoint, Heads, Releases, Most, []);
            {error, _} = Error -> Error
        end
    end).

releases(Reader, Checkpoint, {_, Heads}, [], _, Done) ->
    Found = lists:reverse(Done),
    Items = lists:append([Items || #{items := Items} <- Found]),
    case linked(Reader, Items) of
        {ok, Linked} ->
            {ok, #{
                checkpoint => Checkpoint, heads => Heads, releases => Found, linked => Linked
            }};
        {error, _} = Error ->
            Error
    end;
releases(Reader, Checkpoint, {Map, _} = Heads, [{Package, Version} | Rest], Most, Done) ->
    case one_release(Reader, Checkpoint, Map, Package, Version, Most) of
        {ok, Release} -> releases(Reader, Checkpoint, Heads, Rest, Most, [Release | Done]);
        {error, _} = Error -> Error
    end.

one_release(#{db := Db} = Reader, #{size := Size}, Map, Package, Version, Most) ->
    Filter = #{limit => Most + 1, below => Size},
    Entries = hex_provenance_log_entries:release_entries(Db, Package, Version, Filter),
    case stored(Reader, Entries) of
        {ok, Found} ->
            Items = lists:sublist(Found, Most),
            case {proven(Reader, Size, Items), map_proof(Map, Package)} of
                {{ok, Proven}, {ok, Proof}} ->
                    Complete = length(Found) =< Most,
                    {ok, #{items => Proven, complete => Complete, proof => Proof}};
                {{error, _} = Error, _} ->
                    Error;
                {_, {error, _} = Error} ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc The exact bytes of an envelope or a bundle.
-spec blob(reader(), hash()) -> {ok, binary()} | {error, problem()}.
blob(#{db := Db}, Digest) ->
    case hex_provenance_log_bundles:envelope(Db, Digest) of
        not_found -> stored_bytes(hex_provenance_log_bundles:bundle(Db, Digest));
        Found -> stored_bytes(Found)
    end.

%% @doc A page of the log, from an index on, below a size.
-spec entries(reader(), non_neg_integer(), pos_integer(), newest | non_neg_integer()) ->
    {ok, [item()]} | {error, problem()}.
entries(#{db := Db} = Reader, Start, Limit, Below) ->
    with_checkpoint(Reader, newest, fun(#{size := Size}) ->
        case Below of
            _ when is_integer(Below), Below > Size ->
                {error, checkpoint_missing};
            _ ->
                Count = max(0, min(Limit, min(Below, Size) - Start)),
                stored(Reader, hex_provenance_log_entries:entries(Db, Start, Count))
        end
    end).

%% @doc The last entries of the log, the newest first.
-spec newest_entries(reader(), pos_integer()) -> {ok, [item()]} | {error, problem()}.
newest_entries(Reader, Most) ->
    with_checkpoint(Reader, newest, fun(#{size := Size}) ->
        case entries(Reader, max(0, Size - Most), Most, Size) of
            {ok, Items} -> {ok, lists:reverse(Items)};
            {error, _} = Error -> Error
        end
    end).

%% @doc What came after a log of `Known' entries: at once when something did, else when it does, or
%% nothing after `Wait' milliseconds. With the proof that the log continues the one that is known.
-spec follow(reader(), Known :: non_neg_integer(), Wait :: non_neg_integer(), pos_integer()) ->
    {ok, #{checkpoint := checkpoint(), items := [item()], consistency := [hash()]}}
    | {error, problem()}.
follow(Reader, Known, Wait, Limit) ->
    case grown(Reader, Known, Wait) of
        {ok, #{size := Size} = Checkpoint} when Known =< Size ->
            followed(Reader, Known, Limit, Checkpoint);
        {ok, _} ->
            {error, checkpoint_missing};
        {error, _} = Error ->
            Error
    end.

grown(#{server := Server} = Reader, Known, Wait) ->
    case checkpoint(Reader) of
        {ok, #{size := Size}} = Grown when Size > Known -> Grown;
        _ when Wait > 0 ->
            case gen_server:call(Server, {wait, Known, Wait}, infinity) of
                ok -> checkpoint(Reader);
                {error, _} = Error -> Error
            end;
        Same -> Same
    end.

followed(Reader, Known, Limit, #{size := Size} = Checkpoint) ->
    case {entries(Reader, Known, Limit, Size), continues(Reader, Known, Size)} of
        {{ok, Items}, {ok, Hashes}} ->
            {ok, #{checkpoint => Checkpoint, items => Items, consistency => Hashes}};
        {{error, _} = Error, _} ->
            Error;
        {_, {error, _} = Error} ->
            Error
    end.

continues(_, 0, _) -> {ok, []};
continues(Reader, Known, Size) -> consistency(Reader, Known, Size).

%% @doc The path from an entry to the root of a size.
-spec inclusion(reader(), non_neg_integer(), non_neg_integer()) ->
    {ok, [hash()]} | {error, problem()}.
inclusion(Reader, Index, Size) ->
    within_log(Reader, Index < Size, Size, fun() -> prove_inclusion(Reader, Index, Size) end).

%% @doc That the log of `Size' continues that of `First'.
-spec consistency(reader(), non_neg_integer(), non_neg_integer()) ->
    {ok, [hash()]} | {error, problem()}.
consistency(Reader, First, Size) ->
    within_log(Reader, First >= 1 andalso First =< Size, Size, fun() ->
        prove(Reader, fun(Prover) ->
            hex_provenance_log_nif:log_consistency(Prover, First, Size)
        end)
    end).

%% @doc An entry's proof as C2SP's text, under the newest checkpoint or that of a size.
-spec tlog_proof(reader(), non_neg_integer(), newest | non_neg_integer()) ->
    {ok, binary()} | {error, problem()}.
tlog_proof(Reader, Index, Wanted) ->
    with_checkpoint(Reader, Wanted, fun(#{size := Size, note := Note}) ->
        case inclusion(Reader, Index, Size) of
            {ok, Hashes} -> hex_provenance_log_nif:log_tlog_proof(Index, Hashes, Note);
            {error, _} = Error -> Error
        end
    end).

%% @doc A tile or an entry bundle by its path, such as `tile/0/x001/234.p/5'.
-spec tile(reader(), binary()) -> {ok, binary()} | {error, problem()}.
tile(Reader, Path) ->
    case hex_provenance_log_nif:log_tile(Path) of
        {ok, {_, _, Width} = Tile} ->
            with_checkpoint(Reader, newest, fun(#{size := Size}) ->
                case width(Tile, Size) of
                    Published when Published >= Width -> read_tile(Reader, Tile);
                    _ -> {error, not_found}
                end
            end);
        {error, #{code := malformed}} ->
            {error, not_found};
        {error, _} = Error ->
            Error
    end.

%% How wide that tile is in a log of that size.
width({entries, Index, _}, Size) -> Size - Index * ?FULL;
width({Level, Index, _}, Size) -> (Size bsr (8 * Level)) - Index * ?FULL.

read_tile(#{db := Db}, {entries, Index, Width}) ->
    case hex_provenance_log_entries:entries(Db, Index * ?FULL, Width) of
        {ok, Entries} ->
            hex_provenance_log_nif:log_entry_bundle([Leaf || #{leaf := Leaf} <- Entries]);
        {error, _} = Error ->
            Error
    end;
read_tile(#{db := Db}, {Level, Index, _} = Tile) ->
    case hex_provenance_log_entries:tile(Db, Level, Index) of
        {ok, Bytes} -> hex_provenance_log_nif:log_tile_cut(Tile, Bytes);
        not_found -> {error, not_found};
        {error, _} = Error -> Error
    end.

%% -- Lists with their proofs --

with_checkpoint(Reader, Size, Call) ->
    case checkpoint(Reader, Size) of
        {ok, Checkpoint} -> Call(Checkpoint);
        {error, _} = Error -> Error
    end.

within_log(Reader, Fits, Size, Call) ->
    with_checkpoint(Reader, newest, fun(#{size := Newest}) ->
        case Fits andalso Size =< Newest of
            true -> Call();
            false -> {error, checkpoint_missing}
        end
    end).

listing(Reader, #{size := Size} = Checkpoint, Filter, Entries) ->
    case stored(Reader, Entries) of
        {ok, Page} ->
            Found = [Item || Item <- Page, has_type(Item, Filter)],
            case {proven(Reader, Size, Found), linked(Reader, Found)} of
                {{ok, Items}, {ok, Linked}} ->
                    {ok, #{
                        checkpoint => Checkpoint,
                        items => Items,
                        linked => Linked,
                        next_after => next_after(Page, Filter),
                        redacted => lists:any(fun is_redacted/1, Found)
                    }};
                {{error, _} = Error, _} ->
                    Error;
                {_, {error, _} = Error} ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

%% The type of the statement itself, or of a bundle that it links.
has_type(#{statement := Statement}, #{predicate_type := Type}) when is_binary(Statement) ->
    {ok, Text} = hex_provenance_nif:json_encode(Type),
    binary:match(Statement, <<"\"predicateType\":", Text/binary>>) =/= nomatch;
has_type(_, #{predicate_type := _}) ->
    false;
has_type(_, _) ->
    true.

is_redacted(#{statement := Statement, event := Event}) ->
    Statement =:= undefined andalso Event =/= undefined.

next_after(Found, #{limit := Limit}) when length(Found) >= Limit ->
    #{index := Index} = lists:last(Found),
    Index;
next_after(_, _) ->
    undefined.

proven(Reader, Size, Items) -> proven(Reader, Size, Items, []).

proven(_, _, [], Done) ->
    {ok, lists:reverse(Done)};
proven(Reader, Size, [#{index := Index} = Item | Rest], Done) ->
    case prove_inclusion(Reader, Index, Size) of
        {ok, Hashes} -> proven(Reader, Size, Rest, [Item#{inclusion => Hashes} | Done]);
        {error, _} = Error -> Error
    end.

prove_inclusion(Reader, Index, Size) ->
    prove(Reader, fun(Prover) -> hex_provenance_log_nif:log_inclusion(Prover, Index, Size) end).

prove(#{db := Db, prover := Prover}, Ask) ->
    hex_provenance_log_entries:proof({Db, Prover}, Ask).

%% -- Heads --

add_head(Reader, Package, Checkpoint, Listing) ->
    case heads(Reader, Checkpoint) of
        {ok, {_, undefined}} ->
            {ok, Listing};
        {ok, {Map, Heads}} ->
            case map_proof(Map, Package) of
                {ok, Proof} ->
                    {ok, Listing#{head => Heads#{package => Package, proof => Proof}}};
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

map_proof(undefined, _) -> {ok, undefined};
map_proof(Map, Package) -> hex_provenance_log_nif:log_heads_prove(Map, Package).

%% The map that is newest in the log of the checkpoint, and what came after the size it covers. With
%% too much after it, it proves nothing that a client would read.
heads(#{table := Table} = Reader, #{size := Size}) ->
    {Map, Leaf, Covers} =
        case ets:lookup(Table, heads) of
            [{heads, Prepared, #{index := Index} = Entry, From}] when Index < Size ->
                {Prepared, Entry, From};
            _ ->
                {undefined, undefined, 0}
        end,
    case Size - Covers of
        Count when Count > ?MOST_TAIL -> {ok, {undefined, undefined}};
        Count -> with_tail(tail(Reader, Covers, Count), Map, Leaf)
    end.

with_tail({ok, Edge, Tail}, Map, Leaf) ->
    {ok, {Map, #{map => Leaf, edge => Edge, tail => Tail}}};
with_tail({error, _} = Error, _, _) ->
    Error.

tail(#{table := Table} = Reader, Covers, Count) ->
    case ets:lookup(Table, tail) of
        [{tail, Covers, Count, Edge, Leaves}] ->
            {ok, Edge, Leaves};
        _ ->
            case read_tail(Reader, Covers, Count) of
                {ok, Edge, Leaves} = Tail ->
                    ets:insert(Table, {tail, Covers, Count, Edge, Leaves}),
                    Tail;
                {error, _} = Error ->
                    Error
            end
    end.

read_tail(#{db := Db} = Reader, Covers, Count) ->
    case {edge(Reader, Covers), hex_provenance_log_entries:entries(Db, Covers, Count)} of
        {{ok, Edge}, {ok, Entries}} -> {ok, Edge, [Leaf || #{leaf := Leaf} <- Entries]};
        {{error, _} = Error, _} -> Error;
        {_, {error, _} = Error} -> Error
    end.

edge(_, 0) ->
    {ok, []};
edge(Reader, Covers) ->
    prove(Reader, fun(Prover) -> hex_provenance_log_nif:log_edge(Prover, Covers) end).

%% -- What the store answers, as it is handed on --

stored_checkpoint({ok, #{size := _, root := _, note := _} = Checkpoint}) -> {ok, Checkpoint};
stored_checkpoint(not_found) -> {error, checkpoint_missing};
stored_checkpoint({error, _} = Error) -> Error.

stored_bytes({ok, Bytes}) -> {ok, Bytes};
stored_bytes(redacted) -> {error, redacted};
stored_bytes(not_found) -> {error, not_found};
stored_bytes({error, _} = Error) -> Error.

stored(#{hints := Hints}, {ok, Entries}) ->
    {ok, [Entry#{hint => hint(Index, Hints)} || #{index := Index} = Entry <- Entries]};
stored(_, {error, _} = Error) ->
    Error.

hint(Index, Hints) ->
    {_, Hint} = lists:max([Known || {First, _} = Known <- Hints, First =< Index]),
    Hint.

%% The bundles that entries link, each once.
linked(#{db := Db}, Items) ->
    Digests = lists:usort(lists:append([Linked || #{linked := Linked} <- Items])),
    linked_bundles(Db, Digests, []).

linked_bundles(_, [], Done) ->
    {ok, lists:reverse(Done)};
linked_bundles(Db, [Digest | Rest], Done) ->
    case hex_provenance_log_bundles:bundle(Db, Digest) of
        {ok, Bundle} -> linked_bundles(Db, Rest, [{Digest, Bundle} | Done]);
        {error, _} = Error -> Error;
        _ -> linked_bundles(Db, Rest, [{Digest, undefined} | Done])
    end.

%% -- The process that watches --

-record(state, {
    reader :: reader(),
    poll :: pos_integer(),
    waiting = [] :: [{gen_server:from(), Known :: non_neg_integer(), Timer :: reference()}],
    preparing :: undefined | {pid(), reference()}
}).

%% @private
-spec init(options()) -> {ok, #state{}}.
init(#{db := Db, hints := Hints} = Options) ->
    {ok, Prover} = hex_provenance_log_nif:log_prover(maps:get(tiles, Options, 1024)),
    Reader = #{
        server => self(),
        table => ets:new(?MODULE, [public, {read_concurrency, true}]),
        db => Db,
        prover => Prover,
        hints => Hints
    },
    _ = [hex_provenance_sequencer:subscribe(Server) || Server <- subscription(Options)],
    self() ! poll,
    {ok, #state{reader = Reader, poll = maps:get(poll, Options, 1000)}}.

subscription(#{sequencer := Server}) -> [Server];
subscription(_) -> [].

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}}.
handle_call(reader, _, #state{reader = Reader} = State) ->
    {reply, Reader, State};
handle_call({wait, _, _}, _, #state{waiting = Waiting} = State) when
    length(Waiting) >= ?MOST_WAITING
->
    {reply, {error, too_busy}, State};
handle_call({wait, Known, Wait}, From, #state{waiting = Waiting} = State) ->
    Timer = erlang:start_timer(Wait, self(), {enough, From}),
    {noreply, wake(State#state{waiting = [{From, Known, Timer} | Waiting]})}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast(_, State) -> {noreply, State}.

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}}.
handle_info(poll, #state{poll = Poll} = State) ->
    erlang:send_after(Poll, self(), poll),
    {noreply, refresh(State)};
handle_info({hex_provenance_log, _, _}, State) ->
    {noreply, refresh(State)};
handle_info({timeout, _, {enough, From}}, #state{waiting = Waiting} = State) ->
    gen_server:reply(From, ok),
    {noreply, State#state{waiting = lists:keydelete(From, 1, Waiting)}};
handle_info({'DOWN', Monitor, process, Pid, Reason}, #state{preparing = {Pid, Monitor}} = State) ->
    _ = [?LOG_ERROR("no heads map: ~p", [Reason]) || Reason =/= normal],
    {noreply, State#state{preparing = undefined}};
handle_info(_, State) ->
    {noreply, State}.

refresh(#state{reader = #{db := Db, table := Table}} = State) ->
    case stored_checkpoint(hex_provenance_log_store:checkpoint(Db, newest)) of
        {ok, Checkpoint} ->
            ets:insert(Table, {checkpoint, Checkpoint}),
            wake(prepare(Checkpoint, State));
        {error, _} ->
            State
    end.

wake(#state{reader = Reader, waiting = Waiting} = State) ->
    Size =
        case checkpoint(Reader) of
            {ok, #{size := Newest}} -> Newest;
            {error, _} -> 0
        end,
    {Grown, Still} = lists:partition(fun({_, Known, _}) -> Known < Size end, Waiting),
    lists:foreach(fun answer/1, Grown),
    State#state{waiting = Still}.

answer({From, _, Timer}) ->
    _ = erlang:cancel_timer(Timer),
    gen_server:reply(From, ok).

%% A heads map that a checkpoint covers is prepared beside everything else; until it is, the one
%% before it serves.
prepare(_, #state{preparing = {_, _}} = State) ->
    State;
prepare(#{size := Size}, #state{reader = #{db := Db, table := Table} = Reader} = State) ->
    case hex_provenance_log_entries:heads_leaf(Db, Size) of
        {ok, #{index := Index} = Leaf} ->
            case ets:lookup(Table, heads) of
                [{heads, _, #{index := Index}, _}] -> State;
                _ -> State#state{preparing = spawn_monitor(fun() -> prepare_map(Reader, Leaf) end)}
            end;
        _ ->
            State
    end.

%% What does not have the very leaf that is in the log is not served.
prepare_map(#{db := Db, table := Table}, #{index := Index, leaf := Leaf}) ->
    {ok, #{<<"covers">> := Covers}} = hex_provenance_nif:json_decode(Leaf),
    {ok, Map} = hex_provenance_log_entries:heads_map(Db, Covers),
    {ok, Leaf} = hex_provenance_log_nif:log_heads_leaf(Map),
    ets:insert(Table, {heads, Map, #{index => Index, leaf => Leaf}, Covers}).
