%% @private
%% @doc Responses: bodies, caching, conditions, compression.
-module(hex_provenance_api_response).

-export([json/3, bytes/4, refusal/1, finish/2]).

-export_type([response/0, cache/0]).

-type response() :: #{
    status := 200..599,
    headers := [{binary(), binary()}],
    body := binary()
}.

-type cache() :: none | immutable | non_neg_integer().
%% Seconds.

%% Below that nothing is gained.
-define(LEAST_COMPRESSED, 1024).

-define(YEAR, 31536000).

%% @doc A JSON document.
-spec json(200..599, cache(), term()) -> response().
json(Status, Cache, Term) ->
    {ok, Json} = hex_provenance_nif:json_encode(Term),
    bytes(Status, Cache, <<"application/json">>, Json).

%% @doc Any bytes.
-spec bytes(200..599, cache(), binary(), iodata()) -> response().
bytes(Status, Cache, Type, Bytes) ->
    Headers = [
        {<<"content-type">>, Type},
        {<<"cache-control">>, cache_control(Cache)},
        {<<"x-content-type-options">>, <<"nosniff">>}
    ],
    #{status => Status, headers => Headers, body => iolist_to_binary(Bytes)}.

cache_control(none) ->
    <<"no-store">>;
cache_control(immutable) ->
    <<(cache_control(?YEAR))/binary, ", immutable">>;
cache_control(Seconds) ->
    <<"public, max-age=", (integer_to_binary(Seconds))/binary>>.

%% @doc A refusal, as every client reads it.
-spec refusal(hex_provenance_api_error:refusal()) -> response().
refusal(#{status := Status, headers := More} = Refusal) ->
    Error = maps:with([code, message, remedy, details], Refusal),
    #{headers := Headers} = Response = json(Status, none, #{error => Error}),
    Response#{headers := Headers ++ More ++ challenge(Status)}.

challenge(401) -> [{<<"www-authenticate">>, <<"Bearer realm=\"provenance\"">>}];
challenge(_) -> [].

%% @doc What the request's headers make of it: not modified, compressed, or without a body.
-spec finish(response(), hex_provenance_api_request:request()) -> response().
finish(Response, #{method := Method} = Request) ->
    without_body(Method, conditional(Request, tagged(compressed(Request, Response)))).

%% Hashes do not compress; entries and documents do.
compressed(Request, #{body := Body, headers := Headers} = Response) when
    byte_size(Body) >= ?LEAST_COMPRESSED
->
    case compresses(Headers) of
        false -> Response;
        true -> zip(accepts_gzip(Request), Response)
    end;
compressed(_, Response) ->
    Response.

compresses(Headers) ->
    not lists:member({<<"content-type">>, <<"application/octet-stream">>}, Headers).

zip(false, #{headers := Headers} = Response) ->
    Response#{headers := [{<<"vary">>, <<"accept-encoding">>} | Headers]};
zip(true, #{headers := Headers, body := Body} = Response) ->
    Encoded = [{<<"vary">>, <<"accept-encoding">>}, {<<"content-encoding">>, <<"gzip">>}],
    Response#{headers := Encoded ++ Headers, body := zlib:gzip(Body)}.

accepts_gzip(Request) ->
    case hex_provenance_api_request:header(<<"accept-encoding">>, Request) of
        Value when is_binary(Value) ->
            lists:any(fun is_gzip/1, binary:split(Value, <<",">>, [global]));
        _ ->
            false
    end.

is_gzip(Coding) ->
    [Name | Weight] = [string:trim(Part) || Part <- binary:split(Coding, <<";">>)],
    string:lowercase(Name) =:= <<"gzip">> andalso not lists:any(fun is_zero/1, Weight).

is_zero(Weight) -> re:run(Weight, "^q=0(\\.0*)?$", [{capture, none}]) =:= match.

%% The tag is of the bytes as they are sent, so each encoding has its own.
tagged(#{status := 200, headers := Headers, body := Body} = Response) ->
    case lists:member({<<"cache-control">>, cache_control(none)}, Headers) of
        true ->
            Response;
        false ->
            <<Short:16/binary, _/binary>> = crypto:hash(sha256, Body),
            Tag = <<"\"", (string:lowercase(binary:encode_hex(Short)))/binary, "\"">>,
            Response#{headers := [{<<"etag">>, Tag} | Headers]}
    end;
tagged(Response) ->
    Response.

conditional(Request, #{headers := Headers} = Response) ->
    Held = hex_provenance_api_request:header(<<"if-none-match">>, Request),
    case lists:keyfind(<<"etag">>, 1, Headers) of
        {_, Tag} when is_binary(Held) -> unless_held(is_held(Tag, Held), Response);
        _ -> Response
    end.

is_held(_, <<"*">>) ->
    true;
is_held(Tag, Held) ->
    Tags = [string:trim(One) || One <- binary:split(Held, <<",">>, [global])],
    lists:member(Tag, Tags) orelse lists:member(<<"W/", Tag/binary>>, Tags).

unless_held(false, Response) -> Response;
unless_held(true, Response) -> Response#{status := 304, body := <<>>}.

%% What HEAD would have got is told all the same.
without_body(<<"HEAD">>, #{headers := Headers, body := Body} = Response) ->
    Length = integer_to_binary(byte_size(Body)),
    Response#{headers := [{<<"content-length">>, Length} | Headers], body := <<>>};
without_body(_, Response) ->
    Response.
