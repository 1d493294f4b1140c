%% The log through the Erlang face: cases shared with the other languages, and what else it offers.
-module(hex_provenance_log_tests).

-include_lib("eunit/include/eunit.hrl").

cases_test_() ->
    [
        {binary_to_list(Name), fun() -> run(Case) end}
     || #{name := Name} = Case <- hex_provenance_test_log_cases:all()
    ].

run(#{expect := Expect, check := Checks} = Case) ->
    case answer(Case) of
        {ok, Found} ->
            ?assertEqual(Expect, <<"ok">>),
            maps:foreach(fun(Path, Stated) -> stands(Path, Stated, Found) end, Checks);
        {error, #{code := Code}} ->
            ?assertEqual(Expect, atom_to_binary(Code))
    end.

answer(#{call := entry, entry := Item} = Case) ->
    hex_provenance_log:verify_entry(Item, options(Case));
answer(#{call := list, answer := Answer} = Case) ->
    hex_provenance_log:verify_list(Answer, options(Case));
answer(#{call := state, state := State} = Case) ->
    {ok, #{lists := [List | _]}} = answer(Case#{call := list}),
    #{version := Version, locked := Locked, chain := Chain} = State,
    hex_provenance_log:state(List, Version, Locked, Chain).

options(#{options := Options, trust := Trust}) ->
    Options#{trust => hex_provenance_test_log_cases:trust(Trust)}.

stands(Path, Stated, Term) ->
    Found = hex_provenance_test_cases:at(Path, Term),
    ?assert(hex_provenance_test_cases:matches(Stated, Found), {Path, Found}).

options() -> #{trust => hex_provenance_test_log_cases:trust(<<"trust.json">>)}.

a_decoded_answer_is_one_too_test() ->
    Answer = hex_provenance_test_log_cases:answer(<<"history.json">>),
    Bytes = hex_provenance_test_json:encode(Answer),
    Verified = hex_provenance_log:verify_list(Answer, options()),
    ?assertMatch({ok, _}, Verified),
    ?assertEqual(Verified, hex_provenance_log:verify_list(Bytes, options())).

%% The keys of what is answered are those of its type.
types_test() ->
    Answer = hex_provenance_test_log_cases:answer(<<"history.json">>),
    {ok, #{lists := [List], checkpoint := Checkpoint} = All} =
        hex_provenance_log:verify_list(Answer, options()),
    {ok, State} = hex_provenance_log:state(List, <<"1.0.0">>, undefined),
    Trust = hex_provenance_test_log_cases:trust(<<"earlier.json">>),
    {ok, Info} = hex_provenance_log:trust_info(Trust),
    Typed = [
        {answer, All},
        {entries, List},
        {event, hd(maps:get(items, List))},
        {head, maps:get(head, List)},
        {checkpoint, Checkpoint},
        {state, State},
        {trust_info, Info},
        {trusted_key, hd(maps:get(keys, Info))}
    ],
    [?assertEqual(fields(Type), lists:sort(maps:keys(Term)), Type) || {Type, Term} <- Typed].

fields(Type) -> fields("src/hex_provenance_log.erl", Type).

fields(File, Type) ->
    {ok, Forms} = epp:parse_file(File, []),
    [Fields] = [Of || {attribute, _, type, {Name, {type, _, map, Of}, []}} <- Forms, Name =:= Type],
    lists:sort([Name || {type, _, map_field_exact, [{atom, _, Name}, _]} <- Fields]).

trust_files_test_() ->
    Trust = fun(Source) -> hex_provenance_log:trust(Source) end,
    {ok, Json} = file:read_file(hex_provenance_test_log_cases:trust_file(<<"witnessed.json">>)),
    {ok, Handle} = Trust({json, Json}),
    {ok, Again} = hex_provenance_log:trust_json(Handle),
    {ok, Same} = Trust({json, Again}),
    [
        ?_assertEqual(
            hex_provenance_log:trust_info(Handle), hex_provenance_log:trust_info(Same)
        ),
        ?_assertMatch({error, #{code := storage_failed}}, Trust({file, "no/such/file"})),
        ?_assertMatch({error, #{code := trust_file_invalid}}, Trust({json, <<"{}">>})),
        ?_assertMatch({error, #{code := malformed}}, Trust({json, <<"{">>})),
        ?_assertMatch({error, #{code := option_invalid}}, Trust(undefined)),
        ?_assertMatch({error, #{code := option_invalid}}, hex_provenance_log:trust_info(self())),
        ?_assertMatch(
            {error, #{code := option_invalid}}, hex_provenance_log:verify_list(<<"{}">>, #{})
        )
    ].

textual_proofs_test() ->
    {ok, Text} = file:read_file("test/log/fixtures/answers/entry-3.tlog-proof"),
    #{<<"items">> := Items} = hex_provenance_test_log_cases:answer(<<"history.json">>),
    Leaf = fun(Number) -> base64:decode(maps:get(<<"leaf">>, lists:nth(Number, Items))) end,
    ?assertMatch(
        {ok, #{index := 3, extra := undefined, checkpoint := #{size := 10}}},
        hex_provenance_log:verify_proof(Text, Leaf(3), options())
    ),
    Wrong = hex_provenance_log:verify_proof(Text, Leaf(2), options()),
    ?assertMatch({error, #{code := inclusion_mismatch}}, Wrong),
    Cut = binary:part(Text, 0, 100),
    ?assertMatch(
        {error, #{code := malformed}}, hex_provenance_log:verify_proof(Cut, Leaf(3), options())
    ).

bare_proofs_test() ->
    #{<<"items">> := [Item | _], <<"checkpoint">> := Note} =
        hex_provenance_test_log_cases:answer(<<"history.json">>),
    #{index := Index, leaf := Leaf, inclusion := Path} = hex_provenance_test_log_cases:item(Item),
    {ok, #{size := Size, root := Root}} = hex_provenance_log:verify_checkpoint(Note, options()),
    ?assertEqual(ok, hex_provenance_log:verify_inclusion(Leaf, Index, Path, {Size, Root})),
    Other = hex_provenance_log:verify_inclusion(Leaf, Index + 1, Path, {Size, Root}),
    ?assertMatch({error, #{code := inclusion_mismatch}}, Other),
    ?assertEqual(ok, hex_provenance_log:verify_consistency({Size, Root}, {Size, Root}, [])),
    ?assertMatch(
        {error, #{code := consistency_broken}},
        hex_provenance_log:verify_consistency({Size, Root}, {Size, <<0:256>>}, [])
    ),
    ?assertMatch(
        {error, #{code := option_invalid}},
        hex_provenance_log:verify_inclusion(Leaf, -1, Path, {Size, Root})
    ),
    Long = binary:copy(<<0>>, 5000),
    ?assertMatch({error, #{code := input_too_large}}, hex_provenance_log:leaf(Long)).

an_entry_of_an_earlier_log_test() ->
    %% The trust file pins the honest log at size 7 as an earlier one.
    Options = #{trust => hex_provenance_test_log_cases:trust(<<"earlier.json">>)},
    #{files := Files, blobs := Blobs} = hex_provenance_test_log_cases:world(<<"honest">>),
    {ok, Entries} = hex_provenance_nif:log_tile_entries(
        <<"tile/entries/000.p/10">>, maps:get(<<"tile/entries/000.p/10">>, Files)
    ),
    Hashes = [crypto:hash(sha256, [0, Entry]) || Entry <- lists:sublist(Entries, 7)],
    Leaf = hd(Entries),
    {ok, {event, #{envelope := Digest}}} = hex_provenance_log:leaf(Leaf),
    Envelope = maps:get(string:lowercase(binary:encode_hex(Digest)), Blobs),
    Item = #{
        origin => <<"old.example">>,
        index => 0,
        leaf => Leaf,
        inclusion => path_of_first(Hashes),
        envelope => Envelope
    },
    Verified = hex_provenance_log:verify_entry(Item, Options),
    ?assertMatch({ok, #{index := 0, event := publish}}, Verified),
    Elsewhere = Item#{index := 1},
    ?assertMatch(
        {error, #{code := inclusion_mismatch}},
        hex_provenance_log:verify_entry(Elsewhere, Options)
    ),
    ?assertMatch(
        {error, #{code := checkpoint_untrusted}},
        hex_provenance_log:verify_entry(Item#{origin := <<"other.example">>}, Options)
    ).

%% The path of the first of seven leaves.
path_of_first([_, B, C, D, E, F, G]) ->
    Node = fun(Left, Right) -> crypto:hash(sha256, [1, Left, Right]) end,
    [B, Node(C, D), Node(Node(E, F), G)].

%% Keys over time: the log says by itself which key follows which.
rotation_test() ->
    Old = hex_provenance_test_log_cases:trust(<<"trust.json">>),
    Answer = hex_provenance_test_log_cases:answer(<<"rotated.json">>),
    Change = fun(File) ->
        hex_provenance_test_log_cases:item(hex_provenance_test_log_cases:answer(File))
    end,
    Registry = Change(<<"rotation-registry.json">>),
    Log = Change(<<"rotation-log.json">>),
    List = fun(Trust) -> hex_provenance_log:verify_list(Answer, #{trust => Trust}) end,
    %% The checkpoint is signed by the log's next key: that change comes first.
    ?assertMatch({error, #{code := checkpoint_untrusted}}, List(Old)),
    ?assertMatch(
        {error, #{code := checkpoint_untrusted}},
        hex_provenance_log:rotate(Registry, #{trust => Old})
    ),
    {ok, NextLog} = hex_provenance_log:rotate(Log, #{trust => Old}),
    ?assertMatch({error, #{code := signature_mismatch}}, List(NextLog)),
    {ok, Next} = hex_provenance_log:rotate(Registry, #{trust => NextLog}),
    {ok, #{lists := [#{whole := true, items := [First, Second]}]}} = List(Next),
    ?assertNotEqual(maps:get(key_id, First), maps:get(key_id, Second)),
    %% Applied again nothing changes; elsewhere it is none.
    ?assertMatch({ok, _}, hex_provenance_log:rotate(Registry, #{trust => Next})),
    Elsewhere = hex_provenance_log:rotate(Registry#{index := 3}, #{trust => NextLog}),
    ?assertMatch({error, #{code := inclusion_mismatch}}, Elsewhere),
    Event = hex_provenance_test_log_cases:item(hd(maps:get(<<"items">>, Answer))),
    ?assertMatch(
        {error, #{code := option_invalid}},
        hex_provenance_log:rotate(
            maps:remove(bundle, Event#{checkpoint => <<>>}), #{trust => Next}
        )
    ).

%% A compromised key: later entries are refused, earlier ones need witnesses; it names no successor.
compromise_test() ->
    Answer = hex_provenance_test_log_cases:answer(<<"compromised.json">>),
    {ok, Json} = file:read_file(hex_provenance_test_log_cases:trust_file(<<"witnessed.json">>)),
    #{<<"keys">> := [Log, Registry]} = Trust = hex_provenance_test_json:decode(Json),
    Revoked = fun(From, File) ->
        Keys = [Log, Registry#{<<"revokedFromIndex">> => From}],
        Policy = maps:get(<<"policy">>, hex_provenance_test_json:decode(File)),
        Changed = Trust#{<<"keys">> := Keys, <<"policy">> := Policy},
        {ok, Handle} = hex_provenance_log:trust({json, hex_provenance_test_json:encode(Changed)}),
        hex_provenance_log:verify_list(Answer, #{trust => Handle})
    end,
    {ok, Unwitnessed} = file:read_file(hex_provenance_test_log_cases:trust_file(<<"trust.json">>)),
    ?assertMatch({error, #{code := key_revoked, details := #{index := 3}}}, Revoked(3, Json)),
    ?assertMatch({ok, _}, Revoked(4, Json)),
    Alone = Revoked(4, Unwitnessed),
    ?assertMatch({error, #{code := key_revoked, details := #{index := 0}}}, Alone).

hostile_terms_test_() ->
    Trust = hex_provenance_test_log_cases:trust(<<"trust.json">>),
    Item = #{index => 0, leaf => <<>>, inclusion => []},
    Answers = [
        hex_provenance_log:verify_list(undefined, #{trust => Trust}),
        hex_provenance_log:verify_list(<<>>, undefined),
        hex_provenance_log:verify_list(<<>>, #{trust => Trust, max_age => -1}),
        hex_provenance_log:verify_entry([], #{trust => Trust}),
        hex_provenance_log:verify_entry(Item, #{trust => Trust}),
        hex_provenance_log:verify_entry(Item#{inclusion := [<<1>>]}, #{trust => Trust}),
        hex_provenance_log:verify_entry(
            Item#{inclusion := lists:duplicate(65, <<0:256>>)}, #{trust => Trust}
        ),
        hex_provenance_log:verify_checkpoint(undefined, #{trust => Trust}),
        hex_provenance_log:verify_proof(undefined, <<>>, #{trust => Trust}),
        hex_provenance_nif:log_state([undefined], #{}),
        hex_provenance_nif:log_tile_path(9, 0, 1),
        hex_provenance_nif:log_tile_path(entries, 1, 1),
        hex_provenance_nif:log_tile_entries(<<"tile/0/../../x">>, <<>>),
        hex_provenance_nif:log_tile_consistency(1, 2, undefined),
        hex_provenance_nif:log_monitor(#{}),
        hex_provenance_nif:log_monitor_info(undefined),
        hex_provenance_nif:log_leaf(undefined)
    ],
    [?_assertMatch({error, #{code := _, stage := _, remedy := _}}, Answer) || Answer <- Answers].

%% From a service

serving(Answers, Test) ->
    World = (hex_provenance_test_log_cases:world(<<"honest">>))#{answers => Answers},
    #{url := Url} = Server = hex_provenance_test_log_cases:serve(World),
    try
        Test(#{url => list_to_binary(Url)})
    after
        hex_provenance_test_proxy:stop(Server)
    end.

file(Name) ->
    {ok, Bytes} = file:read_file(filename:join("test/log/fixtures/answers", Name)),
    Bytes.

-define(HISTORY, <<"/api/packages/a/attestations?limit=100">>).

a_release_is_checked_test() ->
    serving(#{?HISTORY => file("history.json")}, fun(Service) ->
        Check = fun(Version, Locked) ->
            Digest = crypto:hash(sha256, Locked),
            hex_provenance_log:check(Service, <<"a">>, Version, Digest, options())
        end,
        {ok, #{state := State, items := Items}} = Check(<<"1.0.0">>, <<"x">>),
        ?assertMatch(#{published := #{index := 0}, retired := 5}, State),
        ?assertEqual(7, length(Items)),
        ?assertMatch({error, #{code := release_replaced}}, Check(<<"1.1.0">>, <<"y">>)),
        ?assertMatch({error, #{code := attestation_missing}}, Check(<<"2.0.0">>, <<"x">>)),
        ?assertMatch(
            {error, #{code := transport_failed, details := #{status := 404}}},
            hex_provenance_log:check(Service, <<"b">>, <<"1.0.0">>, undefined, options())
        )
    end).

another_package_in_answer_test() ->
    serving(#{?HISTORY => file("history-b.json")}, fun(Service) ->
        ?assertMatch(
            {error, #{code := chain_broken}},
            hex_provenance_log:fetch(Service, {package, <<"pkg:hex/a">>}, options())
        )
    end).

pages_test() ->
    Whole = hex_provenance_test_log_cases:answer(<<"history.json">>),
    #{<<"items">> := Items} = Whole,
    Page = fun(From, Count, After) ->
        Some = lists:sublist(Items, From, Count),
        Of = Whole#{<<"items">> := Some, <<"next_after">> := After},
        hex_provenance_test_json:encode(Of)
    end,
    Second = <<?HISTORY/binary, "&after=3&size=10">>,
    Check = fun(Pages) ->
        serving(Pages, fun(Service) ->
            hex_provenance_log:check(Service, <<"a">>, <<"1.0.0">>, undefined, options())
        end)
    end,
    ?assertMatch({ok, _}, Check(#{?HISTORY => Page(1, 3, 3), Second => Page(4, 4, null)})),
    %% Pages that leave something out, that are the same again, or empty and without end.
    ?assertMatch(
        {error, #{code := chain_broken}},
        Check(#{?HISTORY => Page(1, 3, 3), Second => Page(5, 3, null)})
    ),
    ?assertMatch(
        {error, #{code := transport_failed}},
        Check(#{?HISTORY => Page(1, 3, 3), Second => Page(1, 3, 3)})
    ),
    ?assertMatch({error, #{code := transport_failed}}, Check(#{?HISTORY => Page(1, 0, 3)})).

a_lock_file_test() ->
    serving(#{<<"/api/attestations/query">> => file("query.json")}, fun(Service) ->
        Releases = [
            {<<"a">>, <<"1.0.0">>, crypto:hash(sha256, <<"x">>)},
            {<<"b">>, <<"1.0.0">>, undefined},
            {<<"absent">>, <<"1.0.0">>, undefined}
        ],
        Fetch = fun(Asked) -> hex_provenance_log:fetch(Service, {releases, Asked}, options()) end,
        {ok, [#{lists := [First, Second, Third]}]} = Fetch(Releases),
        ?assertMatch(
            {ok, #{retired := 5}},
            hex_provenance_log:state(First, <<"1.0.0">>, undefined, handed_out)
        ),
        ?assertMatch(
            {error, #{code := release_unpublished}},
            hex_provenance_log:state(Second, <<"1.0.0">>, undefined)
        ),
        ?assertMatch(#{head := absent, items := []}, Third),
        ?assertMatch({error, #{code := malformed}}, Fetch(tl(Releases))),
        NoName = Fetch([{<<"A/../b">>, <<"1">>, undefined}]),
        ?assertMatch({error, #{code := option_invalid}}, NoName)
    end).

the_others_test() ->
    Digest = crypto:hash(sha256, <<"y">>),
    Hex = string:lowercase(binary:encode_hex(Digest)),
    Answers = #{
        <<"/api/packages/a/releases/1.0.0%2Bx/attestations">> => file("release.json"),
        <<"/api/attestations?digest=sha256:", Hex/binary>> => file("digest.json")
    },
    serving(Answers, fun(Service) ->
        Fetch = fun(Asked) -> hex_provenance_log:fetch(Service, Asked, options()) end,
        ?assertMatch({ok, [_]}, Fetch({release, <<"a">>, <<"1.0.0+x">>})),
        ?assertMatch({ok, [_]}, Fetch({digest, Digest})),
        ?assertMatch({error, #{code := option_invalid}}, Fetch(everything)),
        ?assertMatch({error, #{code := option_invalid}}, Fetch({package, <<"a/b">>}))
    end).
