%% @private
%% @doc Requests to a log's service, and what of its answers is believed before they are verified:
%% nothing but their size.
-module(hex_provenance_log_request).

-export([of_asked/1, send/3, get/3, stuck/1, of_other_releases/0]).

-define(MOST_ANSWER, 64 bsl 20).
-define(MOST_RELEASES, 300).

-type request() :: #{
    path := iodata(), releases => [{binary(), binary(), binary() | undefined}]
}.

%% @doc The request, and the purl of the package that it is about.
-spec of_asked(hex_provenance_log:asked()) ->
    {ok, request(), binary() | undefined} | {error, hex_provenance_error:error()}.
of_asked({package, Package}) ->
    about(Package, fun(Name) -> ["/api/packages/", Name, "/attestations?limit=100"] end);
of_asked({release, Package, Version}) when is_binary(Version) ->
    about(Package, fun(Name) ->
        ["/api/packages/", Name, "/releases/", quoted(Version), "/attestations"]
    end);
of_asked({digest, <<_:256>> = Digest}) ->
    Hex = hex(Digest),
    {ok, #{path => ["/api/attestations?digest=sha256:", Hex]}, undefined};
of_asked({releases, Releases}) when is_list(Releases), length(Releases) =< ?MOST_RELEASES ->
    Known = [known(Release) || Release <- Releases],
    case lists:member(error, Known) of
        true -> invalid("releases: a package's name, a version, and a SHA-256 or undefined each");
        false -> {ok, #{path => "/api/attestations/query", releases => Known}, undefined}
    end;
of_asked(_) ->
    invalid("{package, Name}, {release, Name, Version}, {digest, Sha256} or {releases, List}").

about(Package, Path) ->
    case name(Package) of
        {ok, Name} -> {ok, #{path => Path(Name)}, <<"pkg:hex/", Name/binary>>};
        error -> invalid("a package's name, or the purl of one in the public repository")
    end.

known({Package, Version, Digest}) when is_binary(Version) ->
    case {name(Package), Digest} of
        {{ok, Name}, <<_:256>>} -> {<<"pkg:hex/", Name/binary>>, Version, Digest};
        {{ok, Name}, undefined} -> {<<"pkg:hex/", Name/binary>>, Version, undefined};
        _ -> error
    end;
known(_) ->
    error.

name(<<"pkg:hex/", Name/binary>>) -> name(Name);
name(Name) when is_binary(Name) ->
    case re:run(Name, "^[a-z0-9_]{1,128}$", [{capture, none}, dollar_endonly]) of
        match -> {ok, Name};
        nomatch -> error
    end;
name(_) -> error.

quoted(Text) -> uri_string:quote(Text).

hex(Digest) -> string:lowercase(binary:encode_hex(Digest)).

invalid(Expected) ->
    Message = ["asked must be ", Expected],
    Details = #{option => <<"asked">>, expected => unicode:characters_to_binary(Expected)},
    {error, hex_provenance_error:make(option_invalid, Message, Details)}.

%% @doc The body of the answer. Later pages begin behind the index of the last one, in the log of
%% the same size.
-spec send(hex_provenance_log:service(), request(), undefined | {Index, Size}) ->
    {ok, binary()} | {error, hex_provenance_error:error()}
when
    Index :: non_neg_integer(), Size :: non_neg_integer().
send(Service, #{releases := Releases, path := Path}, _) ->
    Query = #{releases => [release(Release) || Release <- Releases]},
    {ok, Json} = hex_provenance_nif:json_encode(Query),
    Headers = [{<<"content-type">>, <<"application/json">>}],
    body(request(Service, Path, #{method => post, headers => Headers, body => Json}));
send(Service, #{path := Path}, undefined) ->
    body(request(Service, Path, #{}));
send(Service, #{path := Path}, {Index, Size}) ->
    More = io_lib:format("~safter=~b&size=~b", [separator(Path), Index, Size]),
    body(request(Service, [Path, More], #{})).

separator(Path) ->
    case string:find(Path, "?") of
        nomatch -> "?";
        _ -> "&"
    end.

release({<<"pkg:hex/", Name/binary>>, Version, undefined}) ->
    #{package => Name, version => Version};
release({Package, Version, Digest}) ->
    (release({Package, Version, undefined}))#{digest => <<"sha256:", (hex(Digest))/binary>>}.

body({ok, #{status := 200, body := Body}, _}) ->
    {ok, Body};
body({ok, #{status := Status}, Url}) ->
    {error, hex_provenance_http:failed(Url, Status, <<"another status than 200">>)};
body({error, _} = Error) ->
    Error.

%% @doc What the service answers at that path, whatever its status; at most `Limit' bytes.
-spec get(hex_provenance_log:service(), iodata(), pos_integer()) ->
    {ok, hex_provenance_http:response(), Url :: binary()}
    | {error, hex_provenance_error:error()}.
get(Service, Path, Limit) ->
    request(Service, Path, #{max_body => Limit}).

request(#{url := Base} = Service, Path, Request) when is_binary(Base) ->
    Url = iolist_to_binary([string:trim(Base, trailing, "/"), Path]),
    Client = maps:get(http, Service, hex_provenance_http:default()),
    Usual = #{method => get, url => Url, headers => [], max_body => ?MOST_ANSWER},
    case hex_provenance_http:request(Client, maps:merge(Usual, Request)) of
        {ok, Response} -> {ok, Response, Url};
        {error, _} = Error -> Error
    end;
request(_, _, _) ->
    Message = "service must be a map with the service's url in a binary",
    Details = #{option => <<"service">>, expected => <<"a map with the service's url">>},
    {error, hex_provenance_error:make(option_invalid, Message, Details)}.

%% @doc A service whose pages lead nowhere.
-spec stuck(hex_provenance_log:service()) -> hex_provenance_error:error().
stuck(#{url := Url}) ->
    hex_provenance_http:failed(Url, 200, <<"its pages do not go on">>).

-spec of_other_releases() -> hex_provenance_error:error().
of_other_releases() ->
    Details = #{
        format => <<"answer of a log's service">>,
        at => <<"releases">>,
        reason => <<"they are others than those asked for">>
    },
    Message = "not a well-formed answer of a log's service: it is about other releases",
    hex_provenance_error:make(malformed, Message, Details).
