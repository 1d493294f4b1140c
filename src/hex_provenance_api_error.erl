%% @private
%% @doc What the HTTP API answers when it cannot do what was asked: a closed table of its own
%% refusals, and the status of every error of the library.
-module(hex_provenance_api_error).

-export([refusal/1, refusal/2, refuse/1, refuse/2, catalogue/0]).

-export_type([refusal/0, code/0]).

-type code() ::
    request_invalid
    | parameter_invalid
    | not_found
    | method_not_allowed
    | body_too_large
    | path_too_long
    | headers_too_large
    | media_type_unsupported
    | unauthorised
    | forbidden
    | redacted
    | checkpoint_missing
    | log_empty
    | too_busy
    | not_offered
    | release_conflict
    | publisher_missing
    | subject_mismatch
    | predicate_refused
    | unavailable
    | internal.

-type refusal() :: #{
    status := 400..599,
    code := atom(),
    message := binary(),
    remedy := binary(),
    details := hex_provenance_error:details(),
    headers := [{binary(), binary()}]
}.

%% @doc The refusal of that code.
-spec refusal(code()) -> refusal().
refusal(Code) -> refusal(Code, #{}).

%% @doc The refusal of that code, with its facts.
-spec refusal(code(), hex_provenance_error:details()) -> refusal().
refusal(Code, Details) ->
    {Code, Status, Message, Remedy} = lists:keyfind(Code, 1, catalogue()),
    #{
        status => Status,
        code => Code,
        message => Message,
        remedy => Remedy,
        details => Details,
        headers => []
    }.

%% @doc Every refusal: code, status, message, remedy.
-spec catalogue() -> [{code(), 400..599, binary(), binary()}].
catalogue() ->
    [
        {request_invalid, 400, <<"the request is not well-formed">>,
            <<"Correct the request; `details' says what was found.">>},
        {parameter_invalid, 400, <<"a query parameter is unknown, repeated or of a wrong form">>,
            <<"Correct the parameter that `details' names; each may stand once.">>},
        {unauthorised, 401, <<"who asks is not known">>,
            <<"Send a token: Authorization: Bearer TOKEN.">>},
        {forbidden, 403, <<"whoever asks may not do this">>,
            <<"Use a token that this may be done with.">>},
        {not_found, 404, <<"there is nothing at this address">>,
            <<"Check the address; guides/api.md lists all of them.">>},
        {checkpoint_missing, 404, <<"no checkpoint of this log covers that">>,
            <<"Take size and index from a checkpoint that this log published.">>},
        {log_empty, 404, <<"the log has published no checkpoint yet">>,
            <<"Come back when the first event has been recorded.">>},
        {method_not_allowed, 405, <<"this address does not know that method">>,
            <<"Use one of the methods in the Allow header.">>},
        {release_conflict, 409, <<"that version has been published with other bytes">>,
            <<"Sign the tarball that was uploaded; tarballs cannot be built a second time.">>},
        {publisher_missing, 403, <<"the package has no trusted publisher">>,
            <<"Have an owner of the package add one; an attestation counts only from there.">>},
        {subject_mismatch, 422, <<"the attestation names another release">>,
            <<"Sign with the purl of this very release as the subject's name.">>},
        {predicate_refused, 422, <<"attestations of that predicate are not taken here">>,
            <<"Hand in SLSA provenance v1.">>},
        {redacted, 410, <<"these bytes have been taken back; the log's entry stays">>,
            <<"Do not ask again; the log still proves that the entry was made.">>},
        {body_too_large, 413, <<"the body is over the limit">>,
            <<"Send less at once; `details' has the limit.">>},
        {path_too_long, 414, <<"the address is over the limit">>,
            <<"Shorten the address; `details' has the limit.">>},
        {media_type_unsupported, 415, <<"the body is not of a media type that is read here">>,
            <<"Send JSON: Content-Type: application/json.">>},
        {headers_too_large, 431, <<"there are too many headers">>,
            <<"Send fewer headers; `details' has the limit.">>},
        {internal, 500, <<"something went wrong here">>,
            <<"Try again; if it stays so, tell whoever runs this service.">>},
        {not_offered, 501, <<"this service does not do that">>,
            <<"Ask whoever runs this service.">>},
        {unavailable, 503, <<"the log cannot be read or written at the moment">>,
            <<"Try again later; nothing that was accepted is lost.">>},
        {too_busy, 503, <<"too many requests are waiting for the log to grow">>,
            <<"Ask without `wait', or later.">>}
    ].

%% @doc The answer that refuses: by a code of the table, or for an error of the library.
-spec refuse(code() | hex_provenance_error:error()) -> {error, refusal()}.
refuse(Code) when is_atom(Code) -> {error, refusal(Code)};
refuse(Error) -> {error, of_error(Error)}.

%% @doc As {@link refuse/1}, with the refusal's facts.
-spec refuse(code(), hex_provenance_error:details()) -> {error, refusal()}.
refuse(Code, Details) -> {error, refusal(Code, Details)}.

%% What is wrong with this machine is not told.
of_error(#{code := Code, stage := storage}) when Code =/= event_conflict ->
    retry_later(refusal(unavailable));
of_error(#{stage := system}) ->
    refusal(internal);
of_error(#{code := Code, stage := Stage, message := Message} = Error) ->
    #{remedy := Remedy, details := Details} = Error,
    #{
        status => status(Code, Stage),
        code => Code,
        message => Message,
        remedy => Remedy,
        details => Details,
        headers => []
    }.

retry_later(Refusal) -> Refusal#{headers => [{<<"retry-after">>, <<"5">>}]}.

status(malformed, _) -> 400;
status(input_too_large, _) -> 413;
status(event_conflict, _) -> 409;
status(_, policy) -> 403;
status(_, service) -> 503;
status(_, _) -> 422.
