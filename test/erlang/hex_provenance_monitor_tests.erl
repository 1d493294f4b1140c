%% A monitor that starts from nothing finds each way in which a log can go wrong, over HTTP.
-module(hex_provenance_monitor_tests).

-include_lib("eunit/include/eunit.hrl").

misbehaviour_test_() ->
    [
        {binary_to_list(Name), {timeout, 30, fun() -> ?assertEqual(Found, kinds(run(Name))) end}}
     || {Name, Found} <- [
            {<<"honest">>, []},
            {<<"young">>, []},
            {<<"hidden">>, [{hidden_event, 2, <<"pkg:hex/a">>}]},
            {<<"forked">>, [{forked_chain, 2, <<"pkg:hex/a">>}]},
            {<<"at-odds">>, [{leaf_at_odds, 1, <<"pkg:hex/a">>}]},
            {<<"wrong-map">>, [{wrong_heads_map, 3, undefined}]},
            {<<"withheld">>, [{withheld, 1, <<"pkg:hex/a">>}]},
            {<<"bad-statement">>, [{bad_statement, 1, <<"pkg:hex/a">>}]},
            {<<"rolled-back">>, [{rolled_back_checkpoint, undefined, undefined}]},
            {<<"rotated">>, []},
            {<<"forged-rotation">>, [{bad_key_change, 1, undefined}]},
            {<<"compromised">>, []}
        ]
    ].

run(Name) -> run(Name, #{}).

run(Name, Options) -> run_world(hex_provenance_test_log_cases:world(Name), Options).

run_world(#{trust := Json} = World, Options) ->
    {ok, Trust} = hex_provenance_log:trust({json, Json}),
    #{url := Url} = Server = hex_provenance_test_log_cases:serve(World),
    Given = #{url => list_to_binary(Url), trust => Trust, patience => 1},
    try
        hex_provenance_monitor:run(maps:merge(Given, Options))
    after
        hex_provenance_test_proxy:stop(Server)
    end.

kinds({ok, #{findings := Findings, misbehaviour := Misbehaviour}}) ->
    Found = [
        {Kind, Index, Package}
     || #{misbehaviour := true, kind := Kind, index := Index, package := Package} <- Findings
    ],
    ?assertEqual(Misbehaviour, Found =/= []),
    Found.

%% Another checkpoint by the same log, shown to somebody else, or to us at another time.
split_view_test() ->
    #{others := [Other]} = World = hex_provenance_test_log_cases:world(<<"split">>),
    {ok, Report} = run_world(World, #{notes => [Other]}),
    ?assertMatch([{split_view, undefined, undefined}], kinds({ok, Report})),
    [#{evidence := [_, Other], error := #{code := consistency_broken}}] =
        maps:get(findings, Report),
    #{checkpoints := [Own]} = World,
    Later = World#{checkpoints := [Own, Other]},
    ?assertMatch([{split_view, undefined, undefined}], kinds(run_world(Later, #{}))).

older_checkpoints_of_others_are_fine_test() ->
    #{checkpoints := [Older, Newer]} = World = hex_provenance_test_log_cases:world(<<"honest">>),
    {ok, Report} = run_world(World#{checkpoints := [Newer]}, #{notes => [Older, Newer]}),
    ?assertMatch(#{misbehaviour := false, findings := [], size := 10}, Report).

%% A cache that is behind for a moment is no misbehaviour.
asked_once_more_test() ->
    #{checkpoints := [Older, Newer]} = World = hex_provenance_test_log_cases:world(<<"honest">>),
    Notes = [Newer, Older, Newer],
    ?assertEqual([], kinds(run_world(World#{checkpoints := Notes}, #{}))).

watched_packages_test() ->
    {ok, #{findings := Findings}} = run(<<"honest">>, #{packages => [<<"b">>]}),
    ?assertMatch(
        [
            #{kind := event, index := 1, event := #{event := publish, version := <<"1.0.0">>}},
            #{kind := event, index := 8, event := #{event := unpublish}}
        ],
        Findings
    ).

key_changes_are_told_test() ->
    {ok, #{findings := Findings, size := 6}} = run(<<"rotated">>),
    ?assertMatch(
        [
            #{kind := key_changed, index := 2, change := #{purpose := registry}},
            #{kind := key_changed, index := 4, change := #{purpose := log}}
        ],
        Findings
    ).

%% What the trust file says of a compromised key later on counts for all that was read before.
compromised_key_test() ->
    #{trust := Json} = World = hex_provenance_test_log_cases:world(<<"compromised">>),
    with_state(fun(File) ->
        ?assertEqual([], kinds(run_world(World, #{state => File}))),
        #{<<"keys">> := [Log, Registry]} = Trust = hex_provenance_test_json:decode(Json),
        Revoked = Trust#{<<"keys">> := [Log, Registry#{<<"revokedFromIndex">> => 3}]},
        Changed = World#{trust := hex_provenance_test_json:encode(Revoked)},
        %% Nobody but the log saw the earlier ones, so they do not count either.
        Found = kinds(run_world(Changed, #{state => File})),
        ?assertEqual([0, 1, 2, 3], [Index || {bad_statement, Index, _} <- Found])
    end).

a_state_goes_on_test_() ->
    {timeout, 60, fun() ->
        World = hex_provenance_test_log_cases:world(<<"long">>),
        #{checkpoints := [Older, Newer]} = World,
        Options = #{packages => [<<"watched">>], statements => watched},
        with_state(fun(File) ->
            Saved = Options#{state => File},
            {ok, First} = run_world(World#{checkpoints := [Older]}, Saved),
            ?assertMatch(#{size := 300, findings := [#{index := 100}]}, First),
            {ok, Second} = run_world(World#{checkpoints := [Newer]}, Saved),
            ?assertMatch(#{size := 600, findings := [#{index := 500}]}, Second),
            {ok, Third} = run_world(World#{checkpoints := [Newer]}, Saved),
            ?assertMatch(#{size := 600, findings := []}, Third),
            %% What was seen before is remembered.
            Back = kinds(run_world(World#{checkpoints := [Older]}, Saved)),
            ?assertMatch([{rolled_back_checkpoint, _, _}], Back)
        end),
        {ok, AtOnce} = run_world(World, Options),
        ?assertMatch(#{findings := [#{index := 100}, #{index := 500}]}, AtOnce)
    end}.

%% With another trust file all is judged anew, but not what was seen forgotten.
another_trust_file_test() ->
    #{checkpoints := [Older, Newer], trust := Json} =
        World = hex_provenance_test_log_cases:world(<<"honest">>),
    Trust = hex_provenance_test_json:decode(Json),
    Longer = Trust#{<<"policy">> := [<<"# a remark">>, <<"quorum none">>]},
    Changed = World#{trust := hex_provenance_test_json:encode(Longer)},
    #{others := [Split]} = hex_provenance_test_log_cases:world(<<"split">>),
    with_state(fun(File) ->
        ?assertEqual([], kinds(run_world(World#{checkpoints := [Newer]}, #{state => File}))),
        ?assertEqual([], kinds(run_world(Changed#{checkpoints := [Older]}, #{state => File}))),
        Other = #{state => File, notes => [Split]},
        ?assertMatch([{split_view, _, _}], kinds(run_world(World, Other)))
    end).

with_state(Test) ->
    File = filename:join(
        os:getenv("TMPDIR", "/tmp"), "hex_provenance_monitor_" ++ os:getpid() ++ ".state"
    ),
    _ = file:delete(File),
    try
        Test(File)
    after
        file:delete(File)
    end.

a_damaged_state_is_refused_test() ->
    with_state(fun(File) ->
        {ok, _} = run(<<"honest">>, #{state => File}),
        {ok, Text} = file:read_file(File),
        ok = file:write_file(File, binary:part(Text, 0, byte_size(Text) - 10)),
        ?assertMatch({error, #{code := malformed}}, run(<<"honest">>, #{state => File})),
        ok = file:write_file(File, <<"something else">>),
        ?assertMatch({error, #{code := storage_failed}}, run(<<"honest">>, #{state => File}))
    end),
    Nowhere = #{state => "no/such/folder/state"},
    ?assertMatch({error, #{code := storage_failed}}, run(<<"honest">>, Nowhere)).

deleted_openly_test() ->
    #{blobs := Blobs} = World = hex_provenance_test_log_cases:world(<<"withheld">>),
    {ok, Entries} = hex_provenance_nif:log_tile_entries(
        <<"tile/entries/000.p/2">>,
        maps:get(<<"tile/entries/000.p/2">>, maps:get(files, World))
    ),
    {ok, {event, #{envelope := Digest}}} = hex_provenance_log:leaf(lists:last(Entries)),
    Hex = string:lowercase(binary:encode_hex(Digest)),
    {ok, Report} = run_world(World#{blobs := Blobs#{Hex => redacted}}, #{}),
    ?assertMatch(
        #{misbehaviour := false, findings := [#{kind := redacted, index := 1, digest := Digest}]},
        Report
    ).

%% What cannot be evaluated is an error, and the state is not written.
not_evaluated_test_() ->
    #{files := Files, blobs := Blobs} = World = hex_provenance_test_log_cases:world(<<"honest">>),
    Entries = <<"tile/entries/000.p/10">>,
    Corrupted = binary:replace(maps:get(Entries, Files), <<"publish">>, <<"punlish">>),
    Code = fun(Changed) ->
        {error, #{code := Code}} = run_world(Changed, #{}),
        Code
    end,
    Newer = World#{checkpoints := [lists:last(maps:get(checkpoints, World))]},
    Wrong = Newer#{files := Files#{Entries => Corrupted}},
    Cut = Newer#{files := Files#{Entries => <<0, 1>>}},
    {ok, Other} = file:read_file(hex_provenance_test_log_cases:trust_file(<<"other-origin.json">>)),
    [
        ?_assertEqual(consistency_broken, Code(Wrong)),
        ?_assertEqual(malformed, Code(Cut)),
        ?_assertEqual(transport_failed, Code(Newer#{files := #{}})),
        ?_assertEqual(malformed, Code(World#{checkpoints := [<<"no note">>]})),
        ?_assertEqual(checkpoint_untrusted, Code(World#{trust := Other})),
        ?_assertEqual([{withheld, 0}], [
            {Kind, Index}
         || {Kind, Index, _} <- lists:sublist(kinds(run_world(World#{blobs := #{}}, #{})), 1)
        ]),
        ?_assertEqual(10, length(kinds(run_world(Newer#{blobs := wrong(Blobs)}, #{}))) + 1),
        ?_assertMatch(
            {error, #{code := option_invalid}},
            hex_provenance_monitor:run(#{url => <<"http://localhost">>})
        ),
        ?_assertMatch({error, #{code := malformed}}, run(<<"honest">>, #{packages => [<<"A">>]})),
        ?_assertMatch({error, #{code := option_invalid}}, run(<<"honest">>, #{packages => [a]}))
    ].

wrong(Blobs) -> maps:map(fun(_, _) -> <<"other bytes">> end, Blobs).

%% Where the partial tile is gone, the full one is asked for.
full_tiles_serve_for_partial_ones_test() ->
    #{files := Files, checkpoints := [Older, _]} =
        World = hex_provenance_test_log_cases:world(<<"long">>),
    Gone = maps:without([<<"tile/entries/001.p/44">>], Files),
    ?assert(map_size(Gone) < map_size(Files)),
    Options = #{statements => watched},
    {ok, #{size := 300}} = run_world(World#{checkpoints := [Older], files := Gone}, Options).

types_test() ->
    {ok, #{findings := [Finding | _]} = Report} = run(<<"honest">>, #{packages => [<<"b">>]}),
    {ok, Forms} = epp:parse_file("src/hex_provenance_monitor.erl", []),
    Fields = fun(Type) ->
        [Of] = [F || {attribute, _, type, {Name, {type, _, map, F}, []}} <- Forms, Name =:= Type],
        lists:sort([Name || {type, _, map_field_exact, [{atom, _, Name}, _]} <- Of])
    end,
    ?assertEqual(Fields(finding), lists:sort(maps:keys(Finding))),
    ?assertEqual(Fields(report), lists:sort(maps:keys(Report))),
    {ok, #{misbehaviour := Kinds}} = hex_provenance_nif:log_catalogue(),
    [Union] = [Of || {attribute, _, type, {kind, {type, _, union, Of}, []}} <- Forms],
    ?assertEqual(lists:sort(Kinds), lists:sort([Atom || {atom, _, Atom} <- Union])).
