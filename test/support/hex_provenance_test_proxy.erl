%% @doc An HTTP proxy for tests: what it answers, or how it fails to, is for a fun to say.
-module(hex_provenance_test_proxy).

-export([start/1, stop/1, forward/2]).

-type request() :: #{
    method := binary(),
    path := binary(),
    headers := [{binary(), binary()}],
    body := binary()
}.
-type answer() :: {Status :: integer(), Headers :: [{iodata(), iodata()}], Body :: iodata()}.
%% Beyond answers: `hang_up' closes without one, `{cut, Answer}' in the middle of its body, `stall'
%% never answers, `{drip, Answer}' sends a byte at a time.
-type deed() :: answer() | hang_up | stall | {cut, answer()} | {drip, answer()}.

-export_type([request/0, answer/0, deed/0]).

%% @doc Serves at a port of its own; `Deed' is called for each request, in a process of its own.
-spec start(fun((request()) -> deed())) -> #{url := string(), pid := pid()}.
start(Deed) ->
    Parent = self(),
    Pid = spawn_link(fun() ->
        Options = [binary, {active, false}, {ip, {127, 0, 0, 1}}, {backlog, 128}],
        {ok, Listener} = gen_tcp:listen(0, Options),
        {ok, Port} = inet:port(Listener),
        Parent ! {self(), Port},
        accept(Listener, Deed)
    end),
    receive
        {Pid, Port} -> #{url => "http://127.0.0.1:" ++ integer_to_list(Port), pid => Pid}
    end.

-spec stop(#{pid := pid(), _ => _}) -> ok.
stop(#{pid := Pid}) ->
    unlink(Pid),
    exit(Pid, kill),
    ok.

%% @doc What the service at `Base' answers.
-spec forward(string(), request()) -> answer().
forward(Base, #{method := Method, path := Path, headers := Headers, body := Body}) ->
    Url = Base ++ binary_to_list(Path),
    Own = [<<"host">>, <<"content-length">>, <<"connection">>],
    Sent = [
        {binary_to_list(Name), binary_to_list(Value)}
     || {Name, Value} <- Headers, not lists:member(Name, Own)
    ],
    Kept = [{"connection", "close"} | Sent],
    Type = proplists:get_value("content-type", Kept, ""),
    Request =
        case Method of
            <<"POST">> -> {Url, Kept, Type, Body};
            <<"GET">> -> {Url, Kept}
        end,
    Verb = list_to_existing_atom(string:lowercase(binary_to_list(Method))),
    {ok, {{_, Status, _}, Answered, Answer}} =
        httpc:request(Verb, Request, [], [{body_format, binary}]),
    Told = ["content-type", "location"],
    {Status, [{Name, Value} || {Name, Value} <- Answered, lists:member(Name, Told)], Answer}.

accept(Listener, Deed) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Pid = spawn_link(fun() ->
                receive
                    go -> serve(Socket, Deed)
                end
            end),
            ok = gen_tcp:controlling_process(Socket, Pid),
            Pid ! go,
            accept(Listener, Deed);
        {error, closed} ->
            ok
    end.

serve(Socket, Deed) ->
    case request(Socket) of
        {ok, Request} ->
            perform(Socket, Deed(Request)),
            gen_tcp:close(Socket);
        closed ->
            ok
    end.

request(Socket) ->
    ok = inet:setopts(Socket, [{packet, http_bin}]),
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_request, Method, Target, _}} ->
            Headers = headers(Socket, []),
            ok = inet:setopts(Socket, [{packet, raw}]),
            Length = proplists:get_value(<<"content-length">>, Headers, <<"0">>),
            Body = body(Socket, binary_to_integer(Length)),
            {ok, #{method => text(Method), path => path(Target), headers => Headers, body => Body}};
        _ ->
            closed
    end.

path({abs_path, Path}) -> Path;
path({absoluteURI, http, Host, _, Path}) -> <<"http://", Host/binary, Path/binary>>.

headers(Socket, Headers) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_header, _, Name, _, Value}} ->
            headers(Socket, [{string:lowercase(text(Name)), Value} | Headers]);
        {ok, http_eoh} ->
            Headers
    end.

text(Known) when is_atom(Known) -> atom_to_binary(Known);
text(Name) -> Name.

body(_, 0) ->
    <<>>;
body(Socket, Length) ->
    {ok, Body} = gen_tcp:recv(Socket, Length),
    Body.

perform(_, hang_up) ->
    ok;
perform(Socket, stall) ->
    gen_tcp:recv(Socket, 0);
perform(Socket, {cut, Answer}) ->
    Bytes = iolist_to_binary(render(Answer)),
    gen_tcp:send(Socket, binary:part(Bytes, 0, byte_size(Bytes) - 10));
perform(Socket, {drip, Answer}) ->
    drip(Socket, iolist_to_binary(render(Answer)));
perform(Socket, Answer) ->
    gen_tcp:send(Socket, render(Answer)).

drip(Socket, <<Byte, Rest/binary>>) ->
    case gen_tcp:send(Socket, <<Byte>>) of
        ok ->
            timer:sleep(50),
            drip(Socket, Rest);
        {error, _} ->
            ok
    end;
drip(_, <<>>) ->
    ok.

render({Status, Headers, Body}) ->
    Lines = [[Name, ": ", Value, "\r\n"] || {Name, Value} <- Headers],
    Length = integer_to_binary(iolist_size(Body)),
    First = ["HTTP/1.1 ", integer_to_binary(Status), " X\r\n"],
    [First, Lines, "connection: close\r\ncontent-length: ", Length, "\r\n\r\n", Body].
