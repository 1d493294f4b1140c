%% The boundary: whatever crosses it, the VM stays up and the answer is {ok, _} or {error, _}.
-module(hex_provenance_nif_tests).

-include_lib("eunit/include/eunit.hrl").

-export([boundary/0, hostile/0, peer_test/2]).

%% Every function that takes a term from outside; json_encode takes almost any.
boundary() ->
    [
        Function
     || {Name, Arity} = Function <- hex_provenance_nif:module_info(exports),
        Arity > 0,
        not lists:member(Name, [module_info, test_hook, json_encode])
    ].

wrong_types_test_() ->
    [
        {lists:flatten(io_lib:format("~s/~b with ~P", [Name, Arity, Term, 6])), fun() ->
            Answer = apply(hex_provenance_nif, Name, lists:duplicate(Arity, Term)),
            ?assert(lists:all(fun is_refused/1, one_by_one(Answer)))
        end}
     || {Name, Arity} <- boundary(),
        %% What is no statement links nothing.
        Name =/= log_links,
        Term <- hostile()
    ].

%% A function that answers for each item of a list has nothing to say of an empty one.
one_by_one(Answers) when is_list(Answers) -> Answers;
one_by_one(Answer) -> [Answer].

%% `elsewhere': it is for the function on the dirty scheduler to refuse.
is_refused(elsewhere) ->
    true;
is_refused({error, #{code := Code, stage := input, message := _, remedy := _}}) ->
    lists:member(Code, [option_invalid, malformed, input_too_large]);
is_refused(_) ->
    false.

hostile() ->
    {ok, Verifier} = hex_provenance_nif:sigstore_verifier(#{identity => unchecked}),
    [
        undefined,
        'ünïcödé \x{20ac}',
        0,
        -1,
        1 bsl 200,
        1.5,
        <<>>,
        <<1:3>>,
        <<255, 254>>,
        [],
        [a | b],
        [[[[#{}]]]],
        "text",
        [1 bsl 70],
        {},
        {a},
        {file, [a | b]},
        {json, <<1:1>>},
        {digest, sha256, <<>>},
        list_to_tuple(lists:seq(1, 300)),
        #{1 => 2},
        #{identity => #{san => [a | b]}},
        #{trust => Verifier},
        #{make_ref() => #{}},
        self(),
        make_ref(),
        fun() -> ok end,
        hd(erlang:ports()),
        binary:copy(<<"[">>, 1 bsl 20)
    ].

options_test_() ->
    [
        {lists:flatten(io_lib:format("~0P", [Options, 12])), fun() ->
            {error, Error} = hex_provenance_nif:sigstore_verifier(Options),
            ?assertMatch(#{code := option_invalid, details := #{option := Option}}, Error)
        end}
     || {Option, Options} <- [
            {<<"options">>, []},
            {<<"colour">>, #{colour => red}},
            {<<"(not an atom)">>, #{<<"trust">> => public_good}},
            {<<"trust">>, #{trust => moon}},
            {<<"trust">>, #{trust => []}},
            {<<"trust">>, #{trust => [none]}},
            {<<"trust">>, #{trust => [public_good | staging]}},
            {<<"trust">>, #{trust => make_ref()}},
            {<<"trust">>, #{trust => {file, ""}}},
            {<<"identity">>, #{identity => anyone}},
            {<<"identity">>, #{identity => [#{san => <<"a">>} | b]}},
            {<<"identity.colour">>, #{identity => #{colour => <<"red">>}}},
            {<<"identity.san">>, #{identity => #{san => "a list"}}},
            {<<"identity.san">>, #{identity => #{san => <<255>>}}},
            {<<"identity.issuer">>, #{identity => #{issuer => {regex, <<"a">>}}}},
            {<<"identity.issuer">>, #{identity => #{issuer => {pattern, <<"**">>}}}},
            {<<"identity.claims">>, #{identity => #{claims => []}}},
            {<<"identity.claims.colour">>, #{identity => #{claims => #{colour => <<"red">>}}}},
            {<<"keys">>, #{keys => []}},
            {<<"keys">>, #{keys => [#{}]}},
            {<<"keys">>, #{keys => [#{pem => <<>>, der => <<>>}]}},
            {<<"keys">>, #{keys => [#{der => <<0>>}], identity => unchecked}},
            {<<"keys.colour">>, #{keys => [#{colour => red}]}},
            {<<"keys.valid_from">>, #{keys => [#{valid_from => 1.5}]}},
            {<<"keys.valid_to">>, #{keys => [#{valid_to => 1 bsl 64}]}},
            {<<"untimed">>, #{untimed => yes}},
            {<<"thresholds">>, #{thresholds => #{scts => 17}}},
            {<<"thresholds">>, #{thresholds => #{scts => -1}}},
            {<<"thresholds.colour">>, #{thresholds => #{colour => 1}}},
            {<<"limits">>, #{limits => #{json_depth => 0}}},
            {<<"limits.colour">>, #{limits => #{colour => 1}}}
        ]
    ].

a_long_option_name_is_cut_test() ->
    Name = list_to_atom(lists:duplicate(255, $x)),
    {error, #{details := #{option := Option}}} = hex_provenance_nif:sigstore_verifier(#{Name => 1}),
    ?assert(byte_size(Option) =< 300).

a_missing_file_is_told_test() ->
    {error, Error} = hex_provenance_sigstore:trust_root({file, "no/such/file"}),
    ?assertMatch(#{code := storage_failed, details := #{path := <<"no/such/file">>}}, Error).

trust_roots_are_shared_and_outlive_their_maker_test() ->
    Self = self(),
    {_, Monitor} = spawn_monitor(fun() ->
        {ok, Own} = hex_provenance_sigstore:trust_root(public_good),
        Self ! {root, Own}
    end),
    receive
        {'DOWN', Monitor, _, _, normal} -> ok
    end,
    Root =
        receive
            {root, Made} -> Made
        end,
    erlang:garbage_collect(),
    Readers = [
        spawn_monitor(fun() -> {ok, #{instance := <<"public_good">>}} = info(Root) end)
     || _ <- lists:seq(1, 50)
    ],
    [
        receive
            {'DOWN', Reader, _, _, Reason} -> ?assertEqual(normal, Reason)
        end
     || {_, Reader} <- Readers
    ].

info(Root) -> hex_provenance_sigstore:trust_root_info(Root).

unused_trust_roots_are_freed_test_() ->
    {timeout, 60, fun() ->
        Json = trusted_root(),
        Make = fun() ->
            [{ok, _} = hex_provenance_sigstore:trust_root({json, Json}) || _ <- lists:seq(1, 300)],
            erlang:garbage_collect()
        end,
        Make(),
        Before = resident_kilobytes(),
        [Make() || _ <- lists:seq(1, 5)],
        ?assert(resident_kilobytes() - Before < 32 * 1024)
    end}.

trusted_root() ->
    {file, Path} = first_file([Trust || #{options := #{trust := Trust}} <- cases()]),
    {ok, Json} = file:read_file(Path),
    Json.

first_file([{file, _} = File | _]) -> File;
first_file([_ | Rest]) -> first_file(Rest).

resident_kilobytes() ->
    {ok, Statm} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Statm, <<" ">>, [global]),
    binary_to_integer(Pages) * 4.

killed_callers_test_() ->
    {timeout, 60, fun() ->
        #{bundle := Bundle, options := Options} = Case = valid(),
        Artifact = hex_provenance_test_cases:digest(Case),
        Forever = fun Forever() ->
            {ok, _} = hex_provenance_sigstore:verify(Bundle, Artifact, Options),
            Forever()
        end,
        [
            begin
                Pids = [spawn(Forever) || _ <- lists:seq(1, 8)],
                timer:sleep(5),
                [exit(Pid, kill) || Pid <- Pids]
            end
         || _ <- lists:seq(1, 20)
        ],
        ?assertMatch({ok, _}, hex_provenance_sigstore:verify(Bundle, Artifact, Options))
    end}.

valid() -> hex_provenance_test_cases:valid().

cases() -> hex_provenance_test_cases:all().

nothing_is_loaded_when_the_library_is_missing_test_() ->
    peer_test(none, fun unloaded/1).

nothing_is_loaded_when_the_library_is_garbage_test_() ->
    peer_test(garbage, fun unloaded/1).

unloaded(Peer) ->
    [
        ?assertMatch(
            {error, #{
                code := nif_not_loaded,
                stage := system,
                message := <<_, _/binary>>,
                remedy := <<_, _/binary>>,
                details := #{path := <<_, _/binary>>, reason := <<_, _/binary>>}
            }},
            peer:call(Peer, hex_provenance_nif, Name, lists:duplicate(Arity, any))
        )
     || {Name, Arity} <- hex_provenance_nif:module_info(exports), Name =/= module_info
    ],
    NotLoaded = fun({error, #{code := Code}}) -> ?assertEqual(nif_not_loaded, Code) end,
    NotLoaded(peer:call(Peer, hex_provenance, ready, [])),
    NotLoaded(peer:call(Peer, hex_provenance_sigstore, verify, [<<>>, {bytes, <<>>}, #{}])),
    Item = {<<>>, {bytes, <<>>}},
    [One, Two] = peer:call(Peer, hex_provenance_sigstore, verify_many, [[Item, Item], #{}]),
    NotLoaded(One),
    NotLoaded(Two),
    ?assertMatch(
        [#{code := event_conflict}, #{code := nif_not_loaded}],
        peer:call(Peer, hex_provenance_error, catalogue, [])
    ).

%% A module that is loaded anew never takes the VM down: it works, or says that a restart is needed.
reloading_test_() ->
    peer_test(real, fun(Peer) ->
        Root = peer:call(Peer, hex_provenance_sigstore, trust_root, [public_good]),
        ?assertMatch({ok, _}, Root),
        peer:call(Peer, code, load_file, [hex_provenance_nif]),
        case peer:call(Peer, hex_provenance, ready, []) of
            ok -> ok;
            {error, #{code := nif_not_loaded}} -> ok
        end,
        peer:call(Peer, code, purge, [hex_provenance_nif]),
        peer:call(Peer, code, delete, [hex_provenance_nif]),
        peer:call(Peer, code, purge, [hex_provenance_nif]),
        peer:call(Peer, code, load_file, [hex_provenance_nif]),
        ?assertEqual(ok, peer:call(Peer, hex_provenance, ready, [])),
        ?assertMatch({ok, _}, peer:call(Peer, hex_provenance_sigstore, trust_root, [staging]))
    end).

a_panic_is_an_error_test_() ->
    peer_test(hooks, fun(Peer) ->
        {error, Error} = peer:call(Peer, hex_provenance_nif, test_hook, [<<"panic">>]),
        ?assertMatch(#{code := internal, stage := system, details := #{at := _}}, Error),
        #{details := #{at := At}} = Error,
        ?assertMatch({_, _}, binary:match(At, <<"test_hook.rs:">>)),
        ?assertEqual(ok, peer:call(Peer, hex_provenance, ready, []))
    end).

%% All dirty schedulers asleep in native code do not hold up an ordinary process.
long_work_is_on_dirty_schedulers_test_() ->
    peer_test(hooks, fun(Peer) ->
        Sleepers = peer:call(Peer, erlang, system_info, [dirty_cpu_schedulers_online]),
        [
            peer:cast(Peer, hex_provenance_nif, test_hook, [<<"sleep">>])
         || _ <- lists:seq(1, 2 * Sleepers)
        ],
        {Micros, _} = timer:tc(fun() -> peer:call(Peer, lists, seq, [1, 10]) end),
        ?assert(Micros < 150_000)
    end).

%% Long enough to build a library with hooks in it.
peer_test(Library, Test) ->
    {timeout, 1200, fun() ->
        case application(Library) of
            {ok, Ebin, Remove} ->
                Options = #{connection => standard_io, args => ["-pa", Ebin]},
                {ok, Peer, _} = peer:start_link(Options),
                try
                    Test(Peer)
                after
                    peer:stop(Peer),
                    Remove()
                end;
            {skip, Why} ->
                ?debugFmt("skipped: ~s", [Why])
        end
    end}.

%% This application's modules in a folder of their own, with that library.
application(Library) ->
    Unique = integer_to_list(erlang:unique_integer([positive])),
    Top = filename:join(["/tmp", "hex_provenance_test-" ++ os:getpid() ++ "-" ++ Unique]),
    App = filename:join(Top, "hex_provenance"),
    Native = filename:join([App, "priv", "native", "hex_provenance_nif.so"]),
    ok = filelib:ensure_dir(Native),
    case provide(Library, Native) of
        ok ->
            Ebin = filename:join(App, "ebin"),
            ok = file:make_symlink(filename:dirname(code:which(hex_provenance_nif)), Ebin),
            {ok, Ebin, fun() -> file:del_dir_r(Top) end};
        {skip, _} = Skip ->
            file:del_dir_r(Top),
            Skip
    end.

provide(none, _) ->
    ok;
provide(garbage, Native) ->
    file:write_file(Native, <<"not a library">>);
provide(real, Native) ->
    copy(filename:join(code:priv_dir(hex_provenance), "native"), Native);
provide(hooks, Native) ->
    Built = "_build/test-hooks",
    Build = "script/build-nif --features default,test-hooks --to _build/test-hooks",
    ?assertEqual("", os:cmd(Build)),
    case filelib:is_file(filename:join(Built, "hex_provenance_nif.so")) of
        true -> copy(Built, Native);
        false -> {skip, "no library with test hooks"}
    end.

%% All libraries of a folder, beside one another.
copy(Folder, Native) ->
    [
        {ok, _} = file:copy(File, filename:join(filename:dirname(Native), filename:basename(File)))
     || File <- filelib:wildcard(filename:join(Folder, "*.so"))
    ],
    ok.
