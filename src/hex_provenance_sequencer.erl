%% @doc Runs a log: signs recorded events, enters them, publishes checkpoints that witnesses cosign.
%%
%% ```
%% {ok, Log} = hex_provenance_sequencer:start_link(#{
%%     db => Db, log_key => Key, origin => <<"log.example.org">>, registry => #{key => RegistryKey},
%%     last_signed => {hex_provenance_last_signed_file, "/var/lib/log/signed"}
%% }),
%% {ok, [new]} = hex_provenance_sequencer:record(Log, [Unsigned]),
%% {ok, Index} = hex_provenance_sequencer:await(Log, EventId, 5000).
%% '''
%%
%% Three processes work beside this one: the signer, the integrator and the publisher. Each works
%% when it is idle and there is something to do, up to 256 events at once; each tries again after a
%% failure. Any number of nodes may run them on one PostgreSQL.
%%
%% A log whose database no longer extends what was signed is halted: it signs and enters nothing
%% more until it is started again, on a database that does. Events are still recorded meanwhile.
-module(hex_provenance_sequencer).

-behaviour(gen_server).

-export([start_link/1, child_spec/1, default_options/0]).
-export([record/2, await/3, info/1, subscribe/1, unsubscribe/2]).
-export([enter_key_change/2, rotate_log_key/2, rotate_registry_key/3]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([options/0, info/0, on_event/0]).

-type server() :: gen_server:server_ref().
-type error() :: {error, hex_provenance_error:error()}.

-type options() :: #{
    db := hex_provenance_sql:db(),
    log_key := hex_provenance_log_nif:key(),
    next_log_keys => [hex_provenance_log_nif:key()],
    origin := binary(),
    registry := map(),
    last_signed := hex_provenance_last_signed:place() | none,
    name => atom(),
    prefix => binary(),
    batch => 1..256,
    witnesses => binary(),
    witness_options => hex_provenance_witness:options(),
    heads_every => pos_integer(),
    heads_idle => pos_integer(),
    poll => pos_integer(),
    again_every => pos_integer(),
    retry_every => pos_integer(),
    max_merge_delay => pos_integer(),
    on_event => on_event()
}.
%% Times are in milliseconds.
%% <ul>
%% <li>`db': its tables are made, or brought up to date, at the start.</li>
%% <li>`registry': the options of {@link hex_provenance_registry:sign/2}.</li>
%% <li>`last_signed': where the last signed size and root are kept outside of the database; see
%%     {@link hex_provenance_last_signed}. With `none' a restored backup can fork the log.</li>
%% <li>`next_log_keys': keys that a key change may put in the place of `log_key'.</li>
%% <li>`prefix': what predicate types begin with, by default
%%     `<<"https://hex.pm/attestation">>'.</li>
%% <li>`batch' (256): how many entries are made at once, at most.</li>
%% <li>`witnesses': the text of a policy file, by default `<<"quorum none\n">>'.</li>
%% <li>`heads_every' (512): after how many entries a heads map is entered; clients read at most 1024
%%     behind one, and a batch before and one behind it have to fit. `heads_idle' (60000): after how
%%     long without a batch one is entered that covers the rest.</li>
%% <li>`poll' (500): how often the database is asked for what others recorded.</li>
%% <li>`again_every' (one hour): when the checkpoint of an idle log is signed and cosigned again.
%%     `retry_every' (10000): when one without its quorum is.</li>
%% <li>`max_merge_delay' (60000): how long after its recording an event should be in the log,
%%     under a published checkpoint. Later it is told to `on_event'.</li>
%% <li>`on_event': see {@link on_event()}.</li>
%% </ul>

-type on_event() ::
    fun((Name :: [atom(), ...], Measurements :: map(), Metadata :: map()) -> term()).
%% Called as `telemetry:execute/3' is, in a process that the log waits for: it should only count or
%% send. Names begin with `hex_provenance' and `log':
%% <ul>
%% <li>`signed': `count', `duration'.</li>
%% <li>`batch': `size', `count', `events', `duration', `delay' (the longest time that an event
%%     waited since its recording).</li>
%% <li>`checkpoint': `size'; metadata `quorum'.</li>
%% <li>`witness': `count'; metadata `name' and `result'.</li>
%% <li>`merge_delay': `pending', `age', `unpublished', each second while something waits; metadata
%%     `exceeded'.</li>
%% <li>`failed': `count'; metadata `stage' (`sign', `integrate' or `checkpoint') and `error'. It is
%%     tried again.</li>
%% <li>`halted': `count'; metadata `error'.</li>
%% </ul>
%% Durations are in milliseconds. Metadata always has `origin'.

-type info() :: #{
    origin := binary(),
    size := non_neg_integer(),
    checkpoint := non_neg_integer() | undefined,
    pending := non_neg_integer(),
    oldest_pending_age := non_neg_integer() | undefined,
    halted := hex_provenance_error:error() | undefined,
    failing := #{sign | integrate | checkpoint => hex_provenance_error:error()}
}.
%% `size' is that of the tree, `checkpoint' of the newest one that is served, ages are in
%% milliseconds.

-record(log, {
    options :: options(),
    signer :: pid(),
    integrator :: pid(),
    publisher :: pid(),
    checkpoint :: non_neg_integer() | undefined,
    halted :: hex_provenance_error:error() | undefined,
    failing = #{} :: #{atom() => hex_provenance_error:error()},
    subscribers = #{} :: #{reference() => pid()}
}).

-define(WATCH, 1000).

%% @doc What is used for options that are not given.
-spec default_options() -> map().
default_options() ->
    #{
        next_log_keys => [],
        prefix => <<"https://hex.pm/attestation">>,
        batch => 256,
        witnesses => <<"quorum none\n">>,
        witness_options => #{},
        heads_every => 512,
        heads_idle => 60_000,
        poll => 500,
        again_every => 3_600_000,
        retry_every => 10_000,
        max_merge_delay => 60_000,
        on_event => fun(_, _, _) -> ok end
    }.

%% @doc Starts a log.
-spec start_link(options()) -> gen_server:start_ret().
start_link(#{name := Name} = Options) ->
    gen_server:start_link({local, Name}, ?MODULE, Options, []);
start_link(Options) ->
    gen_server:start_link(?MODULE, Options, []).

%% @doc For a supervisor.
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{
        id => maps:get(name, Options, ?MODULE),
        start => {?MODULE, start_link, [Options]},
        shutdown => 5000
    }.

%% @doc Records events as {@link hex_provenance_log_store:record/2} does, in the calling process,
%% and has the log enter them. When this answers, they are on the disk, but not yet in the log.
-spec record(server(), [hex_provenance_log_store:unsigned()]) -> {ok, [new | known]} | error().
record(Server, Events) ->
    Recorded = hex_provenance_log_store:record(gen_server:call(Server, db), Events),
    ok = gen_server:cast(Server, recorded),
    Recorded.

%% @doc Waits until an event is in the log, under a published checkpoint; answers its index.
-spec await(server(), EventId :: binary(), timeout()) ->
    {ok, non_neg_integer()} | timeout | error().
await(Server, Id, Timeout) ->
    Ref = subscribe(Server),
    Alarm = alarm(Timeout),
    Answer = awaited(Server, gen_server:call(Server, db), Id, Ref, Alarm),
    ok = unsubscribe(Server, Ref),
    _ = [erlang:cancel_timer(Alarm) || is_reference(Alarm)],
    flush(Ref, Alarm),
    Answer.

alarm(infinity) -> infinity;
alarm(Timeout) -> erlang:start_timer(Timeout, self(), await).

awaited(Server, Db, Id, Ref, Alarm) ->
    Event = hex_provenance_log_store:event(Db, Id),
    case {Event, hex_provenance_log_store:checkpoint(Db, newest)} of
        {{ok, #{index := Index}}, {ok, #{size := Size}}} when is_integer(Index), Index < Size ->
            {ok, Index};
        {{error, _} = Error, _} ->
            Error;
        {_, {error, _} = Error} ->
            Error;
        _ ->
            receive
                {hex_provenance_log, Ref, _} -> awaited(Server, Db, Id, Ref, Alarm);
                {timeout, Alarm, await} -> timeout
            end
    end.

flush(Ref, Alarm) ->
    receive
        {hex_provenance_log, Ref, _} -> flush(Ref, Alarm);
        {timeout, Alarm, await} -> flush(Ref, Alarm)
    after 0 -> ok
    end.

%% @doc How the log is.
-spec info(server()) -> {ok, info()} | error().
info(Server) ->
    {Db, Info} = gen_server:call(Server, info),
    case {hex_provenance_log_store:outbox(Db), hex_provenance_log_store:head(Db)} of
        {{ok, #{pending := Pending, oldest := Oldest}}, {ok, #{size := Size}}} ->
            {ok, Info#{size => Size, pending => Pending, oldest_pending_age => age(Oldest)}};
        {{error, _} = Error, _} ->
            Error;
        {_, {error, _} = Error} ->
            Error
    end.

%% The clock may have gone back since.
age(undefined) -> undefined;
age(Recorded) -> max(0, erlang:system_time(millisecond) - Recorded).

%% @doc Has the caller be sent `{hex_provenance_log, Ref, Size}' for each newly published
%% checkpoint.
-spec subscribe(server()) -> reference().
subscribe(Server) -> gen_server:call(Server, {subscribe, self()}).

%% @doc Ends that.
-spec unsubscribe(server(), reference()) -> ok.
unsubscribe(Server, Ref) -> gen_server:call(Server, {unsubscribe, Ref}).

%% @doc Enters a key change that {@link hex_provenance_log_nif:log_key_change/4} made; answers its
%% index. Asked again for the same, it answers the same.
-spec enter_key_change(server(), Leaf :: binary()) -> {ok, non_neg_integer()} | error().
enter_key_change(Server, Leaf) -> gen_server:call(Server, {enter, Leaf}, infinity).

%% @doc Puts another key in the place of the one that signs checkpoints, and answers the index of
%% the key change. From then on the log must be started with that key. Other nodes that have it
%% among their `next_log_keys' follow.
-spec rotate_log_key(server(), hex_provenance_log_nif:key()) -> {ok, non_neg_integer()} | error().
rotate_log_key(Server, New) ->
    {Old, Origin} = gen_server:call(Server, log_key),
    case hex_provenance_log_nif:log_key_change(Origin, log, Old, New) of
        {ok, Leaf} ->
            ok = gen_server:call(Server, {succeed, New}),
            enter_key_change(Server, Leaf);
        {error, _} = Error ->
            Error
    end.

%% @doc Puts another key in the place of the one that signs events. Nothing is signed meanwhile:
%% what the old key signed is entered before the change, `Options' ({@link
%% hex_provenance_registry:sign/2}) sign what comes behind it. No other node may sign meanwhile
%% either.
-spec rotate_registry_key(server(), Leaf :: binary(), Options :: map()) ->
    {ok, non_neg_integer()} | error().
rotate_registry_key(Server, Leaf, Options) ->
    ok = gen_server:call(Server, pause_signer, infinity),
    Entered = rotated(Server, gen_server:call(Server, db), Leaf),
    Next =
        case Entered of
            {ok, _} -> Options;
            _ -> unchanged
        end,
    ok = gen_server:call(Server, {resume_signer, Next}),
    Entered.

%% A leaf goes ahead of the events of its batch, so those that are signed have to be in first.
rotated(Server, Db, Leaf) ->
    case hex_provenance_log_store:pending(Db, 1) of
        {ok, []} ->
            changed(Server, hex_provenance_log_store:discard_signatures(Db), Leaf);
        {ok, [_]} ->
            timer:sleep(20),
            rotated(Server, Db, Leaf);
        {error, _} = Error ->
            Error
    end.

changed(Server, ok, Leaf) -> enter_key_change(Server, Leaf);
changed(_, {error, _} = Error, _) -> Error.

%%% The process

%% @private
-spec init(options()) -> {ok, #log{}} | {stop, term()}.
init(Given) ->
    Options = maps:merge(default_options(), Given),
    case prepared(Options) of
        {ok, Guard, Witnesses} -> {ok, started(Options, Guard, Witnesses)};
        {error, Error} -> {stop, Error}
    end.

prepared(#{db := Db, log_key := Key, last_signed := Record} = Options) ->
    #{witnesses := Policy, witness_options := WitnessOptions} = Options,
    steps([
        fun(_) -> hex_provenance_log_store:migrate(Db) end,
        fun(_) -> hex_provenance_guard:new(Db, Record) end,
        fun(_) -> hex_provenance_log_nif:log_vkey(Key) end,
        fun([Vkey | _]) -> hex_provenance_witness:new(Policy, Vkey, WitnessOptions) end
    ]).

steps(Steps) ->
    case lists:foldl(fun step/2, {ok, []}, Steps) of
        {ok, [Witnesses, _, Guard]} -> {ok, Guard, Witnesses};
        {error, _} = Error -> Error
    end.

step(_, {error, _} = Error) ->
    Error;
step(Step, {ok, Done}) ->
    case Step(Done) of
        ok -> {ok, Done};
        {ok, Result} -> {ok, [Result | Done]};
        {error, _} = Error -> Error
    end.

started(#{poll := Poll} = Options, Guard, Witnesses) ->
    Log = self(),
    Report = fun(What) -> Log ! {report, What} end,
    {ok, Signer} = hex_provenance_worker:start_link(
        fun hex_provenance_signer:work/1, signer(Options, Report), Poll
    ),
    {ok, Integrator} = hex_provenance_worker:start_link(
        fun hex_provenance_integrator:work/1, integrator(Options, Guard, Report), Poll
    ),
    {ok, Publisher} = hex_provenance_worker:start_link(
        fun hex_provenance_publisher:work/1, publisher(Options, Guard, Witnesses, Report), Poll
    ),
    {ok, _} = hex_provenance_worker:start_link(fun watch/1, watching(Options, Report), ?WATCH),
    #log{options = Options, signer = Signer, integrator = Integrator, publisher = Publisher}.

signer(#{db := Db, registry := Registry, batch := Batch, prefix := Prefix}, Report) ->
    Options = maps:merge(#{prefix => Prefix}, Registry),
    #{db => Db, options => Options, batch => Batch, report => Report, paused => false}.

integrator(Options, Guard, Report) ->
    (maps:with([prefix, batch, heads_every, heads_idle], Options))#{
        guard => Guard,
        report => Report,
        seen => undefined,
        grown => erlang:monotonic_time(millisecond),
        conflicts => 0,
        waiting => []
    }.

publisher(#{log_key := Key, next_log_keys := Successors} = Options, Guard, Witnesses, Report) ->
    (maps:with([again_every, retry_every], Options))#{
        guard => Guard,
        key => Key,
        successors => Successors,
        witnesses => Witnesses,
        report => Report,
        own => -1,
        published => undefined,
        count => 0
    }.

watching(#{db := Db, max_merge_delay := Most}, Report) ->
    #{db => Db, most => Most, report => Report, behind => undefined}.

%% How long something waits: for the log, and in it for a checkpoint.
watch(#{db := Db} = State) ->
    case
        {
            hex_provenance_log_store:outbox(Db),
            hex_provenance_log_store:head(Db),
            hex_provenance_log_store:checkpoint(Db, newest)
        }
    of
        {{ok, Outbox}, {ok, #{size := Size}}, {ok, #{size := Served}}} ->
            {idle, watched(Outbox, Size - Served, State)};
        {{ok, Outbox}, {ok, #{size := Size}}, not_found} ->
            {idle, watched(Outbox, Size, State)};
        _ ->
            {idle, State}
    end.

watched(#{pending := 0}, 0, State) ->
    State#{behind := undefined};
watched(#{pending := Pending, oldest := Oldest}, Unserved, State) ->
    #{most := Most, report := Report, behind := Behind} = State,
    Since = since(Unserved, Behind),
    Age = lists:max([0 | [Known || Known <- [age(Oldest), elapsed(Since)], Known =/= undefined]]),
    Facts = #{pending => Pending, age => Age, unpublished => Unserved},
    Report({waiting, Facts, Age > Most}),
    State#{behind := Since}.

elapsed(undefined) -> undefined;
elapsed(Since) -> erlang:monotonic_time(millisecond) - Since.

since(0, _) -> undefined;
since(_, undefined) -> erlang:monotonic_time(millisecond);
since(_, Since) -> Since.

%% @private
-spec handle_call(term(), gen_server:from(), #log{}) ->
    {reply, term(), #log{}} | {noreply, #log{}}.
handle_call(db, _, #log{options = #{db := Db}} = Log) ->
    {reply, Db, Log};
handle_call(info, _, #log{options = #{db := Db, origin := Origin}} = Log) ->
    #log{checkpoint = Checkpoint, halted = Halted, failing = Failing} = Log,
    Info = #{origin => Origin, checkpoint => Checkpoint, halted => Halted, failing => Failing},
    {reply, {Db, Info}, Log};
handle_call({subscribe, Pid}, _, #log{subscribers = Subscribers} = Log) ->
    Ref = monitor(process, Pid),
    {reply, Ref, Log#log{subscribers = Subscribers#{Ref => Pid}}};
handle_call({unsubscribe, Ref}, _, #log{subscribers = Subscribers} = Log) ->
    demonitor(Ref, [flush]),
    {reply, ok, Log#log{subscribers = maps:remove(Ref, Subscribers)}};
handle_call({enter, _}, _, #log{halted = Error} = Log) when Error =/= undefined ->
    {reply, {error, Error}, Log};
handle_call({enter, Leaf}, From, #log{integrator = Integrator} = Log) ->
    hex_provenance_worker:update(Integrator, fun(State) ->
        hex_provenance_integrator:enter(Leaf, From, State)
    end),
    {noreply, Log};
handle_call(log_key, _, #log{options = #{log_key := Key, origin := Origin}} = Log) ->
    {reply, {Key, Origin}, Log};
handle_call({succeed, Key}, _, #log{publisher = Publisher, options = Options} = Log) ->
    hex_provenance_worker:update(Publisher, fun(State) ->
        hex_provenance_publisher:succeed(Key, State)
    end),
    {reply, ok, Log#log{options = Options#{log_key := Key}}};
handle_call(pause_signer, From, #log{signer = Signer} = Log) ->
    hex_provenance_worker:update(Signer, fun(State) ->
        gen_server:reply(From, ok),
        State#{paused := true}
    end),
    {noreply, Log};
handle_call({resume_signer, Options}, _, #log{signer = Signer} = Log) ->
    hex_provenance_worker:update(Signer, fun(State) -> resumed(Options, State) end),
    {reply, ok, Log}.

resumed(unchanged, State) ->
    State#{paused := false};
resumed(New, #{options := #{prefix := Prefix}} = State) ->
    State#{paused := false, options := maps:merge(#{prefix => Prefix}, New)}.

%% @private
-spec handle_cast(term(), #log{}) -> {noreply, #log{}}.
handle_cast(recorded, #log{signer = Signer} = Log) ->
    hex_provenance_worker:wake(Signer),
    {noreply, Log};
handle_cast(_, Log) ->
    {noreply, Log}.

%% @private
-spec handle_info(term(), #log{}) -> {noreply, #log{}}.
handle_info({report, What}, Log) ->
    {noreply, reported(What, Log)};
handle_info({'DOWN', Ref, process, _, _}, #log{subscribers = Subscribers} = Log) ->
    {noreply, Log#log{subscribers = maps:remove(Ref, Subscribers)}};
handle_info(_, Log) ->
    {noreply, Log}.

reported({signed, Count, Duration}, #log{integrator = Integrator} = Log) ->
    hex_provenance_worker:wake(Integrator),
    tell(signed, #{count => Count, duration => Duration}, #{}, works(sign, Log));
reported({integrated, Facts}, #log{publisher = Publisher} = Log) ->
    hex_provenance_worker:wake(Publisher),
    tell(batch, Facts, #{}, works(integrate, Log));
reported({published, #{size := Size, quorum := Quorum}}, Log) ->
    Published = works(checkpoint, served(Size, Quorum, Log)),
    tell(checkpoint, #{size => Size}, #{quorum => Quorum}, Published);
reported({witness, Name, Result}, Log) ->
    tell(witness, #{count => 1}, #{name => Name, result => Result}, Log);
reported({waiting, Facts, Exceeded}, Log) ->
    tell(merge_delay, Facts, #{exceeded => Exceeded}, Log);
reported({failed, Stage, Error}, #log{failing = Failing} = Log) ->
    Failed = Log#log{failing = Failing#{Stage => Error}},
    tell(failed, #{count => 1}, #{stage => Stage, error => Error}, Failed);
reported({halted, Error}, Log) ->
    tell(halted, #{count => 1}, #{error => Error}, stopped(Error, Log)).

works(Stage, #log{failing = Failing} = Log) -> Log#log{failing = maps:remove(Stage, Failing)}.

%% One that lacks its quorum is served only while none has one.
served(Size, Quorum, #log{checkpoint = Served, subscribers = Subscribers} = Log) ->
    case Quorum orelse Served =:= undefined of
        true ->
            maps:foreach(fun(Ref, Pid) -> Pid ! {hex_provenance_log, Ref, Size} end, Subscribers),
            Log#log{checkpoint = Size};
        false ->
            Log
    end.

%% What one of the two found holds for the other.
stopped(Error, #log{halted = undefined, integrator = Integrator, publisher = Publisher} = Log) ->
    hex_provenance_worker:halt(Integrator),
    hex_provenance_worker:halt(Publisher),
    hex_provenance_worker:update(Integrator, fun(State) ->
        hex_provenance_integrator:refuse(Error, State)
    end),
    Log#log{halted = Error};
stopped(_, Log) ->
    Log.

tell(Name, Measurements, Metadata, #log{options = Options} = Log) ->
    #{on_event := OnEvent, origin := Origin} = Options,
    try
        _ = OnEvent([hex_provenance, log, Name], Measurements, Metadata#{origin => Origin}),
        ok
    catch
        _:_ -> ok
    end,
    Log.
