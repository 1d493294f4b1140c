%% The default HTTP client against servers that do not behave.
-module(hex_provenance_httpc_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SECRET, <<"Bearer not-for-errors">>).

answered(Deed, Options, Most) ->
    #{url := Url} = Server = hex_provenance_test_proxy:start(fun(Request) ->
        case is_function(Deed) of
            true -> Deed(Request);
            false -> Deed
        end
    end),
    try
        get(list_to_binary(Url ++ "/path"), Options, Most)
    after
        hex_provenance_test_proxy:stop(Server)
    end.

get(Url, Options, Most) ->
    Headers = [{<<"authorization">>, ?SECRET}],
    Client = hex_provenance_httpc:new(maps:merge(#{timeout => 2000, headers => Headers}, Options)),
    Request = #{method => get, url => Url, headers => [], max_body => Most},
    Answer = hex_provenance_http:request(Client, Request),
    Shown = iolist_to_binary(io_lib:format("~p", [Answer])),
    ?assertEqual(nomatch, binary:match(Shown, <<"not-for-errors">>)),
    Answer.

an_answer_test() ->
    Deed = fun(#{method := <<"GET">>, headers := Headers}) ->
        ?assertEqual(?SECRET, proplists:get_value(<<"authorization">>, Headers)),
        {200, [{"X-Name", "value"}], "body"}
    end,
    {ok, #{status := 200, body := <<"body">>, headers := Headers}} = answered(Deed, #{}, 10),
    ?assertEqual(<<"value">>, proplists:get_value(<<"x-name">>, Headers)).

other_statuses_test_() ->
    [
        ?_assertMatch({ok, #{status := Status, body := <<"why">>}}, answered(Deed, #{}, 10))
     || Status <- [404, 410, 500, 503], Deed <- [{Status, [], "why"}]
    ].

a_body_is_sent_test() ->
    Deed = fun(#{method := <<"POST">>, body := Body, headers := Headers}) ->
        ?assertEqual(<<"application/json">>, proplists:get_value(<<"content-type">>, Headers)),
        {200, [], Body}
    end,
    #{url := Url} = Server = hex_provenance_test_proxy:start(Deed),
    Request = #{
        method => post,
        url => list_to_binary(Url),
        headers => [{<<"content-type">>, <<"application/json">>}],
        body => <<"{}">>,
        max_body => 10
    },
    Answer = hex_provenance_http:request(hex_provenance_http:default(), Request),
    hex_provenance_test_proxy:stop(Server),
    ?assertMatch({ok, #{status := 200, body := <<"{}">>}}, Answer).

too_large_test_() ->
    Large = binary:copy(<<"x">>, 100_000),
    Code = fun(Deed) ->
        {error, #{code := Code}} = answered(Deed, #{}, 50_000),
        Code
    end,
    [
        ?_assertMatch({ok, #{body := Large}}, answered({200, [], Large}, #{}, 100_000)),
        ?_assertEqual(input_too_large, Code({200, [], Large})),
        ?_assertEqual(input_too_large, Code({404, [], Large})),
        {timeout, 30, fun endless/0}
    ].

%% An answer without end is given up, whatever its status, while it is being read.
endless() ->
    [
        begin
            #{url := Url, pid := Pid} = endless_server(Status),
            {error, #{code := Code}} = get(list_to_binary(Url), #{timeout => 20_000}, 10_000),
            ?assertEqual(input_too_large, Code),
            exit(Pid, kill)
        end
     || Status <- ["200 OK", "404 Not Found"]
    ].

endless_server(Status) ->
    Parent = self(),
    Pid = spawn(fun() ->
        {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
        {ok, Port} = inet:port(Listener),
        Parent ! {self(), Port},
        {ok, Socket} = gen_tcp:accept(Listener),
        {ok, _} = gen_tcp:recv(Socket, 0),
        ok = gen_tcp:send(Socket, ["HTTP/1.1 ", Status, "\r\ntransfer-encoding: chunked\r\n\r\n"]),
        pour(Socket, ["10000\r\n", binary:copy(<<"x">>, 65536), "\r\n"])
    end),
    receive
        {Pid, Port} -> #{pid => Pid, url => "http://127.0.0.1:" ++ integer_to_list(Port)}
    end.

pour(Socket, Chunk) ->
    case gen_tcp:send(Socket, Chunk) of
        ok -> pour(Socket, Chunk);
        {error, _} -> ok
    end.

slow_test_() ->
    Reason = fun(Deed) ->
        {error, #{code := transport_failed, details := #{reason := Reason}}} =
            answered(Deed, #{timeout => 300}, 100),
        Reason
    end,
    [
        ?_assertEqual(<<"it took too long">>, Reason(stall)),
        ?_assertEqual(<<"it took too long">>, Reason({drip, {200, [], "a slow answer"}}))
    ].

cut_short_test_() ->
    [
        ?_assertMatch({error, #{code := transport_failed}}, answered(Deed, #{}, 100))
     || Deed <- [hang_up, {cut, {200, [], "an answer of which half is missing"}}]
    ].

encoded_test() ->
    Deed = {200, [{"content-encoding", "gzip"}], zlib:gzip("text")},
    ?assertMatch({error, #{code := transport_failed}}, answered(Deed, #{}, 100)).

nobody_there_test_() ->
    Reason = fun(Url) ->
        {error, #{code := transport_failed, details := #{reason := Reason}}} =
            get(Url, #{proxy => direct}, 10),
        Reason
    end,
    [
        ?_assertEqual(<<"cannot connect: connection refused">>, Reason(<<"http://127.0.0.1:1/">>)),
        ?_assertEqual(
            <<"its URL is neither http nor https">>, Reason(<<"file:///etc/passwd">>)
        ),
        ?_assertMatch(<<_/binary>>, Reason(<<"nonsense">>)),
        ?_assertMatch(<<_/binary>>, Reason(<<"http://">>))
    ].

no_user_in_an_error_test() ->
    {error, #{message := Message, details := #{url := Url}}} =
        get(<<"http://me:pass@127.0.0.1:1/x">>, #{proxy => direct}, 10),
    ?assertEqual(<<"http://127.0.0.1:1/x">>, Url),
    ?assertEqual(nomatch, binary:match(Message, <<"pass">>)).

redirects_test_() ->
    Within = fun
        (#{path := <<"/path">>}) -> {302, [{"location", "/there"}], ""};
        (#{path := <<"/there">>}) -> {200, [], "there"}
    end,
    Reason = fun(Deed) ->
        {error, #{code := transport_failed, details := #{reason := Reason}}} =
            answered(Deed, #{}, 10),
        Reason
    end,
    To = fun(Location) -> {307, [{"location", Location}], ""} end,
    [
        ?_assertMatch({ok, #{body := <<"there">>}}, answered(Within, #{}, 10)),
        ?_assertEqual(<<"too many redirects">>, Reason(To("/path"))),
        ?_assertEqual(<<"it redirects to another host">>, Reason(To("http://127.0.0.1:1/"))),
        ?_assertEqual(<<"it redirects to another host">>, Reason(To("https://127.0.0.1/"))),
        ?_assertEqual(<<"it redirects to another host">>, Reason(To("//example.com/"))),
        ?_assertMatch({ok, #{status := 302}}, answered({302, [], ""}, #{}, 10))
    ].

proxies_test_() ->
    Through = fun(#{path := Path}) -> {200, [], ["by proxy: ", Path]} end,
    {setup,
        fun() -> hex_provenance_test_proxy:start(Through) end,
        fun hex_provenance_test_proxy:stop/1,
        fun(#{url := Proxy}) ->
            Ask = fun(Options) -> get(<<"http://log.example/x">>, Options, 100) end,
            [
                ?_assertMatch(
                    {ok, #{body := <<"by proxy: http://log.example/x">>}},
                    Ask(#{proxy => list_to_binary(Proxy)})
                ),
                ?_assertMatch(
                    {ok, #{body := <<"by proxy: ", _/binary>>}},
                    with_environment([{"HTTP_PROXY", Proxy}], fun() -> Ask(#{}) end)
                ),
                ?_assertMatch(
                    {error, #{code := transport_failed}},
                    with_environment(
                        [{"HTTP_PROXY", Proxy}, {"NO_PROXY", "other, .example"}],
                        fun() -> Ask(#{timeout => 1000}) end
                    )
                ),
                ?_assertMatch(
                    {error, #{details := #{reason := <<"its proxy is no http URL">>}}},
                    Ask(#{proxy => <<"socks5://127.0.0.1:1">>})
                )
            ]
        end}.

with_environment(Pairs, Test) ->
    [os:putenv(Name, Value) || {Name, Value} <- Pairs],
    try
        Test()
    after
        [os:unsetenv(Name) || {Name, _} <- Pairs]
    end.

exemptions_test_() ->
    Proxy = fun(Url, Exempt) ->
        with_environment([{"NO_PROXY", Exempt}], fun() ->
            hex_provenance_network:proxy(Url, #{proxy => <<"http://u:p%20w@proxy:3128">>})
        end)
    end,
    Used = {ok, #{host => "proxy", port => 3128, auth => {"u", "p w"}}},
    [
        ?_assertEqual(Used, Proxy(<<"http://a.example/">>, "b.example")),
        ?_assertEqual(Used, Proxy(<<"http://xexample.com/">>, "example.com")),
        ?_assertEqual({ok, direct}, Proxy(<<"http://A.example.com/">>, "x, example.com")),
        ?_assertEqual({ok, direct}, Proxy(<<"http://a.example.com/">>, "*.example.com")),
        ?_assertEqual({ok, direct}, Proxy(<<"http://any/">>, "*")),
        ?_assertEqual({ok, direct}, Proxy(<<"http://10.1.2.3/">>, "10.0.0.0/8")),
        ?_assertEqual(Used, Proxy(<<"http://11.1.2.3/">>, "10.0.0.0/8")),
        ?_assertEqual({ok, direct}, Proxy(<<"http://[::1]/">>, "::1")),
        ?_assertEqual(Used, Proxy(<<"http://10.1.2.3/">>, "10.1.2.4,::/0"))
    ].

%% TLS: the platform's authorities and those given; the right name or none.
tls_test_() ->
    {timeout, 60,
        {setup, fun tls_server/0, fun tls_stopped/1, fun(#{port := Port, ca := Ca}) ->
            Url = fun(Host) ->
                iolist_to_binary(["https://", Host, ":", integer_to_list(Port), "/"])
            end,
            Reason = fun(Host, Options) ->
                {error, #{code := transport_failed, details := #{reason := Reason}}} =
                    get(Url(Host), Options#{proxy => direct}, 100),
                Reason
            end,
            Own = #{ca_files => [Ca]},
            [
                ?_assertMatch(
                    {ok, #{status := 200, body := <<"secure">>}},
                    get(Url("localhost"), Own#{proxy => direct}, 100)
                ),
                ?_assertMatch(<<"TLS: unknown_ca", _/binary>>, Reason("localhost", #{})),
                ?_assertMatch(<<"TLS: ", _/binary>>, Reason("127.0.0.1", Own)),
                ?_assertMatch(
                    <<"no/such/file: ", _/binary>>,
                    Reason("localhost", #{ca_files => ["no/such/file"]})
                )
            ]
        end}}.

tls_server() ->
    {ok, _} = application:ensure_all_started(ssl),
    %% Not every machine knows this name.
    ok = inet_db:add_host({127, 0, 0, 1}, ["localhost"]),
    Lookup = inet_db:res_option(lookup),
    ok = inet_db:set_lookup([file | Lookup -- [file]]),
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    Named = [{extensions, [name("localhost")]} | Key],
    #{server_config := Config, client_config := Client} = public_key:pkix_test_data(#{
        server_chain => #{root => Key, intermediates => [], peer => Named},
        client_chain => #{root => Key, intermediates => [], peer => Key}
    }),
    Ca = filename:join(os:getenv("TMPDIR", "/tmp"), "hex_provenance_ca_" ++ os:getpid() ++ ".pem"),
    Ders = proplists:get_value(cacerts, Client),
    Pem = public_key:pem_encode([{'Certificate', Der, not_encrypted} || Der <- Ders]),
    ok = file:write_file(Ca, Pem),
    {ok, Listener} = ssl:listen(0, [{active, false}, {log_level, none}, binary | Config]),
    {ok, {_, Port}} = ssl:sockname(Listener),
    Pid = spawn(fun() -> tls_accept(Listener) end),
    ok = ssl:controlling_process(Listener, Pid),
    #{port => Port, ca => Ca, pid => Pid, lookup => Lookup}.

name(Host) ->
    {'Extension', {2, 5, 29, 17}, false, [{dNSName, Host}]}.

tls_accept(Listener) ->
    {ok, Transport} = ssl:transport_accept(Listener),
    case ssl:handshake(Transport, 5000) of
        {ok, Socket} ->
            {ok, _} = ssl:recv(Socket, 0),
            ok = ssl:send(Socket, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure"),
            ssl:close(Socket);
        {error, _} ->
            ok
    end,
    tls_accept(Listener).

tls_stopped(#{pid := Pid, ca := Ca, lookup := Lookup}) ->
    exit(Pid, kill),
    ok = inet_db:set_lookup(Lookup),
    ok = inet_db:del_host({127, 0, 0, 1}),
    ok = file:delete(Ca).
