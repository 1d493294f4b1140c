%% Properties, where PropEr is installed.
-module(hex_provenance_prop_tests).

-ifdef(PROPER).

-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

properties_test_() ->
    Properties = [
        {"no term crashes a function", prop_no_term_crashes_a_function()},
        {"no option crashes the decoder", prop_no_option_crashes_the_decoder()},
        {"a damaged bundle is refused or means the same", prop_a_damaged_bundle()},
        {"JSON crosses unchanged", prop_json_crosses_unchanged()}
    ],
    [
        {Name, {timeout, 300, ?_assertEqual(true, check(Property))}}
     || {Name, Property} <- Properties
    ].

check(Property) -> proper:quickcheck(Property, [500, quiet, long_result]).

prop_no_term_crashes_a_function() ->
    ?FORALL(
        {{Name, Arity}, Terms},
        {oneof(hex_provenance_nif_tests:boundary()), vector(5, any())},
        is_clean(apply(hex_provenance_nif, Name, lists:sublist(Terms, Arity)))
    ).

is_clean({ok, _}) -> true;
is_clean({error, #{code := Code}}) -> Code =/= internal;
is_clean(elsewhere) -> true;
is_clean(Answers) -> lists:all(fun is_clean/1, Answers).

prop_no_option_crashes_the_decoder() ->
    ?FORALL(
        Options,
        map_of(
            oneof([trust, identity, keys, untimed, thresholds, limits, atom()]),
            oneof([any(), option(), [option()], boolean(), public_good, none, unchecked])
        ),
        case hex_provenance_nif:sigstore_verifier(Options) of
            {ok, _} -> true;
            {error, #{code := Code}} -> Code =/= internal
        end
    ).

option() ->
    map_of(
        oneof([san, issuer, claims, pem, der, hint, valid_from, valid_to, scts, json_depth]),
        oneof([any(), binary(), {pattern, binary()}, integer(), {file, any()}, {json, binary()}])
    ).

prop_a_damaged_bundle() ->
    #{bundle := Bundle, options := Options} = Case = hex_provenance_test_cases:valid(),
    Artifact = hex_provenance_test_cases:digest(Case),
    {ok, Whole} = hex_provenance_sigstore:verify(Bundle, Artifact, Options),
    ?FORALL(
        {At, Byte},
        {integer(0, byte_size(Bundle) - 1), byte()},
        begin
            <<Before:At/binary, _, After/binary>> = Bundle,
            Damaged = <<Before/binary, Byte, After/binary>>,
            case hex_provenance_sigstore:verify(Damaged, Artifact, Options) of
                {ok, Found} -> signed(Found) =:= signed(Whole);
                {error, #{code := Code}} -> Code =/= internal
            end
        end
    ).

signed(Evidence) -> maps:with([signer, content, artifact], Evidence).

%% A JSON document in an unverified bundle's statement arrives as the terms it stands for.
prop_json_crosses_unchanged() ->
    ?FORALL(
        Json,
        json(4),
        begin
            Statement = #{
                <<"_type">> => <<"https://in-toto.io/Statement/v1">>,
                <<"subject">> => [#{<<"digest">> => #{<<"sha256">> => <<"00">>}}],
                <<"predicateType">> => <<"x">>,
                <<"predicate">> => Json
            },
            Bundle = #{
                <<"mediaType">> => <<"application/vnd.dev.sigstore.bundle.v0.3+json">>,
                <<"verificationMaterial">> => #{
                    <<"publicKey">> => #{<<"hint">> => <<"key">>},
                    <<"tlogEntries">> => []
                },
                <<"dsseEnvelope">> => #{
                    <<"payloadType">> => <<"application/vnd.in-toto+json">>,
                    <<"payload">> => base64:encode(encode(Statement)),
                    <<"signatures">> => [#{<<"sig">> => <<"AAAA">>}]
                }
            },
            {ok, #{content := Content}} = hex_provenance_sigstore:bundle_info(encode(Bundle)),
            maps:get(statement, Content) =:= Statement
        end
    ).

json(0) ->
    Large = [integer(1 bsl 58, 1 bsl 64 - 1), integer(-(1 bsl 63), -(1 bsl 58))],
    oneof([null, boolean(), integer(), text() | Large]);
json(Depth) ->
    frequency([
        {3, json(0)},
        {1, ?LET(Length, integer(0, 5), vector(Length, json(Depth - 1)))},
        {1, map_of(text(), json(Depth - 1))}
    ]).

map_of(Key, Value) ->
    ?LET(Members, list({Key, Value}), maps:from_list(Members)).

text() ->
    Char = oneof([integer($\s, $~), integer(160, 16#D7FF)]),
    ?LET(Chars, list(Char), unicode:characters_to_binary(Chars)).

encode(null) -> <<"null">>;
encode(Bool) when is_boolean(Bool) -> atom_to_binary(Bool);
encode(Integer) when is_integer(Integer) -> integer_to_binary(Integer);
encode(List) when is_list(List) ->
    iolist_to_binary([$[, lists:join($,, [encode(Value) || Value <- List]), $]]);
encode(Map) when is_map(Map) ->
    Members = [[encode(Name), $:, encode(Value)] || {Name, Value} <- maps:to_list(Map)],
    iolist_to_binary([${, lists:join($,, Members), $}]);
encode(Text) ->
    iolist_to_binary([$", [escape(Char) || Char <- unicode:characters_to_list(Text)], $"]).

escape($") -> <<"\\\"">>;
escape($\\) -> <<"\\\\">>;
escape(Char) -> <<Char/utf8>>.

-endif.
