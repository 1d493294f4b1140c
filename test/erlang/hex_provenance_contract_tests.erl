%% The contract cases through the Erlang face.
-module(hex_provenance_contract_tests).

-include_lib("eunit/include/eunit.hrl").

contract_test_() ->
    [{binary_to_list(Name), fun() -> run(Case) end} || #{name := Name} = Case <- cases()].

run(#{bundle := Bundle, artifact := Artifact, options := Options} = Case) ->
    check(Case, hex_provenance_sigstore:verify(Bundle, Artifact, Options)).

%% All cases with the same options in one call answer as each does alone.
verify_many_test_() ->
    {timeout, 60, fun() ->
        Groups = lists:foldl(
            fun(#{options := Options} = Case, Groups) ->
                maps:update_with(Options, fun(Cases) -> [Case | Cases] end, [Case], Groups)
            end,
            #{},
            cases()
        ),
        maps:foreach(fun together/2, Groups)
    end}.

together(Options, Cases) ->
    Items = [{Bundle, Artifact} || #{bundle := Bundle, artifact := Artifact} <- Cases],
    Answers = hex_provenance_sigstore:verify_many(Items, Options),
    lists:foreach(fun({Case, Answer}) -> check(Case, Answer) end, lists:zip(Cases, Answers)).

check(#{expect := <<"ok">>, check := Checks}, {ok, Evidence}) ->
    maps:foreach(fun(Path, Stated) -> stands(Path, Stated, Evidence) end, Checks);
check(#{expect := Code, check := Checks}, {error, Error}) ->
    ?assertEqual(Code, atom_to_binary(maps:get(code, Error))),
    ?assert(is_list(unicode:characters_to_list(hex_provenance_error:format_error(Error)))),
    maps:foreach(fun(Path, Stated) -> stands(Path, Stated, Error) end, Checks);
check(#{expect := Expect}, Answer) ->
    error({expected, Expect, got, Answer}).

stands(Path, Stated, Term) ->
    Found = hex_provenance_test_cases:at(Path, Term),
    ?assert(hex_provenance_test_cases:matches(Stated, Found), {Path, Found}).

cases() ->
    {ok, _} = application:ensure_all_started(crypto),
    hex_provenance_test_cases:all().
