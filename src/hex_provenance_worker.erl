%% @private
%% @doc A process that does one kind of work when it is woken, from time to time, and again after
%% failures: soon at first, then ever more seldom.
-module(hex_provenance_worker).

-behaviour(gen_server).

-export([start_link/3, wake/1, update/2, halt/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-export_type([next/1]).

-type next(State) ::
    {again, State}
    | {idle, State}
    | {retry, hex_provenance_error:error(), State}
    | {halt, hex_provenance_error:error(), State}.
%% There is more to do at once; nothing until it is woken or `idle' milliseconds went by; it did not
%% work; it must never be tried again.

-record(worker, {
    work :: fun((term()) -> next(term())),
    state :: term(),
    idle :: pos_integer(),
    failures = 0 :: non_neg_integer(),
    mode = ready :: ready | waiting | failing | halted,
    timer = make_ref() :: reference()
}).

-define(FIRST_RETRY, 50).
-define(LAST_RETRY, 15_000).

%% @doc Starts one that works at once.
-spec start_link(fun((State) -> next(State)), State, Idle :: pos_integer()) ->
    gen_server:start_ret().
start_link(Work, State, Idle) ->
    gen_server:start_link(?MODULE, #worker{work = Work, state = State, idle = Idle}, []).

%% @doc There may be something to do.
-spec wake(pid()) -> ok.
wake(Worker) -> gen_server:cast(Worker, wake).

%% @doc Changes its state, and wakes it.
-spec update(pid(), fun((State) -> State)) -> ok.
update(Worker, Change) -> gen_server:cast(Worker, {update, Change}).

%% @doc Has it do nothing any more.
-spec halt(pid()) -> ok.
halt(Worker) -> gen_server:cast(Worker, halt).

%% @private
-spec init(#worker{}) -> {ok, #worker{}}.
init(Worker) -> {ok, soon(Worker, 0)}.

%% @private
-spec handle_call(term(), gen_server:from(), #worker{}) -> {reply, ok, #worker{}}.
handle_call(_, _, Worker) -> {reply, ok, Worker}.

%% @private
-spec handle_cast(term(), #worker{}) -> {noreply, #worker{}}.
handle_cast(wake, Worker) -> {noreply, woken(Worker)};
handle_cast(halt, Worker) -> {noreply, Worker#worker{mode = halted}};
handle_cast({update, Change}, #worker{state = State} = Worker) ->
    {noreply, woken(Worker#worker{state = Change(State)})}.

%% @private
-spec handle_info(term(), #worker{}) -> {noreply, #worker{}}.
handle_info({timeout, Timer, work}, #worker{timer = Timer, mode = Mode} = Worker) when
    Mode =/= halted
->
    {noreply, work(Worker)};
handle_info(_, Worker) ->
    {noreply, Worker}.

%% After a failure only time helps.
woken(#worker{mode = waiting} = Worker) -> soon(Worker#worker{mode = ready}, 0);
woken(Worker) -> Worker.

work(#worker{work = Work, state = State, idle = Idle, failures = Failures} = Worker) ->
    case Work(State) of
        {again, Next} ->
            soon(Worker#worker{state = Next, failures = 0, mode = ready}, 0);
        {idle, Next} ->
            soon(Worker#worker{state = Next, failures = 0, mode = waiting}, Idle);
        {retry, _, Next} ->
            Pause = min(?LAST_RETRY, ?FIRST_RETRY bsl min(Failures, 16)),
            soon(Worker#worker{state = Next, failures = Failures + 1, mode = failing}, Pause);
        {halt, _, Next} ->
            Worker#worker{state = Next, mode = halted}
    end.

soon(#worker{timer = Timer} = Worker, Pause) ->
    _ = erlang:cancel_timer(Timer),
    Worker#worker{timer = erlang:start_timer(Pause, self(), work)}.
