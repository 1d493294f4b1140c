%% @private
%% @doc Enters signed events in the log, batch by batch, and the log's own entries: heads maps and
%% key changes.
%%
%% Any number of nodes may run this on one database: a batch is computed without a lock, and whoever
%% commits first behind a tree has it; the others compute theirs again behind the new one.
-module(hex_provenance_integrator).

-export([work/1, enter/3, refuse/2]).

-export_type([integrator/0]).

-type integrator() :: #{
    guard := hex_provenance_guard:guard(),
    prefix := binary(),
    batch := 1..256,
    heads_every := pos_integer(),
    heads_idle := pos_integer(),
    report := fun((term()) -> term()),
    seen := hex_provenance_last_signed:last() | undefined,
    grown := integer(),
    conflicts := non_neg_integer(),
    waiting := [{Leaf :: binary(), gen_server:from()}]
}.
%% `heads_every' is the number of entries after which a new heads map is entered, `heads_idle' the
%% milliseconds without a batch after which one is that covers the rest. `report' is told
%% `{integrated, Facts}', `{failed, integrate, Error}' and `{halted, Error}'. `seen' is the tree
%% that this node knows to extend all that was signed, `grown' when it grew (monotonic
%% milliseconds).

-define(MOST_CONFLICTS, 16).

%% @doc Has the log enter a key change; `From' is answered with its index.
-spec enter(Leaf :: binary(), gen_server:from(), integrator()) -> integrator().
enter(Leaf, From, #{waiting := Waiting} = State) ->
    State#{waiting := Waiting ++ [{Leaf, From}]}.

%% @doc Nothing is entered any more: answers those who wait.
-spec refuse(hex_provenance_error:error(), integrator()) -> integrator().
refuse(Error, #{waiting := Waiting} = State) ->
    lists:foreach(fun({_, From}) -> gen_server:reply(From, {error, Error}) end, Waiting),
    State#{waiting := []}.

%% @doc Enters a batch.
-spec work(integrator()) -> hex_provenance_worker:next(integrator()).
work(#{guard := #{db := Db}} = State) ->
    case hex_provenance_log_store:head(Db) of
        {ok, Head} -> trusted(Head, proven(Head, State), State);
        {error, Error} -> failed(Error, State)
    end.

%% The tree that this node made last needs no proof.
proven(#{size := Size, root := Root}, #{seen := {Size, Root}}) ->
    ok;
proven(Head, #{guard := Guard, seen := Seen}) ->
    case hex_provenance_guard:proven(Guard, Head) of
        {ok, _} when Seen =:= undefined -> ok;
        {ok, _} -> hex_provenance_guard:extends(Guard, Seen, Head);
        Failure -> Failure
    end.

trusted(_, {halt, Error}, #{report := Report} = State) ->
    Report({halted, Error}),
    {halt, Error, State};
trusted(_, {error, Error}, State) ->
    failed(Error, State);
trusted(#{size := Size, root := Root} = Head, _, State) ->
    case own_leaf(Head, State) of
        {ok, Leaf} -> batch(Head, Leaf, State#{seen := {Size, Root}});
        {error, Error} -> failed(Error, State)
    end.

%%% The log's own entries

own_leaf(#{size := Size} = Head, #{guard := #{db := Db}, waiting := []} = State) ->
    case is_map_due(Head, State) of
        true -> map_leaf(hex_provenance_log_entries:heads_map(Db, Size));
        false -> {ok, none}
    end;
own_leaf(_, #{guard := #{db := Db}, waiting := [{Leaf, From} | _]}) ->
    case hex_provenance_log_entries:own_entry(Db, Leaf) of
        {ok, Index} -> {ok, {known, Index, From}};
        not_found -> {ok, {leaf, Leaf}};
        {error, _} = Error -> Error
    end.

map_leaf({ok, Map}) ->
    case hex_provenance_log_nif:log_heads_leaf(Map) of
        {ok, Leaf} -> {ok, {leaf, Leaf}};
        {error, _} = Error -> Error
    end;
map_leaf({error, _} = Error) ->
    Error.

%% A client reads at most 1024 entries behind a map itself.
is_map_due(#{size := Size, heads := Heads}, #{heads_every := Every} = State) ->
    case Heads of
        undefined -> Size >= Every orelse (Size > 0 andalso is_idle(State));
        {_, Covers} when Size - Covers >= Every -> true;
        {Index, _} -> Size > Index + 1 andalso is_idle(State)
    end.

is_idle(#{grown := Grown, heads_idle := Idle}) -> now_ms() - Grown >= Idle.

%%% Batches

batch(_, {known, Index, From}, #{waiting := [_ | Waiting]} = State) ->
    gen_server:reply(From, {ok, Index}),
    {again, State#{waiting := Waiting}};
batch(Head, Leaf, #{guard := #{db := Db}, batch := Most} = State) ->
    Own = [Leaf || Leaf =/= none],
    case hex_provenance_log_store:pending(Db, Most - length(Own)) of
        {ok, []} when Own =:= [] -> {idle, State};
        {ok, Events} -> enter_items(Head, Own ++ [{event, Event} || Event <- Events], State);
        {error, Error} -> failed(Error, State)
    end.

enter_items(Head, Items, #{guard := #{db := Db}} = State) ->
    Began = now_ms(),
    case computed(Head, Items, State) of
        {ok, Batch} ->
            Entered = hex_provenance_log_store:integrate(Db, Head, Items, Batch),
            entered(Entered, Items, Batch, Began, State);
        {error, Error} ->
            failed(Error, State)
    end.

computed(Head, Items, #{guard := #{db := Db}, prefix := Prefix}) ->
    Statements = [Statement || {event, #{statement := Statement}} <- Items],
    case hex_provenance_log_nif:log_statement_packages(Statements, Prefix) of
        {ok, Packages} ->
            case hex_provenance_log_store:heads_of(Db, Packages) of
                {ok, Heads} ->
                    Tree = maps:with([size, edge, root], Head),
                    Given = [given(Item) || Item <- Items],
                    hex_provenance_log_nif:log_sequence(Tree, Given, Heads, Prefix);
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

given({event, #{statement := Statement, signature := Signature}}) -> {event, Statement, Signature};
given({leaf, Leaf}) -> {leaf, Leaf}.

entered(ok, Items, Batch, Began, #{report := Report} = State) ->
    #{size := Size, root := Root} = Batch,
    Report({integrated, facts(Items, Batch, Began)}),
    Grown = State#{seen := {Size, Root}, grown := now_ms(), conflicts := 0},
    {again, answered(Items, Batch, Grown)};
entered(conflict, _, _, _, #{conflicts := Conflicts} = State) when Conflicts < ?MOST_CONFLICTS ->
    {again, State#{conflicts := Conflicts + 1}};
entered(conflict, _, _, _, State) ->
    Error = hex_provenance_error:storage_failed(<<"hp_head">>, <<"others are always faster">>),
    failed(Error, State#{conflicts := 0});
entered({error, Error}, _, _, _, State) ->
    failed(Error, State).

facts(Items, #{size := Size}, Began) ->
    Now = erlang:system_time(millisecond),
    Delays = [max(0, Now - Recorded) || {event, #{recorded := Recorded}} <- Items],
    #{
        size => Size,
        count => length(Items),
        events => length(Delays),
        duration => now_ms() - Began,
        delay => lists:max([0 | Delays])
    }.

answered([{leaf, Leaf} | _], Batch, #{waiting := [{Leaf, From} | Waiting]} = State) ->
    #{entries := [#{index := Index} | _]} = Batch,
    gen_server:reply(From, {ok, Index}),
    State#{waiting := Waiting};
answered(_, _, State) ->
    State.

failed(Error, #{report := Report} = State) ->
    Report({failed, integrate, Error}),
    {retry, Error, State}.

now_ms() -> erlang:monotonic_time(millisecond).
