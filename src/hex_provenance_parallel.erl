%% @private
%% @doc A parallel map for work that runs on dirty CPU schedulers.
-module(hex_provenance_parallel).

-export([map/2, shares/1]).

%% Items that a worker takes at once where there are many: fewer ways to a scheduler and back.
-define(SHARE, 4).

-record(work, {
    caller :: pid(),
    tag :: reference(),
    function :: fun((term()) -> term()),
    items :: tuple(),
    next :: atomics:atomics_ref()
}).

%% @doc The results of `Function' for each item, in order.
%%
%% There are two workers for each dirty CPU scheduler: while one hands over a result and takes the
%% next item, the scheduler has the other's to do. Workers stop after their present item when the
%% caller is gone. What a killed worker leaves undone the caller does.
-spec map(fun((Item) -> Result), [Item]) -> [Result].
map(Function, [Item]) ->
    [Function(Item)];
map(Function, Items) ->
    Work = #work{
        caller = self(),
        tag = make_ref(),
        function = Function,
        items = list_to_tuple(Items),
        next = atomics:new(1, [])
    },
    Results = collect(Work#work.tag, start(Work), #{}),
    [result(Index, Item, Results, Function) || {Index, Item} <- lists:enumerate(Items)].

%% @doc Items in shares for {@link map/2}: small enough for every worker to have some.
-spec shares([Item]) -> [[Item, ...]].
shares(Items) ->
    Share = length(Items) div workers(),
    shares(Items, max(1, min(Share, ?SHARE))).

shares([], _) ->
    [];
shares(Items, Share) when length(Items) =< Share ->
    [Items];
shares(Items, Share) ->
    {Some, Others} = lists:split(Share, Items),
    [Some | shares(Others, Share)].

start(#work{items = Items} = Work) ->
    Count = min(tuple_size(Items), workers()),
    maps:from_list([spawn_monitor(fun() -> worker(Work) end) || _ <- lists:seq(1, Count)]).

workers() ->
    2 * erlang:system_info(dirty_cpu_schedulers_online).

worker(#work{caller = Caller} = Work) ->
    run(Work, monitor(process, Caller)).

run(#work{next = Next, items = Items} = Work, Monitor) ->
    case atomics:add_get(Next, 1, 1) of
        Index when Index =< tuple_size(Items) ->
            Result = (Work#work.function)(element(Index, Items)),
            Work#work.caller ! {Work#work.tag, Index, Result},
            receive
                {'DOWN', Monitor, process, _, _} -> ok
            after 0 -> run(Work, Monitor)
            end;
        _ ->
            ok
    end.

%% A worker's results arrive before the news of its end.
collect(_, Workers, Results) when map_size(Workers) =:= 0 ->
    Results;
collect(Tag, Workers, Results) ->
    receive
        {Tag, Index, Result} ->
            collect(Tag, Workers, Results#{Index => Result});
        {'DOWN', Monitor, process, Pid, _} when map_get(Pid, Workers) =:= Monitor ->
            collect(Tag, maps:remove(Pid, Workers), Results)
    end.

result(Index, Item, Results, Function) ->
    case Results of
        #{Index := Result} -> Result;
        #{} -> Function(Item)
    end.
