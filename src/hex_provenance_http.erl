%% @doc How this library asks services over HTTP: a behaviour, so that a host's own client can be
%% used. A client is `{Module, Config}'; by default it is {@link hex_provenance_httpc}.
%%
%% A client makes one request, verifies the server's certificate, follows no redirect, and reads no
%% more than `max_body' bytes of the answer, whatever its status.
-module(hex_provenance_http).

-export([request/2, default/0, failed/3]).

-export_type([client/0, request/0, response/0]).

-type client() :: {module(), Config :: term()}.

-type request() :: #{
    method := get | post,
    url := binary(),
    headers := [{binary(), binary()}],
    body => binary(),
    max_body := pos_integer()
}.

-type response() :: #{status := 100..599, headers := [{binary(), binary()}], body := binary()}.
%% Names of headers are in lower case.

-type result() :: {ok, response()} | {error, hex_provenance_error:error()}.

-callback request(Config :: term(), request()) -> result().

-define(MOST_REDIRECTS, 3).

%% @doc The client that is used when none is given.
-spec default() -> client().
default() ->
    {hex_provenance_httpc, #{}}.

%% @doc Makes a request. Redirects are followed within the same origin only: what was asked of one
%% host is never asked of another.
-spec request(client(), request()) -> result().
request(Client, Request) ->
    request(Client, Request, ?MOST_REDIRECTS).

request({Module, Config} = Client, #{url := Url} = Request, Redirects) ->
    case Module:request(Config, Request) of
        {ok, #{status := Status, headers := Headers}} = Answer when
            Status =:= 301; Status =:= 302; Status =:= 307; Status =:= 308
        ->
            case proplists:get_value(<<"location">>, Headers) of
                undefined -> Answer;
                _ when Redirects =:= 0 -> {error, failed(Url, Status, <<"too many redirects">>)};
                Location -> redirected(Client, Request, Status, Location, Redirects - 1)
            end;
        Answer ->
            Answer
    end.

redirected(Client, #{url := Url} = Request, Status, Location, Redirects) ->
    case uri_string:resolve(Location, Url) of
        Next when is_binary(Next) ->
            case origin(Next) =:= origin(Url) andalso origin(Url) =/= error of
                true -> request(Client, Request#{url := Next}, Redirects);
                false -> {error, failed(Url, Status, <<"it redirects to another host">>)}
            end;
        _ ->
            {error, failed(Url, Status, <<"it redirects to what is no URL">>)}
    end.

origin(Url) ->
    case uri_string:parse(Url) of
        #{scheme := Scheme, host := Host} = Uri ->
            {string:lowercase(Scheme), string:lowercase(Host), maps:get(port, Uri, undefined)};
        _ ->
            error
    end.

%% @private
%% @doc That something did not work: with the URL, but never what may be secret in it.
-spec failed(binary(), non_neg_integer(), unicode:chardata()) -> hex_provenance_error:error().
failed(Url, Status, Reason) ->
    Shown = without_user(Url),
    Text = unicode:characters_to_binary(Reason),
    Message = io_lib:format("~ts failed (status ~b): ~ts", [Shown, Status, Text]),
    Details = #{url => Shown, status => Status, reason => Text},
    hex_provenance_error:make(transport_failed, Message, Details).

without_user(Url) ->
    case uri_string:parse(Url) of
        #{userinfo := _} = Uri -> uri_string:recompose(maps:remove(userinfo, Uri));
        #{} -> Url;
        _ -> <<"(no URL)">>
    end.
