%% @private
%% @doc The addresses of the API: what each is called with and who answers it.
-module(hex_provenance_api_route).

-export([find/2]).

-export_type([route/0]).

-type route() :: #{
    call := fun(
        (hex_provenance_api:call(), hex_provenance_api:state()) -> hex_provenance_api:answer()
    ),
    parameters := #{binary() => hex_provenance_api_request:parameter()},
    media_types => [binary(), ...]
}.

-define(JSON, <<"application/json">>).
-define(BUNDLE, <<"application/vnd.dev.sigstore.bundle.v0.3+json">>).

-define(MOST_ITEMS, 100).
-define(MOST_ENTRIES, 256).
-define(MOST_WAIT, 30).

%% @doc The route of a path, and what the path names. A place that knows other methods says which.
-spec find(binary(), [binary()]) ->
    {ok, route(), #{atom() => term()}} | {error, hex_provenance_api_error:refusal()}.
find(Method, Segments) ->
    case place(Segments) of
        {Methods, Bindings} when is_map_key(Method, Methods) ->
            {ok, maps:get(Method, Methods), Bindings};
        {Methods, _} ->
            Refusal = hex_provenance_api_error:refusal(method_not_allowed),
            {error, Refusal#{headers := [{<<"allow">>, allow(Methods)}]}};
        not_found ->
            hex_provenance_api_error:refuse(not_found)
    end.

allow(#{<<"GET">> := _, <<"POST">> := _}) -> <<"GET, HEAD, POST">>;
allow(#{<<"GET">> := _}) -> <<"GET, HEAD">>;
allow(#{<<"POST">> := _}) -> <<"POST">>.

place([<<"log">>, <<"tile">> | Tile]) ->
    {reads(fun hex_provenance_api_log:tile/2), #{tile => Tile}};
place(Segments) ->
    find_place(Segments, places()).

find_place(_, []) ->
    not_found;
find_place(Segments, [{Pattern, Methods} | Rest]) ->
    case bind(Pattern, Segments, #{}) of
        {ok, Bindings} -> {Methods, Bindings};
        error -> find_place(Segments, Rest)
    end.

bind([], [], Bound) ->
    {ok, Bound};
bind([Name | Pattern], [Segment | Segments], Bound) when is_atom(Name) ->
    case read(Name, Segment) of
        {ok, Value} -> bind(Pattern, Segments, Bound#{Name => Value});
        error -> error
    end;
bind([Word | Pattern], [Word | Segments], Bound) ->
    bind(Pattern, Segments, Bound);
bind(_, _, _) ->
    error.

read(package, Segment) ->
    hex_provenance_api_request:package_name(Segment);
read(version, Segment) ->
    hex_provenance_api_request:version(Segment);
read(digest, Segment) ->
    hex_provenance_api_request:digest(<<"sha256:", Segment/binary>>);
read(proof_of, Segment) ->
    case binary:split(Segment, <<".tlog-proof">>) of
        [Index, <<>>] -> hex_provenance_api_request:index(Index);
        _ -> error
    end.

places() ->
    [
        {[], reads(fun hex_provenance_api_page:index/2, #{<<"package">> => text})},
        {
            [<<"packages">>, package],
            reads(fun hex_provenance_api_page:package/2, #{<<"after">> => index})
        },
        {[<<"packages">>, package, version], reads(fun hex_provenance_api_page:release/2)},
        {
            [<<"api">>, <<"packages">>, package, <<"releases">>, version, <<"attestations">>],
            maps:merge(
                reads(fun hex_provenance_api_read:release/2, #{<<"after">> => index}),
                writes(fun hex_provenance_api_write:attest/2, [?JSON, ?BUNDLE])
            )
        },
        {
            [<<"api">>, <<"packages">>, package, <<"attestations">>],
            reads(fun hex_provenance_api_read:package/2, #{
                <<"version">> => version,
                <<"event">> => event,
                <<"after">> => index,
                <<"limit">> => {integer, 1, ?MOST_ITEMS},
                <<"size">> => index
            })
        },
        {
            [<<"api">>, <<"packages">>, package, <<"head">>],
            reads(fun hex_provenance_api_read:head/2)
        },
        {
            [<<"api">>, <<"attestations">>],
            reads(fun hex_provenance_api_read:digest/2, #{
                <<"digest">> => digest, <<"predicate_type">> => text, <<"after">> => index
            })
        },
        {
            [<<"api">>, <<"attestations">>, <<"query">>],
            writes(fun hex_provenance_api_read:query/2, [?JSON])
        },
        {
            [<<"api">>, <<"blobs">>, <<"sha256">>, digest],
            reads(fun hex_provenance_api_read:blob/2)
        },
        {[<<"api">>, <<"events">>], writes(fun hex_provenance_api_write:events/2, [?JSON])},
        {
            [<<"api">>, <<"log">>, <<"entries">>],
            reads(fun hex_provenance_api_log:entries/2, #{
                <<"start">> => index,
                <<"limit">> => {integer, 1, ?MOST_ENTRIES},
                <<"size">> => index
            })
        },
        {
            [<<"api">>, <<"log">>, <<"events">>],
            reads(fun hex_provenance_api_log:events/2, #{
                <<"after">> => index, <<"wait">> => {integer, 0, ?MOST_WAIT}
            })
        },
        {
            [<<"api">>, <<"log">>, <<"proof">>, <<"inclusion">>],
            reads(fun hex_provenance_api_log:inclusion/2, #{
                <<"index">> => index, <<"size">> => index
            })
        },
        {
            [<<"api">>, <<"log">>, <<"proof">>, <<"consistency">>],
            reads(fun hex_provenance_api_log:consistency/2, #{
                <<"first">> => index, <<"size">> => index
            })
        },
        {
            [<<"api">>, <<"log">>, <<"entries">>, proof_of],
            reads(fun hex_provenance_api_log:tlog_proof/2, #{<<"size">> => index})
        },
        {[<<"log">>, <<"checkpoint">>], reads(fun hex_provenance_api_log:checkpoint/2)},
        {[<<"log">>, <<"vkey">>], reads(fun hex_provenance_api_log:vkey/2)},
        {[<<"log">>, <<"policy">>], reads(fun hex_provenance_api_log:policy/2)},
        {[<<"log">>, <<"trusted_root.json">>], reads(fun hex_provenance_api_log:trusted_root/2)}
    ].

reads(Call) -> reads(Call, #{}).

reads(Call, Parameters) -> #{<<"GET">> => #{call => Call, parameters => Parameters}}.

writes(Call, Types) ->
    #{<<"POST">> => #{call => Call, parameters => #{}, media_types => Types}}.
