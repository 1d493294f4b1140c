%% @doc The attestation service's HTTP API as one function: a request goes in, a response comes out.
%%
%% There is no socket here. {@link hex_provenance_server} serves this function on OTP's own HTTP
%% server; `HexProvenance.Plug' mounts it in Phoenix. guides/api.md has every address.
%%
%% Whatever comes in, an answer comes out: what is refused as a JSON object `{"error": {"code",
%% "message", "remedy", "details"}}' with a fitting status.
-module(hex_provenance_api).

-export([handle/2, default_limits/0]).

-include_lib("kernel/include/logger.hrl").

-export_type([state/0, call/0, action/0, authorise/0, limits/0, request/0, response/0, answer/0]).

-type request() :: hex_provenance_api_request:request().
-type response() :: hex_provenance_api_response:response().

-type state() :: #{
    reader := hex_provenance_log_reader:reader(),
    record := fun(([map()]) -> {ok, [new | known]} | {error, hex_provenance_error:error()}),
    statement := fun((map()) -> {ok, map()} | {error, hex_provenance_error:error()}),
    authorise := authorise(),
    purl := {Before :: binary(), After :: binary()},
    registry := binary(),
    url => binary(),
    vkey := binary(),
    policy => binary(),
    trusted_root => binary(),
    publishing => hex_provenance_api_upload:options(),
    limits => limits()
}.
%% <ul>
%% <li>`reader': what the log holds.</li>
%% <li>`record', `statement': how events become durable, and how a decoded JSON event becomes an
%%     unsigned statement.</li>
%% <li>`authorise': who may write.</li>
%% <li>`purl': what stands around a package's name in its purl.</li>
%% <li>`registry': what a person calls this registry, such as `hex.pm'.</li>
%% <li>`url': where the service is reached, without a slash at its end.</li>
%% <li>`vkey', `policy', `trusted_root': handed out for convenience.</li>
%% <li>`publishing': which publishers' attestations are taken; without it none are.</li>
%% </ul>

-type action() :: record_events | {attest, Package :: binary(), Version :: binary()}.

-type authorise() :: fun((action(), request()) -> {ok, Principal :: term()} | {error, 401 | 403}).
%% Who asks is not known (401), or may not do that (403).

-type limits() :: #{
    body => pos_integer(),
    path => pos_integer(),
    query => pos_integer(),
    headers => pos_integer()
}.
%% Bytes of a body, a path and a query; how many headers.

-type call() :: #{
    bindings := #{atom() => term()},
    parameters := #{binary() => term()},
    request := request()
}.

-type answer() :: {ok, response()} | {error, hex_provenance_api_error:refusal()}.

%% @doc Answers one request. It does not raise.
-spec handle(request(), state()) -> response().
handle(Request, State) ->
    Response =
        try respond(Request, State) of
            {ok, Answer} -> Answer;
            {error, Refusal} -> hex_provenance_api_response:refusal(Refusal)
        catch
            %% A process of the service is just being started again.
            exit:{_, {gen_server, call, _}} ->
                Refusal = hex_provenance_api_error:refusal(unavailable),
                hex_provenance_api_response:refusal(Refusal);
            Class:Reason:Stack ->
                ?LOG_ERROR("hex_provenance_api: ~p:~p ~p", [Class, Reason, Stack]),
                Refusal = hex_provenance_api_error:refusal(internal),
                hex_provenance_api_response:refusal(Refusal)
        end,
    hex_provenance_api_response:finish(Response, Request).

%% @doc What is accepted by default.
-spec default_limits() -> limits().
default_limits() ->
    #{body => 1 bsl 20, path => 1024, query => 1024, headers => 64}.

respond(Request, State) ->
    case check_size(Request, maps:merge(default_limits(), maps:get(limits, State, #{}))) of
        ok -> route(Request, State);
        {error, _} = Error -> Error
    end.

%% Whoever carries requests here does not read on past the limit.
check_size(#{body := too_large}, #{body := Limit}) ->
    hex_provenance_api_error:refuse(body_too_large, #{limit => Limit});
check_size(Request, Limits) ->
    #{path := Path, query := Query, headers := Headers, body := Body} = Request,
    Sizes = [
        {path_too_long, byte_size(Path), maps:get(path, Limits)},
        {path_too_long, byte_size(Query), maps:get(query, Limits)},
        {headers_too_large, length(Headers), maps:get(headers, Limits)},
        {body_too_large, byte_size(Body), maps:get(body, Limits)}
    ],
    case [{Code, Actual, Limit} || {Code, Actual, Limit} <- Sizes, Actual > Limit] of
        [] ->
            ok;
        [{Code, Actual, Limit} | _] ->
            hex_provenance_api_error:refuse(Code, #{limit => Limit, actual => Actual})
    end.

route(#{method := Method, path := Path} = Request, State) ->
    case hex_provenance_api_request:segments(Path) of
        {ok, Segments} ->
            case hex_provenance_api_route:find(method(Method), Segments) of
                {ok, Route, Bindings} -> enter(Route, Bindings, Request, State);
                {error, _} = Error -> Error
            end;
        error ->
            hex_provenance_api_error:refuse(request_invalid, #{at => <<"path">>})
    end.

method(<<"HEAD">>) -> <<"GET">>;
method(Method) -> Method.

enter(#{parameters := Known, call := Call} = Route, Bindings, #{query := Query} = Request, State) ->
    case hex_provenance_api_request:parameters(Query, Known) of
        {ok, Parameters} ->
            case accepts_body(Route, Request) of
                ok ->
                    Call(
                        #{bindings => Bindings, parameters => Parameters, request => Request}, State
                    );
                {error, _} = Error ->
                    Error
            end;
        {error, Name} ->
            hex_provenance_api_error:refuse(parameter_invalid, #{parameter => Name})
    end.

accepts_body(#{media_types := Types}, Request) ->
    Type = hex_provenance_api_request:media_type(Request),
    case lists:member(Type, Types) of
        true -> ok;
        false -> hex_provenance_api_error:refuse(media_type_unsupported, #{accepted => hd(Types)})
    end;
accepts_body(_, #{body := <<>>}) ->
    ok;
accepts_body(_, _) ->
    hex_provenance_api_error:refuse(request_invalid, #{at => <<"body">>}).
