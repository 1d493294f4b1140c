%% The SLSA library through the Erlang face: cases shared with the other languages, and what else it
%% offers.
-module(hex_provenance_slsa_tests).

-include_lib("eunit/include/eunit.hrl").

cases_test_() ->
    [{binary_to_list(Name), fun() -> run(Case) end} || #{name := Name} = Case <- all()].

run(#{bundle := Bundle, rules := Rules} = Case) ->
    Evidence = hex_provenance_test_slsa:verified(Bundle),
    Answer = hex_provenance_slsa:judge(Evidence, Rules),
    check(Case, Answer),
    check_prepared(Answer, Evidence, Rules).

check(#{error := Code}, {error, #{code := Found}}) ->
    ?assertEqual(Code, atom_to_binary(Found));
check(#{error := undefined, check := Checks} = Case, {ok, Judgement}) ->
    maps:foreach(fun(Path, Stated) -> stands(Path, Stated, Judgement) end, Checks),
    settled(Case, Judgement, hex_provenance_slsa:enforce(Judgement)),
    ?assertEqual(lists:sort(maps:keys(Judgement)), lists:sort(fields()));
check(Case, Answer) ->
    error({Case, Answer}).

settled(#{expect := <<"accepted">>, level := Level}, Judgement, Enforced) ->
    ?assertMatch(#{accepted := true, level := Level}, Judgement),
    ?assertEqual({ok, Judgement}, Enforced);
settled(#{expect := Code}, #{refusals := Refusals}, {error, Error}) ->
    ?assertEqual(Code, atom_to_binary(maps:get(code, Error))),
    Also = maps:get(also, maps:get(details, Error), []),
    ?assertEqual(length(Refusals), 1 + length(Also)).

stands(Path, Stated, Term) ->
    Found = hex_provenance_test_cases:at(Path, Term),
    ?assert(hex_provenance_test_cases:matches(Stated, Found), {Path, Found}).

%% Prepared rules answer as they do when given; what cannot be prepared says so.
check_prepared(Answer, Evidence, Rules) ->
    case hex_provenance_slsa:rules(Rules) of
        {ok, Prepared} -> ?assertEqual(Answer, hex_provenance_slsa:judge(Evidence, Prepared));
        {error, _} = Error -> ?assertEqual(Error, Answer)
    end.

%% The keys of a judgement are those of its type.
fields() ->
    {ok, Forms} = epp:parse_file("src/hex_provenance_slsa.erl", []),
    [Fields] = [Of || {attribute, _, type, {judgement, {type, _, map, Of}, []}} <- Forms],
    [Name || {type, _, map_field_exact, [{atom, _, Name}, _]} <- Fields].

verify_folds_everything_test() ->
    [#{bundle := Bundle} | _] = all(),
    Root = hex_provenance_test_cases:file(<<"trusted_root.json">>),
    Artifact = {file, hex_provenance_test_cases:file(<<"artifact">>)},
    Verify = fun(Given, Expect) ->
        hex_provenance_slsa:verify(Bundle, Given, #{trust => {file, Root}}, #{expect => Expect})
    end,
    Source = <<"https://github.com/octo-org/octo-repo">>,
    ?assertMatch({ok, #{judgement := #{level := 1}}}, Verify(Artifact, #{source => Source})),
    ?assertMatch({error, #{code := level_too_low}}, Verify(Artifact, #{min_level => 2})),
    ?assertMatch({error, #{code := subject_absent}}, Verify({bytes, <<"x">>}, #{source => Source})),
    ?assertMatch(
        {error, #{code := certificate_untrusted}},
        hex_provenance_slsa:verify(Bundle, Artifact, #{}, #{})
    ).

evidence_is_needed_test_() ->
    Evidence = evidence(),
    [
        ?_assertMatch({error, #{code := option_invalid}}, hex_provenance_slsa:judge(Bad, #{}))
     || Bad <- [#{}, undefined, [], maps:remove(signer, Evidence), maps:remove(trust, Evidence)]
    ].

bad_options_test_() ->
    [
        {iolist_to_binary(io_lib:format("~p", [Options])),
            ?_assertMatch({error, #{code := option_invalid}}, hex_provenance_slsa:rules(Options))}
     || Options <- [
            undefined,
            #{colour => red},
            #{expect => #{colour => red}},
            #{expect => #{refs => []}},
            #{expect => #{triggers => []}},
            #{expect => #{version_tag => <<"v{version}">>}},
            #{expect => #{only_these_inputs => 1}},
            #{expect => #{unrecognised => perhaps}},
            #{expect => #{inputs => #{a => any}}},
            #{expect => #{inputs => #{<<"a">> => {equal, self()}}}},
            #{builders => [#{}]},
            #{builders => [#{name => <<"a">>, reason => <<"b">>}]},
            #{builders => [#{name => <<"a">>, reason => <<"b">>, signer => {key, <<"short">>}}]},
            #{builders => [#{name => <<"a">>, reason => <<"b">>, signer => {identity, <<"c">>}}]},
            #{builders => {only, #{}}},
            #{build_types => [#{uri => <<"a">>, dialect => colour}]},
            #{limits => #{statement_bytes => 0}},
            #{limits => #{colour => 1}}
        ]
    ].

a_key_signs_for_a_builder_test() ->
    #{bundle := Bundle} = hd(all()),
    Evidence = hex_provenance_test_slsa:verified(Bundle),
    KeyId = crypto:hash(sha256, <<"key">>),
    ByKey = Evidence#{signer := #{kind => key, key_id => KeyId}},
    Row = #{
        name => <<"ours">>,
        reason => <<"ours">>,
        signer => {key, KeyId},
        builder_id => {named, {pattern, <<"https://github.com/octo-org/**@refs/tags/*">>}},
        max_level => 2
    },
    ?assertMatch({ok, #{level := 1}}, hex_provenance_slsa:judge(ByKey, #{})),
    {ok, #{level := Level, builder_row := <<"ours">>}} =
        hex_provenance_slsa:judge(ByKey, #{builders => [Row]}),
    ?assertEqual(2, Level).

the_defaults_are_options_test() ->
    Options = hex_provenance_slsa:default_options(),
    ?assertMatch({ok, _}, hex_provenance_slsa:rules(Options)),
    #{limits := Limits} = Options,
    ?assertMatch(#{statement_bytes := _}, Limits).

%% What is handed out as a row is taken as one.
builders_can_be_given_back_test() ->
    {ok, Rows} = hex_provenance_slsa:builders(),
    Stated = fun(_, Value) -> Value =/= undefined andalso Value =/= [] end,
    Given = [maps:filter(Stated, Row) || Row <- Rows],
    {ok, _} = hex_provenance_slsa:rules(#{builders => {only, Given}}),
    ?assert(lists:all(fun(#{reason := Reason}) -> Reason =/= <<>> end, Rows)).

records_test() ->
    {ok, Judgement} = hex_provenance_slsa:judge(evidence(), #{}),
    {ok, Record} = hex_provenance_slsa:record(Judgement),
    ?assertEqual({ok, []}, hex_provenance_slsa:changes(Record, Judgement)),
    Moved = Record#{source := <<"https://github.com/octo-inc/octo-repo">>, level := <<"L2">>},
    {ok, Changes} = hex_provenance_slsa:changes(Moved, Judgement),
    ?assertMatch([#{field := source, is := <<"https://github.com/octo-org/octo-repo">>},
                  #{field := level, was := <<"L2">>, is := <<"L1">>}], Changes),
    ?assertMatch(#{accepted := true}, expecting(Record)),
    ?assertMatch(#{accepted := false}, expecting(Moved)),
    {ok, Refused} = hex_provenance_slsa:judge(evidence(), #{expect => #{min_level => 3}}),
    ?assertMatch({error, #{code := level_too_low}}, hex_provenance_slsa:record(Refused)),
    NoRecord = hex_provenance_slsa:changes(#{colour => <<"red">>}, Judgement),
    ?assertMatch({error, #{code := option_invalid}}, NoRecord).

expecting(Record) ->
    {ok, Expected} = hex_provenance_slsa:expectations(Record),
    {ok, Judgement} = hex_provenance_slsa:judge(evidence(), #{expect => Expected}),
    Judgement.

%% A summary is made, signed with a key, verified, and believed only of whom it should be.
summaries_test_() ->
    {timeout, 60, fun() ->
        {Public, Key} = key_pair(),
        KeyId = crypto:hash(sha256, Public),
        About = #{
            verifier => <<"https://verifier.example">>,
            resource_uri => <<"pkg:hex/app@1.2.3">>,
            policy => #{uri => <<"https://policy.example">>},
            time_verified => <<"2026-11-24T12:00:00Z">>,
            carried => [<<"SLSA_SOURCE_LEVEL_2">>]
        },
        Expect = #{
            verifiers => [#{id => <<"https://verifier.example">>, key => KeyId}],
            resource_uri => <<"pkg:hex/app@1.2.3">>,
            levels => [<<"SLSA_BUILD_LEVEL_1">>, <<"SLSA_SOURCE_LEVEL_1">>]
        },
        Passed = signed(summary(#{}, About), Key, Public),
        ?assertMatch(
            {ok, #{accepted := true, passed := true, refusals := []}},
            hex_provenance_slsa:verify_summary(Passed, Expect)
        ),
        Refused = fun(Evidence, Change) ->
            {ok, #{refusals := Refusals}} =
                hex_provenance_slsa:verify_summary(Evidence, maps:merge(Expect, Change)),
            [Code || #{code := Code} <- Refusals]
        end,
        Higher = #{levels => [<<"SLSA_BUILD_LEVEL_2">>]},
        ?assertEqual([verified_level_missing], Refused(Passed, Higher)),
        ?assertEqual([resource_refused], Refused(Passed, #{resource_uri => <<"pkg:hex/other@1">>})),
        ?assertEqual([verifier_refused], Refused(Passed, #{verifiers => []})),
        Other = [#{id => <<"https://verifier.example">>, key => crypto:hash(sha256, <<"x">>)}],
        ?assertEqual([verifier_refused], Refused(Passed, #{verifiers => Other})),
        Failed = signed(summary(#{expect => #{min_level => 3}}, About), Key, Public),
        ?assert(lists:member(verification_failed, Refused(Failed, #{}))),
        ?assertMatch(
            {error, #{code := predicate_unsupported}},
            hex_provenance_slsa:verify_summary(evidence(), Expect)
        ),
        ?assertMatch(
            {error, #{code := predicate_invalid}},
            hex_provenance_slsa:summarise(evidence(), #{}, maps:remove(verifier, About))
        )
    end}.

summary(Rules, About) ->
    {ok, Statement} = hex_provenance_slsa:summarise(evidence(), Rules, About),
    Statement.

signed(Statement, Key, Public) ->
    {ok, #{bundle := Bundle}} = hex_provenance_sigstore:sign({statement, Statement}, #{key => Key}),
    {file, Path} = {file, hex_provenance_test_cases:file(<<"artifact">>)},
    {ok, Evidence} = hex_provenance_sigstore:verify(Bundle, {file, Path}, #{
        keys => [#{der => Public}], trust => none, untimed => true
    }),
    Evidence.

key_pair() ->
    {ok, Key} = hex_provenance_sigstore:signing_key(#{der => pkcs8()}),
    {ok, #{der := Public}} = hex_provenance_sigstore:public_key(Key),
    {Public, Key}.

%% A fresh P-256 key as PKCS #8.
pkcs8() ->
    Ec = public_key:generate_key({namedCurve, secp256r1}),
    Pem = public_key:pem_encode([public_key:pem_entry_encode('PrivateKeyInfo', Ec)]),
    [{'PrivateKeyInfo', Der, not_encrypted}] = public_key:pem_decode(Pem),
    Der.

%% What is produced from claims is judged as written: by this library, under a certificate with the
%% same claims.
produced_provenance_test() ->
    Subject = #{name => <<"artifact">>, digests => #{<<"sha256">> => digest()}},
    {ok, Json} = hex_provenance_slsa:provenance(github, github_claims(), #{subjects => [Subject]}),
    #{content := Content} = Evidence = evidence(),
    Own = Evidence#{content := Content#{statement_bytes := Json}},
    {ok, #{accepted := true, unverified := []}} = hex_provenance_slsa:judge(Own, #{}),
    {ok, #{predicate_type := <<"https://slsa.dev/provenance/v1">>}} =
        hex_provenance_slsa:statement(Json),
    Claims = maps:remove(<<"sha">>, github_claims()),
    ?assertMatch(
        {error, #{code := token_claim_invalid, details := #{claim := <<"sha">>}}},
        hex_provenance_slsa:provenance(github, Claims, #{subjects => [Subject]})
    ),
    ?assertMatch(
        {error, #{code := option_invalid}},
        hex_provenance_slsa:provenance(elsewhere, Claims, #{subjects => [Subject]})
    ).

github_claims() ->
    #{
        <<"iss">> => <<"https://token.actions.githubusercontent.com">>,
        <<"repository">> => <<"octo-org/octo-repo">>,
        <<"ref">> => <<"refs/tags/v1.2.3">>,
        <<"sha">> => <<"0a1b2c3d4e5f60718293a4b5c6d7e8f901234567">>,
        <<"workflow_ref">> =>
            <<"octo-org/octo-repo/.github/workflows/release.yml@refs/tags/v1.2.3">>,
        <<"job_workflow_ref">> =>
            <<"octo-org/octo-repo/.github/workflows/release.yml@refs/tags/v1.2.3">>,
        <<"event_name">> => <<"push">>,
        <<"repository_id">> => <<"1234567">>,
        <<"repository_owner_id">> => <<"7654321">>,
        <<"runner_environment">> => <<"github-hosted">>,
        <<"run_id">> => <<"42">>,
        <<"run_attempt">> => <<"1">>
    }.

digest() ->
    {ok, Artifact} = file:read_file(hex_provenance_test_cases:file(<<"artifact">>)),
    string:lowercase(binary:encode_hex(crypto:hash(sha256, Artifact))).

unverified_statements_are_for_showing_test() ->
    #{content := #{statement_bytes := Json}} = evidence(),
    {ok, #{level := Level, signer := undefined, accepted := Accepted}} =
        hex_provenance_slsa:judge_unverified(Json, #{}),
    ?assert(Level =< 1),
    ?assertNot(Accepted).

json_test_() ->
    Encode = fun hex_provenance_nif:json_encode/1,
    [
        ?_assertEqual(
            {ok, <<"{\"a\":[1,-2.5,true,null,\"x\",null],\"b\":{\"c\":\"d\"}}"/utf8>>},
            Encode(#{b => #{<<"c">> => d}, <<"a">> => [1, -2.5, true, null, <<"x">>, undefined]})
        ),
        ?_assertMatch({error, #{code := option_invalid}}, Encode({a})),
        ?_assertMatch({error, #{code := option_invalid}}, Encode(<<255>>)),
        ?_assertMatch({error, #{code := option_invalid}}, Encode([a | b])),
        ?_assertMatch({error, #{code := option_invalid}}, Encode(1 bsl 70)),
        ?_assertMatch(
            {error, #{code := option_invalid}},
            Encode(lists:foldl(fun(_, Inner) -> [Inner] end, [], lists:seq(1, 100)))
        )
    ].

evidence() ->
    #{bundle := Bundle} = hd(all()),
    hex_provenance_test_slsa:verified(Bundle).

all() ->
    {ok, _} = application:ensure_all_started(crypto),
    hex_provenance_test_slsa:all().
