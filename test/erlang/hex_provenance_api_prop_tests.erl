%% Properties of the API, where PropEr is installed.
-module(hex_provenance_api_prop_tests).

-ifdef(PROPER).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

properties_test_() ->
    Properties = [
        {"every request has an answer", prop_every_request_has_an_answer()},
        {"a path is read as it was meant", prop_a_path_is_read_as_it_was_meant()},
        {"an index has one spelling", prop_an_index_has_one_spelling()},
        {"a page holds no markup of others", prop_a_page_holds_no_markup_of_others()}
    ],
    [
        {Name, {timeout, 300, ?_assertEqual(true, check(Property))}}
     || {Name, Property} <- Properties
    ].

check(Property) -> proper:quickcheck(Property, [500, quiet, long_result]).

prop_every_request_has_an_answer() ->
    State = #{authorise => fun(_, _) -> {error, 401} end, vkey => <<"a+1+b">>},
    ?FORALL(
        {Method, Path, Query, Headers, Body},
        {
            oneof([<<"GET">>, <<"HEAD">>, <<"POST">>, binary()]),
            path(),
            oneof([<<>>, binary(), <<"size=1">>, <<"a=1&a=1">>]),
            list({oneof([<<"content-type">>, <<"accept-encoding">>, binary()]), binary()}),
            oneof([<<>>, binary()])
        },
        begin
            Request = #{
                method => Method, path => Path, query => Query, headers => Headers, body => Body
            },
            %% Nothing that reads the log: there is none here.
            case reads(hex_provenance_api_request:segments(Path)) of
                true ->
                    true;
                false ->
                    #{status := Status} = hex_provenance_api:handle(Request, State),
                    Status < 500
            end
        end
    ).

reads({ok, [<<"log">>, <<"vkey">>]}) -> false;
reads({ok, [<<"api">>, <<"events">>]}) -> false;
reads({ok, [First | _]}) -> lists:member(First, [<<"log">>, <<"api">>, <<"packages">>]);
reads({ok, []}) -> true;
reads(error) -> false.

path() ->
    Segments = list(oneof([binary(), <<"api">>, <<"events">>, <<"log">>, <<"vkey">>, <<"%41">>])),
    ?LET(Parts, Segments, iolist_to_binary([["/", Part] || Part <- Parts])).

prop_a_path_is_read_as_it_was_meant() ->
    ?FORALL(
        Segments,
        non_empty(list(segment())),
        begin
            Path = iolist_to_binary([["/", uri_string:quote(Segment)] || Segment <- Segments]),
            {ok, Segments} =:= hex_provenance_api_request:segments(Path)
        end
    ).

segment() ->
    Character = ?SUCHTHAT(C, integer(32, 16#2fff), C =/= $/ andalso (C < 127 orelse C > 160)),
    ?SUCHTHAT(
        Text,
        ?LET(Characters, non_empty(list(Character)), unicode:characters_to_binary(Characters)),
        Text =/= <<".">> andalso Text =/= <<"..">>
    ).

prop_an_index_has_one_spelling() ->
    ?FORALL(
        {Number, Other},
        {integer(0, 1 bsl 53 - 1), binary()},
        begin
            Text = integer_to_binary(Number),
            Read = hex_provenance_api_request:index(Other),
            {ok, Number} =:= hex_provenance_api_request:index(Text) andalso
                error =:= hex_provenance_api_request:index(<<"0", Text/binary>>) andalso
                (Read =:= error orelse {ok, binary_to_integer(Other)} =:= Read)
        end
    ).

prop_a_page_holds_no_markup_of_others() ->
    ?FORALL(
        Text,
        ?LET(Characters, list(oneof([$<, $>, $&, $", $', char()])), encoded(Characters)),
        begin
            Page = page(Text, <<"<i>", Text/binary>>),
            binary:match(Page, <<"<i>">>) =:= nomatch andalso
                length(binary:matches(Page, <<"<">>)) =:= length(binary:matches(empty(), <<"<">>))
        end
    ).

empty() -> page(<<>>, <<>>).

page(Text, Note) ->
    hex_provenance_page:package(#{
        place => #{registry => Text, origin => Text, size => 1},
        name => <<"a">>,
        later => undefined,
        events => [
            #{
                index => 0,
                event => <<"retire">>,
                package => undefined,
                name => <<"a">>,
                version => undefined,
                time => 0,
                actor => Text,
                note => Note
            }
        ]
    }).

encoded(Characters) ->
    Valid = [C || C <- Characters, not surrogate(C)],
    unicode:characters_to_binary(Valid).

surrogate(Character) -> Character >= 16#d800 andalso Character =< 16#dfff.

-endif.
