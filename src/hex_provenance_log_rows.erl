%% @private
%% @doc What the modules of a log's tables share: rows read, and how values stand in columns.
-module(hex_provenance_log_rows).

-export([rows/4, one/4, first/1, absent/1]).
-export([key/1, id_key/1, version_tag/1, place/2, hex/1]).
-export([kind/1, event_name/1, own_kind/1, own_name/1, map_covers/1]).
-export([holds/2, json_text/1]).

-type db() :: hex_provenance_sql:db().
-type hash() :: <<_:256>>.
-type error() :: {error, hex_provenance_error:error()}.
-type size() :: non_neg_integer().

%% The kind of an entry: an event's number among hex_provenance_registry:event_names(), or one of
%% these.
-define(HEADS, 100).
-define(KEY_CHANGE, 101).

%% @doc What a query answers, each row read.
-spec rows(db(), binary(), [hex_provenance_sql:param()], fun((hex_provenance_sql:row()) -> Read)) ->
    {ok, [Read]} | error().
rows(Db, Sql, Params, Read) ->
    case hex_provenance_sql:query(Db, Sql, Params) of
        {ok, Rows, _} -> {ok, [Read(Row) || Row <- Rows]};
        {error, _} = Error -> Error
    end.

%% @doc The one row that there always is.
-spec one(db(), binary(), [hex_provenance_sql:param()], fun((hex_provenance_sql:row()) -> Read)) ->
    {ok, Read} | error().
one(Db, Sql, Params, Read) ->
    case first(rows(Db, Sql, Params, Read)) of
        not_found -> {error, hex_provenance_error:storage_failed(<<"hp_head">>, <<"no row">>)};
        Found -> Found
    end.

%% @doc The first of them.
-spec first({ok, [Row]} | error()) -> {ok, Row} | not_found | error().
first({ok, [First | _]}) -> {ok, First};
first({ok, []}) -> not_found;
first({error, _} = Error) -> Error.

-spec absent(null | Value) -> undefined | Value.
absent(null) -> undefined;
absent(Value) -> Value.

-spec id_key(EventId :: binary()) -> integer().
id_key(Id) ->
    <<Key:64/signed, _/binary>> = crypto:hash(sha256, Id),
    Key.

%% @doc Six bytes, which SQLite stores as they are; whoever looks something up compares the whole
%% value.
-spec key(hash()) -> integer().
key(<<Key:48/signed, _/binary>>) -> Key.

-spec version_tag(binary() | undefined) -> integer() | null.
version_tag(undefined) -> null;
version_tag(Version) -> binary:decode_unsigned(binary:part(crypto:hash(sha256, Version), 0, 4)).

%% @doc An event's number.
-spec kind(hex_provenance_registry:event_name()) -> pos_integer().
kind(Event) -> kind(Event, hex_provenance_registry:event_names(), 1).

kind(Event, [Event | _], Number) -> Number;
kind(Event, [_ | Others], Number) -> kind(Event, Others, Number + 1).

%% @doc The event of a number; of the log's own entries none.
-spec event_name(pos_integer()) -> hex_provenance_registry:event_name() | undefined.
event_name(Kind) when Kind >= ?HEADS -> undefined;
event_name(Kind) -> lists:nth(Kind, hex_provenance_registry:event_names()).

%% @doc The number of an entry of the log's own, by its leaf.
-spec own_kind(Leaf :: binary()) -> pos_integer().
own_kind(<<"{\"count\":", _/binary>>) -> ?HEADS;
own_kind(<<"{\"new\":", _/binary>>) -> ?KEY_CHANGE.

%% @doc What such a number stands for.
-spec own_name(pos_integer()) -> heads | key_change | undefined.
own_name(?HEADS) -> heads;
own_name(?KEY_CHANGE) -> key_change;
own_name(_) -> undefined.

%% @doc The size that a heads map describes.
-spec map_covers(Leaf :: binary()) -> size().
map_covers(Leaf) ->
    [_, Rest] = binary:split(Leaf, <<"\"covers\":">>),
    [Covers | _] = binary:split(Rest, <<",">>),
    binary_to_integer(Covers).

-spec hex(binary()) -> binary().
hex(Digest) -> string:lowercase(binary:encode_hex(Digest)).

%% @doc The number of a tile.
-spec place(Level :: 0..7, Index :: size()) -> size().
place(Level, Index) -> Level bsl 56 bor Index.

%% @doc Whether a canonical document has this member: within a text a quotation mark is escaped, so
%% it stands there as a member only.
-spec holds(binary(), iodata()) -> boolean().
holds(Document, Member) -> binary:match(Document, iolist_to_binary(Member)) =/= nomatch.

%% @doc Printable ASCII as JSON.
-spec json_text(binary()) -> iodata().
json_text(Text) ->
    Escaped = binary:replace(Text, [<<"\\">>, <<"\"">>], <<"\\">>, [global, {insert_replaced, 1}]),
    [$", Escaped, $"].
