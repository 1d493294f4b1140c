%% @private
%% @doc The log itself: entries, proofs, tiles and keys.
-module(hex_provenance_api_log).

-export([entries/2, events/2, inclusion/2, consistency/2, tlog_proof/2]).
-export([checkpoint/2, tile/2, vkey/2, policy/2, trusted_root/2]).

-define(SOON, 2).
-define(HOUR, 3600).
-define(MOST_ENTRIES, 256).

-define(TEXT, <<"text/plain; charset=utf-8">>).
-define(BYTES, <<"application/octet-stream">>).

-type call() :: hex_provenance_api:call().
-type state() :: hex_provenance_api:state().
-type answer() :: hex_provenance_api:answer().

%% @doc The log in pages that end where bundles of entries do. A full page never changes.
-spec entries(call(), state()) -> answer().
entries(#{parameters := Given}, #{reader := Reader}) ->
    Start = maps:get(<<"start">>, Given, 0),
    Wanted = maps:get(<<"limit">>, Given, ?MOST_ENTRIES),
    Limit = min(Wanted, ?MOST_ENTRIES - Start rem ?MOST_ENTRIES),
    Below = maps:get(<<"size">>, Given, newest),
    case hex_provenance_log_reader:entries(Reader, Start, Limit, Below) of
        {ok, Items} -> {ok, page(Start, Limit, Items)};
        {error, Error} -> hex_provenance_api_error:refuse(Error)
    end.

page(Start, Limit, Items) ->
    Count = length(Items),
    Json = #{
        items => [hex_provenance_api_json:entry(Item) || Item <- Items],
        next_start => Start + Count
    },
    hex_provenance_api_response:json(200, page_cache(Count =:= Limit), Json).

page_cache(true) -> immutable;
page_cache(false) -> ?SOON.

%% @doc What came after an entry: at once, or when the log grows.
-spec events(call(), state()) -> answer().
events(#{parameters := Given}, #{reader := Reader}) ->
    Known =
        case Given of
            #{<<"after">> := After} -> After + 1;
            #{} -> 0
        end,
    Wait = 1000 * maps:get(<<"wait">>, Given, 0),
    case hex_provenance_log_reader:follow(Reader, Known, Wait, ?MOST_ENTRIES) of
        {ok, Grown} -> {ok, grown(Known, Grown)};
        {error, Error} -> hex_provenance_api_error:refuse(Error)
    end.

grown(Known, #{checkpoint := #{note := Note, size := Size}, items := Items} = Grown) ->
    #{consistency := Consistency} = Grown,
    Json = #{
        checkpoint => Note,
        size => Size,
        items => [hex_provenance_api_json:entry(Item) || Item <- Items],
        consistency => hex_provenance_api_json:hashes(Consistency),
        next_after => last(Known + length(Items))
    },
    hex_provenance_api_response:json(200, none, Json).

last(0) -> undefined;
last(Size) -> Size - 1.

%% @doc The path from an entry to the root of a size.
-spec inclusion(call(), state()) -> answer().
inclusion(#{parameters := #{<<"index">> := Index, <<"size">> := Size}}, #{reader := Reader}) ->
    proof(
        hex_provenance_log_reader:inclusion(Reader, Index, Size),
        #{index => Index, size => Size}
    );
inclusion(#{parameters := #{<<"index">> := _}}, _) ->
    missing(<<"size">>);
inclusion(_, _) ->
    missing(<<"index">>).

%% @doc That the log of one size continues that of another.
-spec consistency(call(), state()) -> answer().
consistency(#{parameters := #{<<"first">> := First, <<"size">> := Size}}, #{reader := Reader}) ->
    proof(
        hex_provenance_log_reader:consistency(Reader, First, Size),
        #{first => First, size => Size}
    );
consistency(#{parameters := #{<<"first">> := _}}, _) ->
    missing(<<"size">>);
consistency(_, _) ->
    missing(<<"first">>).

proof({ok, Hashes}, About) ->
    Json = About#{hashes => hex_provenance_api_json:hashes(Hashes)},
    {ok, hex_provenance_api_response:json(200, immutable, Json)};
proof({error, Error}, _) ->
    hex_provenance_api_error:refuse(Error).

%% @doc An entry's proof as C2SP's text.
-spec tlog_proof(call(), state()) -> answer().
tlog_proof(#{bindings := #{proof_of := Index}, parameters := Given}, #{reader := Reader}) ->
    Size = maps:get(<<"size">>, Given, newest),
    text(hex_provenance_log_reader:tlog_proof(Reader, Index, Size), tlog_cache(Size)).

tlog_cache(newest) -> ?SOON;
tlog_cache(_) -> ?HOUR.

%% @doc The newest checkpoint.
-spec checkpoint(call(), state()) -> answer().
checkpoint(_, #{reader := Reader}) ->
    case hex_provenance_log_reader:checkpoint(Reader) of
        {ok, #{note := Note}} -> text({ok, Note}, ?SOON);
        {error, Error} -> hex_provenance_api_error:refuse(Error)
    end.

%% @doc A tile or a bundle of entries.
-spec tile(call(), state()) -> answer().
tile(#{bindings := #{tile := Segments}}, #{reader := Reader}) ->
    Path = iolist_to_binary(lists:join(<<"/">>, [<<"tile">> | Segments])),
    case hex_provenance_log_reader:tile(Reader, Path) of
        {ok, Bytes} -> {ok, hex_provenance_api_response:bytes(200, immutable, ?BYTES, Bytes)};
        {error, Error} -> hex_provenance_api_error:refuse(Error)
    end.

%% @doc The log's key, as C2SP writes it.
-spec vkey(call(), state()) -> answer().
vkey(_, #{vkey := Vkey}) -> text({ok, [Vkey, "\n"]}, ?HOUR).

%% @doc Which witnesses this log asks.
-spec policy(call(), state()) -> answer().
policy(_, #{policy := Policy}) -> text({ok, Policy}, ?HOUR);
policy(_, _) -> hex_provenance_api_error:refuse(not_found).

%% @doc The keys as Sigstore writes them.
-spec trusted_root(call(), state()) -> answer().
trusted_root(_, #{trusted_root := Json}) ->
    {ok, hex_provenance_api_response:bytes(200, ?HOUR, <<"application/json">>, Json)};
trusted_root(_, _) ->
    hex_provenance_api_error:refuse(not_found).

text({ok, Text}, Cache) ->
    {ok, hex_provenance_api_response:bytes(200, Cache, ?TEXT, Text)};
text({error, Error}, _) ->
    hex_provenance_api_error:refuse(Error).


missing(Name) ->
    hex_provenance_api_error:refuse(parameter_invalid, #{parameter => Name}).
