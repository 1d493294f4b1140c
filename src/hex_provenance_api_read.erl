%% @private
%% @doc Attestations by package, release and digest.
-module(hex_provenance_api_read).

-export([release/2, package/2, head/2, digest/2, query/2, blob/2]).
-export([purl/2]).

-define(SOON, 2).
-define(MINUTE, 60).
-define(DAY, 86400).

-define(MOST_ITEMS, 100).
-define(MOST_RELEASES, 300).
%% Events of one release in one answer for a whole lock file.
-define(MOST_OF_RELEASE, 32).

-type call() :: hex_provenance_api:call().
-type state() :: hex_provenance_api:state().
-type answer() :: hex_provenance_api:answer().

%% @doc All attestations of a release.
-spec release(call(), state()) -> answer().
release(#{bindings := #{package := Name, version := Version}, parameters := Given}, State) ->
    #{reader := Reader} = State,
    Purl = purl(Name, State),
    listed(hex_provenance_log_reader:release(Reader, Purl, Version, filter(Given)), ?SOON).

%% @doc A package's history.
-spec package(call(), state()) -> answer().
package(#{bindings := #{package := Name}, parameters := #{<<"size">> := Size} = Given}, State) ->
    history(Name, filter(Given), Size, immutable, State);
package(#{bindings := #{package := Name}, parameters := Given}, State) ->
    history(Name, filter(Given), newest, ?SOON, State).

filter(Given) ->
    maps:from_list([
        {filter_key(Key), Value}
     || {Key, Value} <- maps:to_list(Given#{
            <<"limit">> => maps:get(<<"limit">>, Given, ?MOST_ITEMS)
        }),
        Key =/= <<"size">>
    ]).

filter_key(<<"version">>) -> version;
filter_key(<<"event">>) -> event;
filter_key(<<"after">>) -> 'after';
filter_key(<<"limit">>) -> limit;
filter_key(<<"predicate_type">>) -> predicate_type.

history(Name, Filter, Size, Cache, #{reader := Reader} = State) ->
    Listing = hex_provenance_log_reader:package(Reader, purl(Name, State), Filter, Size),
    listed(Listing, Cache).

listed({ok, #{redacted := true} = Listing}, immutable) ->
    listed({ok, maps:remove(redacted, Listing)}, ?DAY);
listed({ok, Listing}, Cache) ->
    Json = hex_provenance_api_json:list(Listing),
    {ok, hex_provenance_api_response:json(200, Cache, Json)};
listed({error, Error}, _) ->
    hex_provenance_api_error:refuse(Error).

%% @doc Where a package's chain ends.
-spec head(call(), state()) -> answer().
head(#{bindings := #{package := Name}}, #{reader := Reader} = State) ->
    listed(hex_provenance_log_reader:head(Reader, purl(Name, State)), ?MINUTE).

%% @doc What the log says about an artifact.
-spec digest(call(), state()) -> answer().
digest(#{parameters := #{<<"digest">> := Digest} = Given}, #{reader := Reader}) ->
    Filter = filter(maps:remove(<<"digest">>, Given)),
    listed(hex_provenance_log_reader:digest(Reader, Digest, Filter), ?SOON);
digest(_, _) ->
    missing(<<"digest">>).

%% @doc Everything about the releases of a lock file.
-spec query(call(), state()) -> answer().
query(#{request := #{body := Body}}, #{reader := Reader} = State) ->
    case asked_releases(hex_provenance_nif:json_decode(Body)) of
        {ok, Asked} ->
            Releases = [{purl(Name, State), Version} || {Name, Version, _} <- Asked],
            Found = hex_provenance_log_reader:releases(Reader, Releases, ?MOST_OF_RELEASE),
            queried(Asked, Found);
        {error, _} = Error ->
            Error
    end.

asked_releases({ok, #{<<"releases">> := Releases} = Asked}) when
    is_list(Releases), map_size(Asked) =:= 1
->
    case length(Releases) of
        Count when Count > ?MOST_RELEASES ->
            Facts = #{limit => ?MOST_RELEASES, actual => Count},
            hex_provenance_api_error:refuse(body_too_large, Facts);
        _ ->
            read_releases(Releases, 0, [])
    end;
asked_releases({ok, _}) ->
    invalid(<<"releases">>);
asked_releases({error, Error}) ->
    hex_provenance_api_error:refuse(Error).

read_releases([], _, Read) ->
    {ok, lists:reverse(Read)};
read_releases([Release | Rest], At, Read) ->
    case read_release(Release) of
        {ok, One} -> read_releases(Rest, At + 1, [One | Read]);
        error -> invalid(<<"releases/", (integer_to_binary(At))/binary>>)
    end.

read_release(#{<<"package">> := Name, <<"version">> := Version} = Release) when
    is_binary(Name), is_binary(Version)
->
    Known = maps:with([<<"package">>, <<"version">>, <<"digest">>], Release),
    Digest = maps:get(<<"digest">>, Release, undefined),
    Read = {
        hex_provenance_api_request:package_name(Name),
        hex_provenance_api_request:version(Version),
        asked_digest(Digest)
    },
    case Read of
        {{ok, _}, {ok, _}, {ok, _}} when map_size(Known) =:= map_size(Release) ->
            {ok, {Name, Version, Digest}};
        _ ->
            error
    end;
read_release(_) ->
    error.

asked_digest(undefined) -> {ok, undefined};
asked_digest(Digest) when is_binary(Digest) -> hex_provenance_api_request:digest(Digest);
asked_digest(_) -> error.

queried(Asked, {ok, #{checkpoint := #{note := Note, size := Size}} = Found}) ->
    #{heads := Heads, releases := Releases, linked := Linked} = Found,
    Json = #{
        checkpoint => Note,
        size => Size,
        heads => hex_provenance_api_json:heads(Heads),
        releases => lists:zipwith(fun release_json/2, Asked, Releases),
        linked => [hex_provenance_api_json:linked(One) || One <- Linked]
    },
    {ok, hex_provenance_api_response:json(200, none, Json)};
queried(_, {error, Error}) ->
    hex_provenance_api_error:refuse(Error).

release_json({Name, Version, Digest}, #{items := Items, complete := Complete, proof := Proof}) ->
    #{
        package => Name,
        version => Version,
        digest => Digest,
        items => [hex_provenance_api_json:item(Item) || Item <- Items],
        complete => Complete,
        head => hex_provenance_api_json:proof(Proof)
    }.

%% @doc The exact bytes of an envelope or a bundle.
-spec blob(call(), state()) -> answer().
blob(#{bindings := #{digest := Digest}}, #{reader := Reader}) ->
    case hex_provenance_log_reader:blob(Reader, Digest) of
        {ok, Bytes} ->
            {ok, hex_provenance_api_response:bytes(200, ?DAY, <<"application/json">>, Bytes)};
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end.

%% @doc The purl of a package of this registry.
-spec purl(binary(), state()) -> binary().
purl(Name, #{purl := {Before, After}}) -> <<Before/binary, Name/binary, After/binary>>.


missing(Name) ->
    hex_provenance_api_error:refuse(parameter_invalid, #{parameter => Name}).

invalid(At) ->
    hex_provenance_api_error:refuse(request_invalid, #{at => At}).
