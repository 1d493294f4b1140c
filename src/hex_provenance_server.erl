%% @doc {@link hex_provenance_api} on OTP's own HTTP server.
%%
%% Everything is limited: how much of a request is read before it is refused, how slowly it may
%% come, and how many clients are served at once. Bodies must say how long they are: OTP's server
%% would read a chunk of any length before it looked at a limit, so chunked bodies get 501. What is
%% no HTTP, or over a limit, is refused by OTP's server itself, with a page of its own as the body.
%%
%% It speaks HTTP; for HTTPS put a proxy in front of it.
-module(hex_provenance_server).

-export([child_spec/1, start_link/1, port/1, default_options/0]).
%% Called by inets.
-export([do/1, request_header/1, response_header/1, response_default_headers/0]).

-export_type([options/0]).

-include_lib("inets/include/httpd.hrl").

%% Milliseconds.
-define(SEND_TIMEOUT, 30000).

-type options() :: #{
    handler := {module(), atom(), [term()]},
    port => inet:port_number(),
    address => inet:ip_address() | any,
    body => pos_integer(),
    headers => pos_integer(),
    path => pos_integer(),
    clients => pos_integer(),
    idle => pos_integer(),
    slowest => pos_integer()
}.
%% <ul>
%% <li>`handler': what is called with each request after its arguments, and answers a
%%     response.</li>
%% <li>`port': by default any that is free; `address': by default the loopback interface.</li>
%% <li>`body', `headers', `path': bytes of a body, of all headers and of an address with its
%%     query.</li>
%% <li>`clients': connections at once.</li>
%% <li>`idle': seconds that a request's headers may take, and that a connection may be idle.</li>
%% <li>`slowest': bytes that a client has to send in each second, idle clients included.</li>
%% </ul>

%% @doc What is used for options that are not given.
-spec default_options() -> options().
default_options() ->
    #{
        handler => {hex_provenance_service, handle, [hex_provenance_service]},
        port => 0,
        address => {127, 0, 0, 1},
        body => 1 bsl 20,
        headers => 16 bsl 10,
        path => 2 bsl 10,
        clients => 256,
        idle => 10,
        slowest => 64
    }.

%% @doc For a supervisor.
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{id => ?MODULE, start => {?MODULE, start_link, [Options]}, type => supervisor}.

%% @doc Starts a server, linked to the caller.
-spec start_link(options()) -> {ok, pid()} | {error, term()}.
start_link(Given) ->
    Options = maps:merge(default_options(), Given),
    inets:start(httpd, configuration(Options), stand_alone).

configuration(Options) ->
    #{handler := Handler, port := Port, address := Address, clients := Clients} = Options,
    #{body := Body, headers := Headers, path := Path, idle := Idle, slowest := Slowest} = Options,
    [
        {port, Port},
        {bind_address, Address},
        {server_name, "hex_provenance"},
        {server_tokens, none},
        {server_root, "."},
        {document_root, "."},
        {modules, [?MODULE]},
        {customize, ?MODULE},
        {max_clients, Clients},
        {max_body_size, Body},
        {max_content_length, 16#ffffffff},
        {max_header_size, Headers},
        {max_uri_size, Path},
        {keep_alive_timeout, Idle},
        {minimum_bytes_per_second, Slowest},
        {hex_provenance_handler, Handler}
        | [{ipfamily, inet6} || is_tuple(Address), tuple_size(Address) =:= 8]
    ].

%% @doc The port that a server listens on.
-spec port(pid()) -> inet:port_number().
port(Server) ->
    [Port] = [
        Port
     || {{httpd_instance_sup, _, Port, _}, _, _, _} <- supervisor:which_children(Server)
    ],
    Port.

%% @private
-spec do(#mod{}) -> {proceed, [{response, {response, [{term(), term()}], binary()}}]}.
do(#mod{config_db = Config, socket = Socket} = Mod) ->
    %% A client that does not read must not hold a process for ever.
    _ = inet:setopts(Socket, [{send_timeout, ?SEND_TIMEOUT}, {send_timeout_close, true}]),
    {Module, Function, Arguments} = httpd_util:lookup(Config, hex_provenance_handler),
    #{status := Status, headers := Headers, body := Body} =
        apply(Module, Function, Arguments ++ [request(Mod)]),
    Head = [{code, Status} | with_length(Headers, Body)],
    {proceed, [{response, {response, Head, Body}}]}.

request(#mod{method = Method, request_uri = Uri, parsed_header = Headers} = Mod) ->
    {Path, Query} = split(unicode:characters_to_binary(Uri)),
    #{
        method => list_to_binary(Method),
        path => Path,
        query => Query,
        headers => [{list_to_binary(Name), list_to_binary(Value)} || {Name, Value} <- Headers],
        body => iolist_to_binary(Mod#mod.entity_body),
        peer => peer(Mod#mod.init_data)
    }.

split(Uri) ->
    case binary:split(Uri, <<"?">>) of
        [Path, Query] -> {Path, Query};
        [Path] -> {Path, <<>>}
    end.

peer(#init_data{peername = {_, Address}}) -> unicode:characters_to_binary(Address).

with_length(Headers, Body) ->
    Texts = [{binary_to_list(Name), binary_to_list(Value)} || {Name, Value} <- Headers],
    case lists:keymember("content-length", 1, Texts) of
        true -> Texts;
        false -> [{"content-length", integer_to_list(byte_size(Body))} | Texts]
    end.

%% @private
%% @doc Called for each header before any of the body is read. A coding that OTP's server does not
%% know it refuses at once.
-spec request_header({string(), string()}) -> {true, {string(), string()}}.
request_header({"transfer-encoding", _}) -> {true, {"transfer-encoding", "refused"}};
request_header(Header) -> {true, Header}.

%% @private
-spec response_header({string(), string()}) -> {true, {string(), string()}}.
response_header(Header) -> {true, Header}.

%% @private
-spec response_default_headers() -> [{string(), string()}].
response_default_headers() -> [].
