-module(hex_provenance_parallel_tests).

-include_lib("eunit/include/eunit.hrl").

map(Function, Items) -> hex_provenance_parallel:map(Function, Items).

results_are_in_order_test() ->
    Items = lists:seq(1, 1000),
    ?assertEqual([-N || N <- Items], map(fun(N) -> -N end, Items)),
    ?assertEqual([], map(fun(N) -> -N end, [])),
    ?assertEqual([-1], map(fun(N) -> -N end, [1])).

nothing_is_left_in_the_mailbox_test() ->
    map(fun(N) -> N end, lists:seq(1, 100)),
    ?assertEqual({messages, []}, process_info(self(), messages)).

other_messages_stay_test() ->
    self() ! {make_ref(), 1, other},
    self() ! {'DOWN', make_ref(), process, self(), other},
    ?assertEqual([1, 2, 3], map(fun(N) -> N end, [1, 2, 3])),
    {messages, Messages} = process_info(self(), messages),
    ?assertMatch([{_, 1, other}, {'DOWN', _, _, _, other}], Messages),
    [
        receive
            _ -> ok
        end
     || _ <- [1, 2]
    ].

workers_are_bounded_by_the_schedulers_test() ->
    Count = counters:new(1, []),
    Peak = atomics:new(1, []),
    map(
        fun(_) ->
            counters:add(Count, 1, 1),
            atomics:put(Peak, 1, max(atomics:get(Peak, 1), counters:get(Count, 1))),
            timer:sleep(1),
            counters:sub(Count, 1, 1)
        end,
        lists:seq(1, 50)
    ),
    ?assert(atomics:get(Peak, 1) =< 2 * erlang:system_info(dirty_cpu_schedulers_online)).

workers_end_with_their_caller_test() ->
    Self = self(),
    Caller = spawn(fun() ->
        map(
            fun(_) ->
                Self ! {working, self()},
                timer:sleep(20)
            end,
            lists:seq(1, 1000)
        )
    end),
    Monitors = [
        receive
            {working, Worker} -> monitor(process, Worker)
        end
     || _ <- [1]
    ],
    exit(Caller, kill),
    [
        receive
            {'DOWN', Monitor, _, _, Reason} -> ?assert(lists:member(Reason, [normal, noproc]))
        after 2000 -> error(still_working)
        end
     || Monitor <- Monitors
    ],
    flush().

flush() ->
    receive
        {working, _} -> flush()
    after 50 -> ok
    end.

what_a_killed_worker_leaves_is_done_test() ->
    Caller = self(),
    Function = fun(N) ->
        [exit(self(), kill) || N =:= 7, self() =/= Caller],
        N
    end,
    Items = lists:seq(1, 100),
    ?assertEqual(Items, map(Function, Items)).

shares_are_the_items_test() ->
    Workers = 2 * erlang:system_info(dirty_cpu_schedulers_online),
    [
        begin
            Items = lists:seq(1, Count),
            Shares = hex_provenance_parallel:shares(Items),
            ?assertEqual(Items, lists:append(Shares)),
            ?assert(lists:all(fun(Share) -> length(Share) =< 4 end, Shares)),
            ?assert(length(Shares) >= min(Count, Workers))
        end
     || Count <- lists:seq(0, 5 * Workers) ++ [256, 1001]
    ].
