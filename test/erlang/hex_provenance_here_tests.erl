%% What an ordinary scheduler does itself and what it leaves to dirty ones, with the same answers.
-module(hex_provenance_here_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NIF, hex_provenance_nif).

%% Every contract case: what is verified here is answered as it is elsewhere.
the_same_answer_test_() ->
    {timeout, 60, fun the_same_answer/0}.

the_same_answer() ->
    quiet(),
    Answers = [
        {Here, ?NIF:sigstore_verify(Bundle, Artifact, Rooted)}
     || #{bundle := Bundle, options := Options} = Case <- hex_provenance_test_cases:all(),
        has_artifact(Case),
        Artifact <- [hex_provenance_test_cases:digest(Case)],
        Rooted <- [rooted(Options)],
        Here <- [?NIF:sigstore_verify_here(Bundle, Artifact, Rooted)],
        Here =/= elsewhere
    ],
    [?assertEqual(There, Here) || {Here, There} <- Answers],
    ?assert(length([ok || {{ok, _}, _} <- Answers]) > 3),
    ?assert(length([error || {{error, _}, _} <- Answers]) > 20).

has_artifact(#{artifact := {file, Path}}) -> filelib:is_regular(Path);
has_artifact(_) -> true.

%% Options with their root prepared: one to be read goes elsewhere.
rooted(#{trust := {file, _} = Source} = Options) ->
    case ?NIF:sigstore_trust_root(Source) of
        {ok, Root} -> Options#{trust => Root};
        {error, _} -> Options
    end;
rooted(Options) ->
    Options.

what_is_not_short_goes_elsewhere_test_() ->
    #{bundle := Bundle, options := Options} = Case = hex_provenance_test_cases:valid(),
    Artifact = hex_provenance_test_cases:digest(Case),
    {ok, Verifier} = ?NIF:sigstore_verifier(Options),
    {ok, Root} = ?NIF:sigstore_trust_root(maps:get(trust, Options)),
    Padded = <<Bundle/binary, (binary:copy(<<" ">>, 24 bsl 10))/binary>>,
    {trust, {file, Path}} = lists:keyfind(trust, 1, maps:to_list(Options)),
    Here = Options#{trust => Root},
    quiet(),
    [
        {Name, ?_assertMatch({Name, Expected}, {Name, answers(Arguments)})}
     || {Name, Expected, Arguments} <- [
            {"a bundle", here, [Bundle, Artifact, Here]},
            {"with a verifier", here, [Bundle, Artifact, Verifier]},
            {"a large bundle", elsewhere, [Padded, Artifact, Verifier]},
            {"a file", elsewhere, [Bundle, {file, "test/fixtures/artifact"}, Verifier]},
            {"a large artifact", elsewhere, [Bundle, {bytes, Padded}, Verifier]},
            {"a root to be read", elsewhere, [Bundle, Artifact, Options#{trust => {file, Path}}]},
            {"several roots", elsewhere, [Bundle, Artifact, Options#{trust => [Root, Root]}]},
            {"many identities", elsewhere, [Bundle, Artifact, many_identities(Here)]},
            {"keys", elsewhere, [Bundle, Artifact, #{keys => [#{der => <<0>>}]}]}
        ]
    ].

answers(Arguments) ->
    case apply(?NIF, sigstore_verify_here, Arguments) of
        {ok, _} -> here;
        elsewhere -> elsewhere
    end.

many_identities(#{identity := Identity} = Options) ->
    Options#{identity => lists:duplicate(9, Identity)}.

%% After others have verified at the same time it takes a while until one is alone again.
quiet() ->
    #{bundle := Bundle, options := Options} = Case = hex_provenance_test_cases:valid(),
    Artifact = hex_provenance_test_cases:digest(Case),
    {ok, Verifier} = ?NIF:sigstore_verifier(Options),
    [{ok, _} = ?NIF:sigstore_verify(Bundle, Artifact, Verifier) || _ <- lists:seq(1, 16)].

among_others_it_goes_elsewhere_test() ->
    #{bundle := Bundle, options := Options} = Case = hex_provenance_test_cases:valid(),
    Artifact = hex_provenance_test_cases:digest(Case),
    {ok, Verifier} = ?NIF:sigstore_verifier(Options),
    Verify = fun() -> ?NIF:sigstore_verify(Bundle, Artifact, Verifier) end,
    Others = [spawn_monitor(fun() -> [Verify() || _ <- lists:seq(1, 200)] end) || _ <- [1, 2, 3]],
    Answers = [
        ?NIF:sigstore_verify_here(Bundle, Artifact, Verifier)
     || _ <- lists:seq(1, 200), timer:sleep(1) =:= ok
    ],
    [
        receive
            {'DOWN', Monitor, process, _, Reason} -> ?assertEqual(normal, Reason)
        end
     || {_, Monitor} <- Others
    ],
    ?assert(lists:member(elsewhere, Answers)),
    ?assertMatch({ok, _}, hex_provenance_sigstore:verify(Bundle, Artifact, Verifier)).

judging_test_() ->
    {ok, Bundle} = file:read_file(hex_provenance_test_cases:file(<<"v1-dsse.json">>)),
    #{content := Content, signer := Signer} =
        Evidence = hex_provenance_test_slsa:verified(Bundle),
    #{statement_bytes := Statement} = Content,
    Spaces = binary:copy(<<" ">>, 8 bsl 10),
    Longer = Content#{statement_bytes := <<Statement/binary, Spaces/binary>>},
    Long = #{issuer => binary:copy(<<"a">>, 4 bsl 10)},
    {ok, Plain} = ?NIF:slsa_rules(#{}),
    {ok, Expecting} = ?NIF:slsa_rules(#{expect => #{refs => [{pattern, <<"refs/heads/*">>}]}}),
    Heavy = {pattern, <<"*", (binary:copy(<<"a">>, 64))/binary>>},
    {ok, Patterns} = ?NIF:slsa_rules(#{expect => #{refs => [Heavy]}}),
    {ok, Rows} = ?NIF:slsa_rules(#{builders => {only, []}}),
    [
        {Name, ?_assertEqual(Where, judged(Evidence1, Rules))}
     || {Name, Where, Evidence1, Rules} <- [
            {"well-known rules", here, Evidence, #{}},
            {"prepared rules", here, Evidence, Plain},
            {"prepared rules with a pattern", here, Evidence, Expecting},
            {"costly patterns", elsewhere, Evidence, Patterns},
            {"other builders", elsewhere, Evidence, Rows},
            {"rules to be read", elsewhere, Evidence, #{expect => #{}}},
            {"a large statement", elsewhere, Evidence#{content := Longer}, #{}},
            {"long claims", elsewhere, Evidence#{signer := Signer#{claims := Long}}, #{}}
        ]
    ].

judged(Evidence, Rules) ->
    case ?NIF:slsa_judge_here(Evidence, Rules) of
        elsewhere ->
            elsewhere;
        Answer ->
            ?assertEqual(?NIF:slsa_judge(Evidence, Rules), Answer),
            here
    end.
