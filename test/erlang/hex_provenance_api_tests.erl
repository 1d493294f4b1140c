%% The API as a function: what is refused, and how; conditions, compression, tokens. What it answers
%% from a log is in hex_provenance_service_tests.
-module(hex_provenance_api_tests).

-include_lib("eunit/include/eunit.hrl").

-export([request/2, request/3, decode/1, header/2]).

%% -- Refusals: method, target, more of the request, status, code --

refusals() ->
    Long = binary:copy(<<"a">>, 2000),
    Json = #{headers => [{<<"content-type">>, <<"application/json">>}]},
    Token = bearer(<<"all">>),
    Write = #{headers => [{<<"content-type">>, <<"application/json">>}, Token]},
    [
        {get, "/nothing", #{}, 404, not_found},
        {get, "/api", #{}, 404, not_found},
        {get, "/api/packages/Phoenix/head", #{}, 404, not_found},
        {get, "/api/packages/a%2fb/head", #{}, 400, request_invalid},
        {get, "/api/packages/%00/head", #{}, 400, request_invalid},
        {get, "/api/packages/%ff/head", #{}, 400, request_invalid},
        {get, "/api/packages/%zz/head", #{}, 400, request_invalid},
        {get, "/api/packages/%6/head", #{}, 400, request_invalid},
        {get, "/api//log/entries", #{}, 400, request_invalid},
        {get, "/api/log/entries/", #{}, 400, request_invalid},
        {get, "/../api/log/entries", #{}, 400, request_invalid},
        {get, "/api/%2e%2e/log", #{}, 400, request_invalid},
        {get, "/api/packages/<b>/head", #{}, 400, request_invalid},
        {get, "", #{}, 400, request_invalid},
        {get, "*", #{}, 400, request_invalid},
        {get, ["/packages/", Long], #{}, 414, path_too_long},
        {get, ["/?package=", Long], #{}, 414, path_too_long},
        {get, "/api/packages/a/releases/v1/attestations", #{}, 404, not_found},
        {get, "/api/blobs/sha256/00", #{}, 404, not_found},
        {get, ["/api/blobs/sha256/", binary:copy(<<"A">>, 64)], #{}, 404, not_found},
        {get, "/api/log/entries/1.tlog-proofs", #{}, 404, not_found},
        {get, "/api/log/entries/01.tlog-proof", #{}, 404, not_found},
        {get, "/api/log/entries?size=1&size=1", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?sise=1", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?size", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?size=", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?size=-1", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?size=+1", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?size=00", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?size=9007199254740992", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?limit=257", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?limit=0", #{}, 400, parameter_invalid},
        {get, "/api/log/entries?&", #{}, 400, parameter_invalid},
        {get, "/api/log/events?wait=31", #{}, 400, parameter_invalid},
        {get, "/api/log/proof/inclusion?index=1", #{}, 400, parameter_invalid},
        {get, "/api/log/proof/inclusion?size=1", #{}, 400, parameter_invalid},
        {get, "/api/log/proof/consistency", #{}, 400, parameter_invalid},
        {get, "/api/attestations", #{}, 400, parameter_invalid},
        {get, "/api/attestations?digest=sha512:00", #{}, 400, parameter_invalid},
        {get, "/api/packages/a/attestations?event=published", #{}, 400, parameter_invalid},
        {get, "/api/packages/a/attestations?version=x", #{}, 400, parameter_invalid},
        {get, "/api/packages/a/attestations?limit=101", #{}, 400, parameter_invalid},
        {get, "/log/policy", #{}, 404, not_found},
        {get, "/log/trusted_root.json", #{}, 404, not_found},
        {get, "/log/checkpoint", #{}, 404, checkpoint_missing},
        {get, "/log/tile/0/000", #{}, 404, checkpoint_missing},
        {get, "/log/tile/9/000", #{}, 404, not_found},
        {get, "/log/tile/0/1", #{}, 404, not_found},
        {get, "/log/tile", #{}, 404, not_found},
        {get, "/", #{}, 404, log_empty},
        {get, "/log/vkey", #{body => <<"x">>}, 400, request_invalid},
        {get, "/log/vkey", #{headers => lists:duplicate(65, {<<"a">>, <<>>})}, 431,
            headers_too_large},
        {post, "/log/vkey", #{}, 405, method_not_allowed},
        {get, "/api/events", #{}, 405, method_not_allowed},
        {delete, "/api/packages/a/releases/1.0.0/attestations", #{}, 405, method_not_allowed},
        {post, "/api/events", #{}, 415, media_type_unsupported},
        {post, "/api/events?x=1", Json, 400, parameter_invalid},
        {post, "/api/events", Json, 401, unauthorised},
        {post, "/api/events", Json#{body => <<"{">>}, 401, unauthorised},
        {post, "/api/events", #{headers => [{<<"content-type">>, <<"text/json">>}]}, 415,
            media_type_unsupported},
        {post, "/api/events", Write#{body => <<"{">>}, 400, malformed},
        {post, "/api/events", Write#{body => <<"[]">>}, 400, request_invalid},
        {post, "/api/events", Write#{body => <<"{\"events\":[]}">>}, 400, request_invalid},
        {post, "/api/events", Write#{body => <<"{\"events\":[1]}">>}, 400, request_invalid},
        {post, "/api/events", Write#{body => <<"{\"events\":[{}],\"x\":1}">>}, 400,
            request_invalid},
        {post, "/api/events", Write#{body => <<"{\"events\":[{}],\"events\":[{}]}">>}, 400,
            malformed},
        {post, "/api/events", Write#{body => many_events(101)}, 413, body_too_large},
        {post, "/api/events", Write#{body => binary:copy(<<" ">>, 5 bsl 20)}, 413, body_too_large},
        {post, "/api/events", Write#{body => deep(65)}, 413, input_too_large},
        {post, "/api/events", Write#{body => <<"{\"events\":[{}]}">>}, 422, statement_invalid},
        {post, "/api/packages/a/releases/1.0.0/attestations", Json, 401, unauthorised},
        {post, "/api/packages/b/releases/1.0.0/attestations", only_a(Json), 403, forbidden},
        {post, "/api/events", only_a(Json), 403, forbidden},
        {post, "/api/packages/a/releases/1.0.0/attestations", only_a(Json), 501, not_offered},
        {post, "/api/attestations/query", Json#{body => <<"{}">>}, 400, request_invalid},
        {post, "/api/attestations/query", Json#{body => releases(301)}, 413, body_too_large},
        {post, "/api/attestations/query",
            Json#{body => <<"{\"releases\":[{\"package\":\"a\",\"version\":1}]}">>}, 400,
            request_invalid},
        {post, "/api/attestations/query",
            Json#{
                body =>
                    <<"{\"releases\":[{\"package\":\"a\",\"version\":\"1.0.0\",\"x\":1}]}">>
            },
            400, request_invalid},
        {post, "/api/attestations/query", Json#{body => releases(300)}, 404, checkpoint_missing}
    ].

refusals_test_() ->
    [
        {lists:flatten(io_lib:format("~s ~.60ts: ~b", [Method, iolist_to_binary(Target), Status])),
            fun() ->
                Response = handle(Method, Target, More),
                ?assertMatch({Status, _}, {maps:get(status, Response), Response}),
                #{<<"error">> := Error} = decode(Response),
                ?assertEqual(atom_to_binary(Code), maps:get(<<"code">>, Error)),
                ?assertMatch(#{<<"message">> := _, <<"remedy">> := _, <<"details">> := _}, Error),
                ?assertEqual(<<"application/json">>, header(<<"content-type">>, Response)),
                ?assertEqual(<<"no-store">>, header(<<"cache-control">>, Response))
            end}
     || {Method, Target, More, Status, Code} <- refusals()
    ].

allow_names_what_may_be_done_test() ->
    Allow = fun(Method, Target) -> header(<<"allow">>, handle(Method, Target, #{})) end,
    ?assertEqual(<<"GET, HEAD">>, Allow(post, "/log/vkey")),
    ?assertEqual(<<"POST">>, Allow(get, "/api/events")),
    ?assertEqual(
        <<"GET, HEAD, POST">>, Allow(put, "/api/packages/a/releases/1.0.0/attestations")
    ).

unauthorised_says_how_test() ->
    Json = #{headers => [{<<"content-type">>, <<"application/json; charset=utf-8">>}]},
    Response = handle(post, "/api/events", Json),
    ?assertEqual(<<"Bearer realm=\"provenance\"">>, header(<<"www-authenticate">>, Response)).

a_fault_of_ours_is_not_told_test() ->
    logger:set_module_level(hex_provenance_api, none),
    State = (state())#{authorise => fun(_, _) -> error({secret, "x"}) end},
    Request = request(post, "/api/events", #{
        headers => [{<<"content-type">>, <<"application/json">>}]
    }),
    #{status := 500, body := Body} = hex_provenance_api:handle(Request, State),
    logger:unset_module_level(hex_provenance_api),
    ?assertEqual(nomatch, binary:match(Body, <<"secret">>)).

storage_problems_are_not_told_test() ->
    Error = #{
        code => storage_failed,
        stage => storage,
        message => <<"/srv/secret.db: disk full">>,
        remedy => <<>>,
        details => #{path => <<"/srv/secret.db">>}
    },
    {error, Refusal} = hex_provenance_api_error:refuse(Error),
    #{status := 503, body := Body} = Response = hex_provenance_api_response:refusal(Refusal),
    ?assertEqual(nomatch, binary:match(Body, <<"secret">>)),
    ?assertEqual(<<"5">>, header(<<"retry-after">>, Response)).

%% -- Answers --

vkey_test() ->
    Response = handle(get, "/log/vkey", #{}),
    ?assertMatch(#{status := 200, body := <<"log.example+1+x\n">>}, Response),
    ?assertEqual(<<"text/plain; charset=utf-8">>, header(<<"content-type">>, Response)),
    ?assertEqual(<<"public, max-age=3600">>, header(<<"cache-control">>, Response)),
    ?assertEqual(<<"nosniff">>, header(<<"x-content-type-options">>, Response)).

head_has_no_body_but_its_length_test() ->
    Head = handle(head, "/log/vkey", #{}),
    ?assertMatch(#{status := 200, body := <<>>}, Head),
    ?assertEqual(<<"16">>, header(<<"content-length">>, Head)),
    ?assertEqual(header(<<"etag">>, handle(get, "/log/vkey", #{})), header(<<"etag">>, Head)).

not_modified_test_() ->
    Tag = header(<<"etag">>, handle(get, "/log/vkey", #{})),
    Ask = fun(Held) ->
        maps:get(
            status, handle(get, "/log/vkey", #{headers => [{<<"if-none-match">>, Held}]})
        )
    end,
    [
        ?_assertEqual(Status, Ask(Held))
     || {Held, Status} <- [
            {Tag, 304},
            {<<"\"x\" , ", Tag/binary>>, 304},
            {<<"W/", Tag/binary>>, 304},
            {<<"*">>, 304},
            {<<"\"x\"">>, 200},
            {<<>>, 200}
        ]
    ].

compression_test_() ->
    Body = binary:copy(<<"abcdefgh">>, 1000),
    Text = hex_provenance_api_response:bytes(200, 2, <<"application/json">>, Body),
    Ask = fun(Response, Accepts) ->
        Request = request(get, "/", #{headers => [{<<"accept-encoding">>, Accepts}]}),
        hex_provenance_api_response:finish(Response, Request)
    end,
    Plain = [<<>>, <<"br">>, <<"gzip;q=0">>, <<"gzip; q=0.000">>, <<"*">>, <<"xgzip">>],
    [
        [?_assertEqual(Body, maps:get(body, Ask(Text, Accepts))) || Accepts <- Plain],
        [
            fun() ->
                #{body := Zipped} = Response = Ask(Text, Accepts),
                ?assertEqual(Body, zlib:gunzip(Zipped)),
                ?assertEqual(<<"gzip">>, header(<<"content-encoding">>, Response)),
                ?assertEqual(<<"accept-encoding">>, header(<<"vary">>, Response)),
                ?assertNotEqual(
                    header(<<"etag">>, Ask(Text, <<>>)), header(<<"etag">>, Response)
                )
            end
         || Accepts <- [<<"gzip">>, <<"br, GZIP;q=0.5">>, <<"deflate,gzip">>]
        ],
        %% Hashes and short bodies stay as they are.
        ?_assertEqual(
            Body,
            maps:get(
                body,
                Ask(
                    hex_provenance_api_response:bytes(
                        200, immutable, <<"application/octet-stream">>, Body
                    ),
                    <<"gzip">>
                )
            )
        ),
        ?_assertEqual(
            undefined,
            header(
                <<"content-encoding">>,
                Ask(hex_provenance_api_response:bytes(200, 2, <<"a/b">>, <<"x">>), <<"gzip">>)
            )
        )
    ].

looking_up_a_package_test() ->
    #{status := 303} = Response = handle(get, "/?package=Phoenix", #{}),
    ?assertEqual(<<"/packages/phoenix">>, header(<<"location">>, Response)),
    ?assertMatch(#{status := 404}, handle(get, "/?package=%2F%2Fevil", #{})).

%% -- Tokens --

tokens_test_() ->
    Authorise = authorise(),
    Ask = fun(Action, Headers) -> Authorise(Action, #{headers => Headers}) end,
    [
        ?_assertEqual({ok, <<"admin">>}, Ask(record_events, [bearer(<<"all">>)])),
        ?_assertEqual(
            {ok, <<"admin">>}, Ask({attest, <<"b">>, <<"1.0.0">>}, [bearer(<<"all">>)])
        ),
        ?_assertEqual({ok, <<"ci">>}, Ask({attest, <<"a">>, <<"1.0.0">>}, [bearer(<<"a">>)])),
        ?_assertEqual({error, 403}, Ask({attest, <<"b">>, <<"1.0.0">>}, [bearer(<<"a">>)])),
        ?_assertEqual({error, 403}, Ask(record_events, [bearer(<<"a">>)])),
        [
            ?_assertEqual({error, 401}, Ask(record_events, Headers))
         || Headers <- [
                [],
                [bearer(<<>>)],
                [bearer(<<"other">>)],
                [{<<"authorization">>, <<"Basic YWxsOg==">>}],
                [{<<"authorization">>, <<"bearer">>}],
                [bearer(<<"all">>), bearer(<<"all">>)]
            ]
        ],
        fun() ->
            Token = hex_provenance_api_token:new(),
            ?assertEqual(64, byte_size(Token)),
            ?assertNotEqual(Token, hex_provenance_api_token:new())
        end
    ].

%% -- What the tests share --

state() ->
    #{
        %% A log without any checkpoint.
        reader => #{table => ets:new(empty, []), db => none},
        record => fun(Unsigned) -> {ok, [new || _ <- Unsigned]} end,
        statement => fun(_) ->
            {error, #{
                code => statement_invalid,
                stage => statement,
                message => <<"no event">>,
                remedy => <<"say what happened">>,
                details => #{}
            }}
        end,
        authorise => authorise(),
        purl => {<<"pkg:hex/">>, <<>>},
        registry => <<"example">>,
        vkey => <<"log.example+1+x">>
    }.

authorise() ->
    Hash = fun hex_provenance_api_token:hash/1,
    hex_provenance_api_token:authorise([
        #{hash => Hash(<<"all">>), name => <<"admin">>, may => [record_events, attest]},
        #{hash => Hash(<<"a">>), name => <<"ci">>, may => [attest], packages => [<<"a">>]}
    ]).

bearer(Token) -> {<<"authorization">>, <<"Bearer ", Token/binary>>}.

only_a(#{headers := Headers} = More) ->
    More#{headers := [bearer(<<"a">>) | Headers], body => <<"{}">>}.

many_events(Count) ->
    iolist_to_binary(["{\"events\":[", lists:join(",", lists:duplicate(Count, "{}")), "]}"]).

releases(Count) ->
    One = "{\"package\":\"a\",\"version\":\"1.0.0\"}",
    iolist_to_binary(["{\"releases\":[", lists:join(",", lists:duplicate(Count, One)), "]}"]).

deep(Depth) -> binary:copy(<<"[">>, Depth).

handle(Method, Target, More) ->
    hex_provenance_api:handle(request(Method, Target, More), state()).

request(Method, Target) -> request(Method, Target, #{}).

request(Method, Target, More) ->
    {Path, Query} =
        case binary:split(iolist_to_binary(Target), <<"?">>) of
            [One] -> {One, <<>>};
            [One, Rest] -> {One, Rest}
        end,
    Request = #{
        method => string:uppercase(atom_to_binary(Method)),
        path => Path,
        query => Query,
        headers => [],
        body => <<>>
    },
    maps:merge(Request, More).

decode(#{body := Body} = Response) ->
    Plain =
        case header(<<"content-encoding">>, Response) of
            <<"gzip">> -> zlib:gunzip(Body);
            undefined -> Body
        end,
    {ok, Json} = hex_provenance_nif:json_decode(Plain),
    Json.

header(Name, #{headers := Headers}) -> proplists:get_value(Name, Headers).
