%% @doc The default HTTP client: OTP's httpc, in a profile of its own.
%%
%% The server's certificate is verified with the platform's authorities. Redirects are not followed,
%% cookies not kept. An answer is read piece by piece, and given up when it is larger than asked for
%% or takes too long. The proxies that the environment names are used, as for signing:
%% `HEX_HTTPS_PROXY', `HEX_HTTP_PROXY', else `HTTPS_PROXY', `HTTP_PROXY', `ALL_PROXY', and
%% `NO_PROXY'.
-module(hex_provenance_httpc).

-behaviour(hex_provenance_http).

-export([new/1, request/2, default_options/0]).

-export_type([options/0]).

-type options() :: #{
    timeout => pos_integer(),
    connect_timeout => pos_integer(),
    ca_files => [file:filename_all()],
    proxy => environment | direct | binary(),
    headers => [{binary(), binary()}]
}.
%% <ul>
%% <li>`timeout': milliseconds for a whole request. `connect_timeout' for its connection.</li>
%% <li>`ca_files': PEM files of authorities trusted besides the platform's, by default the one that
%%     `HEX_CACERTS_PATH' names.</li>
%% <li>`proxy': a proxy's URL (http), or none, or what the environment says.</li>
%% <li>`headers': sent with every request, such as an authorization. They are in no error.</li>
%% </ul>

%% How often (milliseconds) an answer that httpc collects itself is looked at: one that is no 200.
-define(LOOK_EVERY, 50).

-include_lib("public_key/include/public_key.hrl").

%% @doc A client with other options than the default ones.
-spec new(options()) -> hex_provenance_http:client().
new(Options) ->
    {?MODULE, Options}.

%% @doc What is used for options that are not given.
-spec default_options() -> options().
default_options() ->
    #{timeout => 30_000, connect_timeout => 10_000, proxy => environment, headers => []}.

%% @private
-spec request(options(), hex_provenance_http:request()) ->
    {ok, hex_provenance_http:response()} | {error, hex_provenance_error:error()}.
request(Given, #{url := Url} = Request) ->
    Options = maps:merge(default_options(), hex_provenance_network:options(Given)),
    case prepared(Options, Url) of
        {ok, Prepared} -> in_a_process(maps:merge(Request, Prepared));
        {error, Reason} -> {error, hex_provenance_http:failed(Url, 0, Reason)}
    end.

%% Messages of a request that was given up go to a process that is gone by then.
in_a_process(#{url := Url, timeout := Timeout} = Request) ->
    Alias = make_ref(),
    Caller = self(),
    {Pid, Monitor} = spawn_monitor(fun() -> Caller ! {Alias, run(Request)} end),
    receive
        {Alias, Answer} ->
            demonitor(Monitor, [flush]),
            Answer;
        {'DOWN', Monitor, process, Pid, _} ->
            {error, hex_provenance_http:failed(Url, 0, <<"the client failed">>)}
    after Timeout + 1000 ->
        exit(Pid, kill),
        demonitor(Monitor, [flush]),
        receive
            {Alias, _} -> ok
        after 0 -> ok
        end,
        {error, hex_provenance_http:failed(Url, 0, <<"it took too long">>)}
    end.

prepared(#{timeout := Timeout, connect_timeout := Connect} = Options, Url) ->
    case {uri_string:parse(Url), hex_provenance_network:proxy(Url, Options)} of
        {#{scheme := <<"http">>, host := _}, {ok, Proxy}} ->
            {ok, http_options([], Timeout, Connect, Proxy, Options)};
        {#{scheme := <<"https">>, host := Host}, {ok, Proxy}} ->
            case tls(Host, Options) of
                {ok, Tls} -> {ok, http_options([{ssl, Tls}], Timeout, Connect, Proxy, Options)};
                {error, _} = Error -> Error
            end;
        {#{}, {error, _} = Error} ->
            Error;
        _ ->
            {error, <<"its URL is neither http nor https">>}
    end.

http_options(Tls, Timeout, Connect, Proxy, #{headers := Headers}) ->
    Http = [{autoredirect, false}, {timeout, Timeout}, {connect_timeout, min(Connect, Timeout)}],
    #{
        timeout => Timeout,
        http => Http ++ Tls ++ proxy_auth(Proxy),
        proxy => Proxy,
        own_headers => Headers
    }.

proxy_auth(#{auth := {User, Password}}) -> [{proxy_auth, {User, Password}}];
proxy_auth(_) -> [].

%% TLS by the book: the chain up to a known authority, and the name.
tls(Host, Options) ->
    case authorities(maps:get(ca_files, Options, [])) of
        {ok, Authorities} ->
            Match = public_key:pkix_verify_hostname_match_fun(https),
            {ok, [
                {verify, verify_peer},
                {cacerts, Authorities},
                {depth, 8},
                %% What fails is told as an error.
                {log_level, none},
                {versions, ['tlsv1.3', 'tlsv1.2']},
                {customize_hostname_check, [{match_fun, Match}]}
                | [{server_name_indication, binary_to_list(Host)} || is_name(Host)]
            ]};
        {error, _} = Error ->
            Error
    end.

is_name(Host) ->
    element(1, inet:parse_address(binary_to_list(Host))) =:= error.

authorities(Files) ->
    case {platform(), more(Files, [])} of
        {_, {error, _} = Error} -> Error;
        {[], {ok, []}} -> {error, <<"this machine names no certificate authorities">>};
        {Platform, {ok, More}} -> {ok, Platform ++ More}
    end.

platform() ->
    try
        [Der || #cert{der = Der} <- public_key:cacerts_get()]
    catch
        error:_ -> []
    end.

more([], Found) ->
    {ok, Found};
more([File | Files], Found) ->
    case file:read_file(File) of
        {ok, Pem} ->
            Own = [Der || {'Certificate', Der, not_encrypted} <- public_key:pem_decode(Pem)],
            more(Files, Own ++ Found);
        {error, Reason} ->
            {error, io_lib:format("~ts: ~ts", [File, file:format_error(Reason)])}
    end.

run(#{url := Url, timeout := Timeout, http := Http, proxy := Proxy} = Request) ->
    Deadline = erlang:monotonic_time(millisecond) + Timeout,
    Options = [{sync, false}, {stream, {self, once}}, {body_format, binary}],
    Profile = profile(Proxy),
    try httpc:request(verb(Request), sent(Request), Http, Options, Profile) of
        {ok, Ref} ->
            collect(Request#{ref => Ref, profile => Profile}, Deadline, none, undefined, []);
        {error, Reason} -> failed(Url, Reason)
    catch
        %% What httpc cannot do with a URL, it may crash of.
        error:_ -> failed(Url, <<"it cannot be asked for">>)
    end.

verb(#{method := Method}) -> Method.

sent(#{method := get} = Request) ->
    {url(Request), headers(Request)};
sent(#{method := post, body := Body} = Request) ->
    Headers = headers(Request),
    {url(Request), Headers, proplists:get_value("content-type", Headers, ""), Body}.

url(#{url := Url}) -> unicode:characters_to_list(Url).

headers(#{headers := Headers, own_headers := Own}) ->
    Agent = {"user-agent", "hex_provenance/" ++ binary_to_list(hex_provenance:version())},
    [Agent | [{binary_to_list(Name), binary_to_list(Value)} || {Name, Value} <- Own ++ Headers]].

%% A profile for each proxy: to httpc that is an option of the profile. Its name is made from the
%% operator's settings, never from an input.
profile(direct) ->
    started(hex_provenance, []);
profile(#{host := Host, port := Port}) ->
    Name = "hex_provenance_" ++ Host ++ "_" ++ integer_to_list(Port),
    Proxy = {{Host, Port}, []},
    started(list_to_atom(Name), [{proxy, Proxy}, {https_proxy, Proxy}]).

started(Profile, Options) ->
    {ok, _} = application:ensure_all_started(inets),
    {ok, _} = application:ensure_all_started(ssl),
    case inets:start(httpc, [{profile, Profile}]) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end,
    ok = httpc:set_options([{cookies, disabled}, {max_sessions, 16} | Options], Profile),
    Profile.

%% Answers of status 200 come in pieces, each asked for; others come whole, so that meanwhile their
%% size is looked at.
collect(#{ref := Ref, url := Url, max_body := Most} = Request, Deadline, Handler, Headers, Parts) ->
    Wait = max(0, Deadline - erlang:monotonic_time(millisecond)),
    receive
        {http, {Ref, stream_start, Started, Pid}} ->
            ok = httpc:stream_next(Pid),
            collect(Request, Deadline, Pid, Started, Parts);
        {http, {Ref, stream, Part}} ->
            case Most - byte_size(Part) of
                Left when Left < 0 ->
                    give_up(Request, too_large(Request, Most, Parts, Part));
                Left ->
                    ok = httpc:stream_next(Handler),
                    Next = Request#{max_body := Left},
                    collect(Next, Deadline, Handler, Headers, [Part | Parts])
            end;
        {http, {Ref, stream_end, _}} ->
            answer(Request, 200, Headers, iolist_to_binary(lists:reverse(Parts)));
        {http, {Ref, {{_, _, _}, _, Body}}} when byte_size(Body) > Most ->
            {error, too_large(Request, Most, [], Body)};
        {http, {Ref, {{_, Status, _}, Answered, Body}}} ->
            answer(Request, Status, Answered, Body);
        {http, {Ref, {error, Reason}}} ->
            failed(Url, Reason)
    after min(Wait, ?LOOK_EVERY) ->
        case Wait =:= 0 of
            true ->
                give_up(Request, hex_provenance_http:failed(Url, 0, <<"it took too long">>));
            false ->
                look(Request, Deadline, Handler, Headers, Parts)
        end
    end.

look(#{max_body := Most} = Request, Deadline, none, Headers, Parts) ->
    {Received, Known} = received(Request),
    case Received > 2 * Most + (1 bsl 20) of
        true -> give_up(Request, too_large(Request, Most, Parts, <<>>));
        false -> collect(Known, Deadline, none, Headers, Parts)
    end;
look(Request, Deadline, Handler, Headers, Parts) ->
    collect(Request, Deadline, Handler, Headers, Parts).

%% How many bytes came on the request's connection since the first look, as far as it can be seen
%% from outside: the connections of httpc's own processes are. Within TLS they are not; there only
%% the time ends an answer that is no 200 and has no end.
received(#{connection := {Port, Before}} = Request) ->
    {received_by(Port) - Before, Request};
received(#{profile := Profile, ref := Ref} = Request) ->
    Handlers = proplists:get_value(handlers, httpc:info(Profile), []),
    Own = [
        Port
     || {Pid, Requests, _} <- Handlers,
        lists:member(Ref, Requests),
        {links, Links} <- [process_info(Pid, links)],
        Port <- Links,
        is_port(Port)
    ],
    case Own of
        [Port | _] -> {0, Request#{connection => {Port, received_by(Port)}}};
        [] -> {0, Request}
    end.

received_by(Port) ->
    case inet:getstat(Port, [recv_oct]) of
        {ok, [{recv_oct, Bytes}]} -> Bytes;
        {error, _} -> 0
    end.

give_up(#{ref := Ref, profile := Profile}, Error) ->
    ok = httpc:cancel_request(Ref, Profile),
    {error, Error}.

too_large(#{url := Url}, Left, Parts, Part) ->
    Before = iolist_size(Parts),
    Actual = Before + byte_size(Part),
    Details = #{what => <<"HTTP answer">>, limit => Before + Left, actual => Actual},
    Failed = hex_provenance_http:failed(Url, 0, <<"its answer is too large">>),
    Message = maps:get(message, Failed),
    hex_provenance_error:make(input_too_large, Message, Details).

answer(#{url := Url}, Status, Headers, Body) ->
    Answered = [
        {string:lowercase(list_to_binary(Name)), list_to_binary(Value)}
     || {Name, Value} <- Headers
    ],
    case proplists:get_value(<<"content-encoding">>, Answered, <<"identity">>) of
        <<"identity">> ->
            {ok, #{status => Status, headers => Answered, body => Body}};
        _ ->
            Reason = <<"its answer is encoded, which was not asked for">>,
            {error, hex_provenance_http:failed(Url, Status, Reason)}
    end.

%% Reasons are told by their kind: what httpc puts in them may hold headers.
failed(Url, Reason) ->
    {error, hex_provenance_http:failed(Url, 0, reason(Reason))}.

reason(Text) when is_binary(Text) -> Text;
reason(timeout) -> <<"it took too long">>;
reason(socket_closed_remotely) -> <<"the connection was closed before the answer was whole">>;
reason(Reason) ->
    case {alert(Reason), Reason} of
        {{Alert, Text}, _} ->
            io_lib:format("TLS: ~ts: ~ts", [Alert, one_line(Text)]);
        {none, {failed_connect, [_ | _] = Where}} ->
            case lists:last(Where) of
                {_, _, Posix} when is_atom(Posix) ->
                    io_lib:format("cannot connect: ~ts", [inet:format_error(Posix)]);
                _ ->
                    <<"cannot connect">>
            end;
        _ ->
            <<"the connection failed">>
    end.

%% The alert of TLS in a reason, wherever it stands there.
alert({tls_alert, {Alert, Text}}) when is_atom(Alert) -> {Alert, Text};
alert(Tuple) when is_tuple(Tuple) -> alert(tuple_to_list(Tuple));
alert([First | Rest]) ->
    case alert(First) of
        none -> alert(Rest);
        Found -> Found
    end;
alert(_) -> none.

one_line(Text) ->
    string:slice(re:replace(Text, "\\s+", " ", [global, unicode, {return, list}]), 0, 200).
