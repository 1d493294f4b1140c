%% Hostile HTTP over a socket: the right status, no crash, bounded memory.
-module(hex_provenance_server_tests).

-include_lib("eunit/include/eunit.hrl").

-export([answer/1]).

-define(RANDOM, 2000).

server_test_() ->
    {setup, fun start/0, fun stop/1, fun(Server) ->
        Port = hex_provenance_server:port(Server),
        [
            {Name, {timeout, 120, fun() -> Test(Port) end}}
         || {Name, Test} <- [
                {"what arrives is what was sent", fun arrives/1},
                {"refused with a status", fun refused/1},
                {"a body over the limit is not read", fun large_body/1},
                {"a chunked body is not read", fun chunked_body/1},
                {"a slow body ends", fun slow_body/1},
                {"slow headers end", fun slow_headers/1},
                {"requests in a row", fun keep_alive/1},
                {"HEAD", fun head/1},
                {"random requests", fun random/1}
            ]
        ]
    end}.

start() ->
    {ok, Server} = hex_provenance_server:start_link(#{
        handler => {?MODULE, answer, []}, idle => 1, slowest => 64, body => 100_000
    }),
    Server.

stop(Server) ->
    unlink(Server),
    Monitor = monitor(process, Server),
    exit(Server, shutdown),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end.

%% Says what it was asked.
answer(#{method := <<"HEAD">>}) ->
    #{
        status => 200,
        headers => [{<<"content-type">>, <<"a/b">>}, {<<"content-length">>, <<"3">>}],
        body => <<>>
    };
answer(#{path := <<"/api", _/binary>>} = Request) ->
    State = #{
        reader => #{table => ets:new(empty, []), db => none},
        record => fun(_) -> error(unused) end,
        statement => fun(_) -> error(unused) end,
        authorise => fun(_, _) -> {error, 401} end,
        purl => {<<"pkg:hex/">>, <<>>},
        registry => <<"example">>,
        vkey => <<"log.example+1+x">>
    },
    hex_provenance_api:handle(Request, State);
answer(#{path := Path, query := Query, body := Body, headers := Headers}) ->
    Text = [Path, "|", Query, "|", Body, "|", proplists:get_value(<<"x">>, Headers, <<>>)],
    #{
        status => 200,
        headers => [{<<"content-type">>, <<"text/plain">>}],
        body => iolist_to_binary(Text)
    }.

arrives(Port) ->
    Ask = fun(Target, Headers, Body) ->
        {200, Answer} = ask(Port, request("POST", Target, Headers, Body)),
        Answer
    end,
    ?assertEqual(<<"/a%20b/c|x=1|body|y">>, Ask("/a%20b/c?x=1", ["X: y\r\n"], "body")),
    ?assertEqual(<<"/|||">>, Ask("/", [], "")),
    ?assertEqual(<<"/a||", 0, 255, "|">>, Ask("/a", [], <<0, 255>>)).

refused(Port) ->
    Long = binary:copy(<<"a">>, 20_000),
    [
        begin
            {Actual, _} = ask(Port, Request),
            ?assertMatch({_, true}, {{Actual, Request}, lists:member(Actual, Statuses)})
        end
     || {Request, Statuses} <- [
            {request("GET", "/api/nothing", [], ""), [404]},
            {request("GET", "/api/packages/%zz/head", [], ""), [400]},
            {request("GET", "/api/packages/%00/head", [], ""), [400]},
            {request("GET", "/api/log/entries?x=1", [], ""), [400]},
            {request("GET", "/api/log/entries?size=1&size=2", [], ""), [400]},
            {request("GET", ["/api/", Long], [], ""), [414]},
            {request("GET", "/api", [["x: ", Long, "\r\n"]], ""), [413, 431]},
            {request("GET", "/api", headers(100), ""), [431]},
            {request("GET", "/api", headers(9000), ""), [413, 431]},
            %% Newer servers ask the handler, which knows no such path.
            {request("OPTIONS", "/api", [], ""), [404, 405, 501]},
            {request("BREW", "/api", [], ""), [405, 501]},
            {request(binary:copy(<<"A">>, 1000), "/api", [], ""), [400, 413, 501]},
            {request("POST", "/api/events", ["content-type: application/json\r\n"], "{}"), [401]},
            {"GET /api HTTP/1.1\r\n\r\n", [400]},
            {"GET /api HTTP/9.9\r\nhost: a\r\n\r\n", [400, 404, 501, 505]},
            {"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", [400, 411]},
            {"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n", [400, 411]},
            {"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", [400]},
            {"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n", [413]}
        ]
    ],
    alive(Port).

headers(Count) -> [[integer_to_list(N), ": 1\r\n"] || N <- lists:seq(1, Count)].

large_body(Port) ->
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100001\r\n\r\n"),
    %% It answers before any of the body was sent.
    ?assertMatch({413, _}, answered(Socket)),
    alive(Port).

chunked_body(Port) ->
    [
        begin
            Socket = connect(Port),
            ok = gen_tcp:send(Socket, [
                "POST / HTTP/1.1\r\nhost: a\r\n", Name, ": chunked\r\n\r\nffffffff\r\n"
            ]),
            ?assertMatch({501, _}, answered(Socket))
        end
     || Name <- ["transfer-encoding", "Transfer-Encoding", "TRANSFER-ENCODING"]
    ],
    alive(Port).

%% A byte now and then keeps no connection.
slow_body(Port) ->
    Before = erlang:memory(total),
    Sockets = [
        begin
            Socket = connect(Port),
            ok = gen_tcp:send(Socket, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9999\r\n\r\n"),
            Socket
        end
     || _ <- lists:seq(1, 50)
    ],
    Ended = [trickle(Socket, 30) || Socket <- Sockets],
    ?assertEqual(lists:duplicate(50, closed), Ended),
    ?assert(erlang:memory(total) - Before < 64 bsl 20),
    alive(Port).

slow_headers(Port) ->
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, "GET / HTTP/1.1\r\nx: "),
    ?assertEqual(closed, trickle(Socket, 30)),
    alive(Port).

trickle(_, 0) ->
    open;
trickle(Socket, Times) ->
    case gen_tcp:send(Socket, "a") of
        ok ->
            case gen_tcp:recv(Socket, 0, 200) of
                {error, timeout} -> trickle(Socket, Times - 1);
                {error, closed} -> closed;
                {ok, _} -> trickle(Socket, Times - 1)
            end;
        {error, _} ->
            closed
    end.

keep_alive(Port) ->
    Socket = connect(Port),
    [
        begin
            ok = gen_tcp:send(Socket, request("GET", "/a", [], "")),
            ?assertMatch({200, <<"/a|||">>}, one_answer(Socket))
        end
     || _ <- lists:seq(1, 20)
    ],
    gen_tcp:close(Socket).

head(Port) ->
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, ["HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"]),
    Answer = all(Socket, <<>>),
    ?assertMatch(<<"HTTP/1.1 200", _/binary>>, Answer),
    ?assertNotEqual(nomatch, re:run(Answer, "Content-Length: 3\r\n")),
    ?assertMatch([_, <<>>], binary:split(Answer, <<"\r\n\r\n">>)).

%% HEX_PROVENANCE_REQUESTS of them; the same seed makes the same.
random(Port) ->
    Count =
        case os:getenv("HEX_PROVENANCE_REQUESTS") of
            false -> ?RANDOM;
            Text -> list_to_integer(Text)
        end,
    rand:seed(exsss, {1, 2, 3}),
    Before = erlang:memory(total),
    Processes = length(processes()),
    Statuses = [element(1, ask(Port, random_request())) || _ <- lists:seq(1, Count)],
    ?assertEqual([], [Bad || Bad <- Statuses, Bad =:= 500]),
    ?assert(length([1 || Status <- Statuses, is_integer(Status)]) > Count div 2),
    ?assert(erlang:memory(total) - Before < 64 bsl 20),
    timer:sleep(200),
    ?assert(length(processes()) - Processes < 100),
    alive(Port).

random_request() ->
    Methods = ["GET", "POST", "HEAD", "PUT", "DELETE", "TRACE", "x", ""],
    Versions = [" HTTP/1.1", " HTTP/1.0", "", " x"],
    Body = noise(30),
    Lengths = [
        [],
        ["content-length: ", integer_to_list(iolist_size(Body)), "\r\n"],
        "content-length: 5\r\n"
    ],
    [
        [pick(Methods), pick([" ", "  ", ""]), random_target(), pick(Versions), "\r\n"],
        "host: a\r\nconnection: close\r\n",
        [random_header() || _ <- lists:seq(1, rand:uniform(4) - 1)],
        [pick(Lengths), "\r\n", Body]
    ].

random_header() ->
    Names = ["x", "host", "accept-encoding", "content-type", "if-none-match", "", " "],
    [pick(Names), pick([":", ": ", ""]), noise(20), pick(["\r\n", "\n", ""])].

random_target() ->
    Words = [
        noise(5)
        | string:lexemes(
            "api log packages entries tile 0 000 head %41 % .. * attestations events proof "
            "inclusion releases 1.0.0 query",
            " "
        )
    ],
    Path = [["/", pick(Words)] || _ <- lists:seq(1, rand:uniform(6))],
    Names = ["size", "index", "after", "limit", "wait", "digest", noise(3)],
    Query = [
        [pick(["?", "&", ""]), pick(Names), pick(["=", ""]), pick(["0", "1", noise(4)])]
     || _ <- lists:seq(1, rand:uniform(3) - 1)
    ],
    [Path, Query].

pick(Choices) -> lists:nth(rand:uniform(length(Choices)), Choices).
noise(Most) -> rand:bytes(rand:uniform(Most)).

%% -- A client that sends anything --

request(Method, Target, Headers, Body) ->
    [
        [Method, " ", Target, " HTTP/1.1\r\nhost: a\r\n"],
        Headers,
        ["content-length: ", integer_to_list(iolist_size(Body)), "\r\n\r\n"],
        Body
    ].

connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    Socket.

ask(Port, Request) ->
    Socket = connect(Port),
    _ = gen_tcp:send(Socket, Request),
    _ = gen_tcp:shutdown(Socket, write),
    answered(Socket).

answered(Socket) ->
    Answer = all(Socket, <<>>),
    gen_tcp:close(Socket),
    parsed(Answer).

all(Socket, Read) ->
    case gen_tcp:recv(Socket, 0, 10_000) of
        {ok, More} -> all(Socket, <<Read/binary, More/binary>>);
        {error, _} -> Read
    end.

one_answer(Socket) ->
    {ok, Answer} = gen_tcp:recv(Socket, 0, 5000),
    case binary:split(Answer, <<"\r\n\r\n">>) of
        [_, <<>>] ->
            {ok, Body} = gen_tcp:recv(Socket, 0, 5000),
            parsed(<<Answer/binary, Body/binary>>);
        _ ->
            parsed(Answer)
    end.

parsed(<<"HTTP/1.", _, " ", Status:3/binary, _/binary>> = Answer) ->
    [_ | Body] = binary:split(Answer, <<"\r\n\r\n">>),
    {binary_to_integer(Status), iolist_to_binary(Body)};
parsed(Other) ->
    {none, Other}.

alive(Port) ->
    ?assertMatch({200, <<"/||", _/binary>>}, ask(Port, request("GET", "/", [], ""))).
