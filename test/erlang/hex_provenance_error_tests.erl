-module(hex_provenance_error_tests).

-include_lib("eunit/include/eunit.hrl").

text(Error) -> unicode:characters_to_list(hex_provenance_error:format_error(Error)).

an_error_says_what_is_wrong_and_what_to_do_test() ->
    {error, Error} = hex_provenance_sigstore:verify(<<"{}">>, {bytes, <<>>}, #{trust => moon}),
    ?assertMatch(#{code := option_invalid, stage := input}, Error),
    ?assertMatch(#{details := #{option := <<"trust">>}}, Error),
    ?assertMatch("option trust is not valid" ++ _, text(Error)),
    ?assertNotEqual(nomatch, string:find(text(Error), "(option_invalid)")),
    ?assertNotEqual(nomatch, string:find(text(Error), binary_to_list(maps:get(remedy, Error)))).

what_else_is_wrong_is_told_test() ->
    One = #{
        code => a,
        stage => log,
        message => <<"first">>,
        remedy => <<"Stop.">>,
        details => #{}
    },
    Two = One#{code := b, message := <<"second \x{e9}"/utf8>>},
    Both = One#{details := #{also => [Two]}},
    ?assertEqual("first (a)\nalso: second \x{e9} (b)\nStop.", text(Both)).

anything_can_be_formatted_test() ->
    [?assert(is_list(text(Term))) || Term <- [enoent, {a, [b | c]}, #{code => x}, <<255>>, self()]].

the_catalogue_is_closed_test() ->
    Entries = hex_provenance_error:catalogue(),
    Codes = [Code || #{code := Code} <- Entries],
    ?assertEqual(length(Codes), length(lists:usort(Codes))),
    [
        ?assertMatch(#{stage := _, remedy := <<_, _/binary>>, details := [_ | _]}, Entry)
     || #{code := Code} = Entry <- Entries,
        not lists:member(Code, [identity_unstated, signature_unverified])
    ].
