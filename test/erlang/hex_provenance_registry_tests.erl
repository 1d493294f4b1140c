%% Registry events through the Erlang face: cases shared with the other languages, and what else it
%% offers.
-module(hex_provenance_registry_tests).

-include_lib("eunit/include/eunit.hrl").

cases_test_() ->
    {setup, fun hex_provenance_test_registry:key/0, fun(Keys) ->
        [
            {binary_to_list(Name), fun() -> run(Case, Keys) end}
         || #{name := Name} = Case <- hex_provenance_test_registry:all()
        ]
    end}.

run(#{json := Json, event := Event, making := Making} = Case, Keys) ->
    Answer = hex_provenance_registry:statement(Event, Making),
    Bytes = hex_provenance_test_json:encode(Json),
    ?assertEqual(Answer, hex_provenance_registry:statement_from_json(Json, Making)),
    ?assertEqual(Answer, hex_provenance_registry:statement_from_json(Bytes, Making)),
    made(Case, Answer, Keys).

made(#{expect := Expect}, {error, #{code := Code}}, _) ->
    ?assertEqual(Expect, atom_to_binary(Code));
made(#{reading := Reading} = Case, {ok, #{statement := Statement} = Unsigned}, {Key, Public}) ->
    Bundle = hex_provenance_test_registry:signed(Case, Statement, Key),
    Options = Reading#{keys => [#{der => Public}]},
    Answer = hex_provenance_registry:verify(Bundle, any, Options),
    ?assertEqual(Answer, by_subject(Unsigned, Bundle, Options, Answer)),
    verified(Case, Unsigned, Answer).

%% The same with the artifact at hand, when there is anything to compare.
by_subject(Unsigned, Bundle, Options, {ok, #{releases := Releases}} = Any) ->
    #{subjects := Subjects, event := Event} = Unsigned,
    Version = maps:get(version, Options, undefined),
    Of = [Digest || #{version := V, digest := Digest} <- Releases, V =:= Version],
    Artifact = {digest, sha256, hd(Of ++ Subjects)},
    Given = hex_provenance_registry:verify(Bundle, Artifact, Options#{event => Event}),
    {{ok, One}, {ok, Other}} = {Any, Given},
    ?assertEqual(maps:remove(evidence, One), maps:remove(evidence, Other)),
    Any;
by_subject(_, _, _, Answer) ->
    Answer.

verified(#{expect := <<"ok">>, check := Checks}, Unsigned, {ok, Attestation}) ->
    maps:foreach(fun(Path, Stated) -> stands(Path, Stated, Attestation) end, Checks),
    ?assertEqual(lists:sort(fields(attestation)), lists:sort(maps:keys(Attestation))),
    ?assertEqual(lists:sort(fields(unsigned)), lists:sort(maps:keys(Unsigned))),
    Same = [event, package, version, subjects, linked, time, statement],
    ?assertEqual(maps:with(Same, Unsigned), maps:with(Same, Attestation)),
    ?assertEqual(maps:get(id, Unsigned), maps:get(event_id, Attestation));
verified(#{expect := Expect}, _, {error, #{code := Code}}) ->
    ?assertEqual(Expect, atom_to_binary(Code));
verified(Case, _, Answer) ->
    error({Case, Answer}).

stands(Path, Stated, Term) ->
    Found = hex_provenance_test_cases:at(Path, Term),
    ?assert(hex_provenance_test_cases:matches(Stated, Found), {Path, Found}).

%% The keys of a map are those of its type.
fields(Type) ->
    {ok, Forms} = epp:parse_file("src/hex_provenance_registry.erl", []),
    [Fields] = [Of || {attribute, _, type, {Name, {type, _, map, Of}, []}} <- Forms, Name =:= Type],
    [Name || {type, _, _, [{atom, _, Name}, _]} <- Fields].

publish() ->
    #{
        event => publish,
        package => <<"phoenix">>,
        version => <<"1.8.1">>,
        digest => {sha256, crypto:hash(sha256, <<"tarball">>)},
        event_id => <<"e1">>,
        occurred_at => 1769860800,
        actor => #{kind => user, id => <<"chrismccord">>}
    }.

statement() ->
    {ok, #{statement := Statement}} = hex_provenance_registry:statement(publish(), #{}),
    Statement.

bad_events_test_() ->
    [
        fun() ->
            {error, #{code := Code}} = hex_provenance_registry:statement(Bad, #{}),
            ?assert(lists:member(Code, [option_invalid, event_invalid]))
        end
     || Bad <- [
            undefined,
            [],
            #{},
            maps:remove(actor, publish()),
            (publish())#{digest := {sha256, <<"short">>}},
            (publish())#{digest := {sha512, <<0:512>>}},
            (publish())#{digest := <<0:256>>},
            (publish())#{event := self()},
            (publish())#{occurred_at := -1},
            (publish())#{occurred_at := 1 bsl 60},
            (publish())#{occurred_at := 1.5},
            (publish())#{<<"version">> => <<"1.8.1">>},
            (publish())#{1 => 2},
            (publish())#{package := <<255>>},
            (publish())#{actor := #{kind => user, id => [<<"a">> | <<"b">>]}},
            (publish())#{actor := lists:foldl(fun(_, In) -> [In] end, [], lists:seq(1, 100))}
        ]
    ].

bad_options_test_() ->
    Code = fun({error, #{code := Code}}) -> Code end,
    [
        ?_assertEqual(option_invalid, Code(Answer))
     || Answer <- [
            hex_provenance_registry:statement(publish(), undefined),
            hex_provenance_registry:statement(publish(), #{colour => red}),
            hex_provenance_registry:statement(publish(), #{prefix => <<"https://a/">>}),
            hex_provenance_registry:statement(publish(), #{registry => 1}),
            hex_provenance_registry:statement_from_json(1, #{}),
            hex_provenance_registry:statements_from_json(#{}, #{}),
            hex_provenance_registry:read(statement(), []),
            hex_provenance_registry:read(statement(), #{event => []}),
            hex_provenance_registry:read(statement(), #{event => party}),
            hex_provenance_registry:read(statement(), #{event => <<"publish">>}),
            hex_provenance_registry:read(statement(), #{package => <<"a@1">>}),
            hex_provenance_registry:read(undefined, #{}),
            hex_provenance_registry:envelope(undefined),
            hex_provenance_registry:bundle(statement(), undefined, <<"h">>),
            hex_provenance_registry:bundle(statement(), <<"s">>, <<255>>),
            hex_provenance_registry:verify(<<"{}">>, any, undefined),
            hex_provenance_registry:verify(<<"{}">>, {bytes, <<>>}, #{colour => red}),
            hex_provenance_registry:sign(statement(), #{key => undefined}),
            hex_provenance_registry:sign(statement(), #{colour => red}),
            hex_provenance_registry:sign(undefined, #{})
        ]
    ].

%% The result of anything else than the registry's own check is never handed out.
a_prepared_verifier_is_no_options_test() ->
    {Key, Public} = hex_provenance_test_registry:key(),
    {ok, #{bundle := Bundle}} = hex_provenance_registry:sign(statement(), Key),
    {ok, Verifier} = hex_provenance_nif:sigstore_verifier(#{
        keys => [#{der => Public}], trust => none, untimed => true
    }),
    Answer = hex_provenance_registry:verify(Bundle, {bytes, <<"tarball">>}, Verifier),
    ?assertMatch({error, #{code := option_invalid}}, Answer).

whole_requests_test() ->
    Json = [J || #{json := J, making := M, expect := <<"ok">>} <- cases(), M =:= #{}],
    Request = hex_provenance_test_json:encode(#{<<"events">> => Json}),
    {ok, Statements} = hex_provenance_registry:statements_from_json(Request, #{}),
    Each = [hex_provenance_registry:statement_from_json(One, #{}) || One <- Json],
    ?assertEqual(Each, [{ok, Statement} || Statement <- Statements]),
    Bad = hex_provenance_test_json:encode(#{<<"events">> => Json ++ [#{<<"event">> => party}]}),
    {error, #{code := event_invalid, details := #{field := Field}}} =
        hex_provenance_registry:statements_from_json(Bad, #{}),
    ?assertEqual(iolist_to_binary(io_lib:format("events[~b].event", [length(Json)])), Field).

%% What is kept are statement and signature: bundle and envelope are made of them again.
parts_and_whole_test() ->
    {Key, _} = hex_provenance_test_registry:key(),
    Statement = statement(),
    {ok, Signed} = hex_provenance_registry:sign(Statement, #{key => Key}),
    #{bundle := Bundle, envelope := Envelope, signature := Signature, evidence := _} = Signed,
    {ok, #{key_id := Id}} = hex_provenance_sigstore:public_key(Key),
    ?assertEqual(
        {ok, Bundle}, hex_provenance_registry:bundle(Statement, Signature, base64:encode(Id))
    ),
    Digest = crypto:hash(sha256, Envelope),
    ?assertEqual(
        {ok, #{
            envelope => Envelope,
            statement => Statement,
            signature => Signature,
            digest => Digest
        }},
        hex_provenance_registry:envelope(Bundle)
    ),
    #{<<"payload">> := Payload, <<"signatures">> := [Only]} =
        hex_provenance_test_json:decode(Envelope),
    ?assertEqual({Statement, [<<"sig">>]}, {base64:decode(Payload), maps:keys(Only)}).

an_external_key_signs_test() ->
    {Key, Public} = hex_provenance_test_registry:key(),
    Refuses = #{der => Public, sign => fun(_) -> {error, <<"the HSM is away">>} end},
    ?assertMatch(
        {error, #{code := signer_failed}},
        hex_provenance_registry:sign(statement(), #{external_key => Refuses})
    ),
    Ec = public_key:generate_key({namedCurve, secp256r1}),
    {ok, Own} = hex_provenance_sigstore:signing_key(#{pem => pem(Ec)}),
    {ok, #{der := Der}} = hex_provenance_sigstore:public_key(Own),
    Sign = fun({digest, sha256, Digest}) ->
        {ok, public_key:sign({digest, Digest}, sha256, Ec)}
    end,
    {ok, #{bundle := Bundle}} =
        hex_provenance_registry:sign(statement(), #{external_key => #{der => Der, sign => Sign}}),
    Verify = fun(Keys) -> hex_provenance_registry:verify(Bundle, any, #{keys => Keys}) end,
    ?assertMatch({ok, #{event := publish}}, Verify([#{der => Der}])),
    ?assertMatch({error, #{code := signature_mismatch}}, Verify([#{der => Public}])),
    ?assert(is_reference(Key)).

pem(Ec) ->
    public_key:pem_encode([public_key:pem_entry_encode('PrivateKeyInfo', Ec)]).

verification_test_() ->
    {setup, fun hex_provenance_test_registry:key/0, fun({Key, Public}) ->
        {ok, #{bundle := Bundle}} = hex_provenance_registry:sign(statement(), Key),
        Verify = fun(Artifact, More) ->
            Options = maps:merge(#{keys => [#{der => Public}]}, More),
            hex_provenance_registry:verify(Bundle, Artifact, Options)
        end,
        Tarball = {bytes, <<"tarball">>},
        Older = binary:replace(Bundle, <<".v0.3+json">>, <<"+json;version=0.2">>),
        [
            ?_assertMatch({ok, #{event := publish}}, Verify(Tarball, #{})),
            ?_assertMatch({error, #{code := subject_absent}}, Verify({bytes, <<"x">>}, #{})),
            ?_assertMatch({error, #{code := log_entry_missing}}, Verify(any, #{untimed => false})),
            ?_assertMatch(
                {error, #{code := key_unknown}},
                Verify(Tarball, #{keys => [#{der => Public, hint => <<"another">>}]})
            ),
            ?_assertMatch(
                {error, #{code := signer_kind_refused}},
                hex_provenance_registry:verify(Bundle, Tarball, #{})
            ),
            ?_assertMatch(
                {error, #{code := bundle_unsupported}},
                hex_provenance_registry:verify(Older, Tarball, #{keys => [#{der => Public}]})
            )
        ]
    end}.

%% A message signature is no attestation, and neither is another statement.
other_bundles_test() ->
    {Key, Public} = hex_provenance_test_registry:key(),
    Options = #{keys => [#{der => Public}]},
    {ok, #{bundle := Message}} = hex_provenance_sigstore:sign({bytes, <<"x">>}, #{key => Key}),
    ?assertMatch(
        {error, #{code := statement_invalid}},
        hex_provenance_registry:verify(Message, {bytes, <<"x">>}, Options)
    ),
    ?assertMatch(
        {error, #{code := statement_invalid}},
        hex_provenance_registry:verify(Message, any, Options)
    ),
    Sound = hex_provenance_test_json:decode(statement()),
    Other = hex_provenance_test_json:encode(Sound#{
        <<"predicateType">> := <<"https://slsa.dev/provenance/v1">>
    }),
    {ok, #{bundle := Slsa}} = hex_provenance_sigstore:sign({statement, Other}, #{key => Key}),
    ?assertMatch(
        {error, #{code := statement_invalid, details := #{field := <<"predicateType">>}}},
        hex_provenance_registry:verify(Slsa, {bytes, <<"tarball">>}, Options)
    ).

%% Every word of a closed table is in its type, and the other way round.
tables_test_() ->
    {ok, Catalogue} = hex_provenance_registry:catalogue(),
    [
        {atom_to_list(Table), fun() ->
            ?assertEqual(lists:sort(maps:get(Table, Catalogue)), lists:sort(union(Type)))
        end}
     || {Table, Type} <- [
            {event, event_name},
            {reason, retirement_reason},
            {state, advisory_state},
            {format, vex_format},
            {status, vex_status},
            {level, owner_level},
            {owners, owner_action},
            {publishers, publisher_action},
            {package, package_action}
        ]
    ].

union(Type) ->
    {ok, Forms} = epp:parse_file("src/hex_provenance_registry.erl", []),
    [Of] = [Of || {attribute, _, type, {Name, {type, _, union, Of}, []}} <- Forms, Name =:= Type],
    [Atom || {atom, _, Atom} <- Of].

the_defaults_are_options_test() ->
    Defaults = hex_provenance_registry:default_options(),
    ?assertEqual(
        hex_provenance_registry:statement(publish(), #{}),
        hex_provenance_registry:statement(publish(), Defaults)
    ).

cases() ->
    hex_provenance_test_registry:all().
