%% @private
%% @doc Paths and query strings, read strictly: one spelling of everything, nothing ignored.
-module(hex_provenance_api_request).

-export([segments/1, parameters/2, header/2, media_type/1]).
-export([package_name/1, version/1, index/1, digest/1]).

-export_type([request/0, parameter/0]).

-type request() :: #{
    method := binary(),
    path := binary(),
    query := binary(),
    headers := [{binary(), binary()}],
    body := binary() | too_large,
    peer => binary(),
    principal => term()
}.
%% `path' and `query' as they came, percent-encoded, `query' without its question mark; names of
%% headers in lower case. `body' is `too_large' when it was not read to its end. `principal':
%% whoever the host has authenticated already.

-type parameter() ::
    index | version | event | digest | text | {integer, non_neg_integer(), pos_integer()}.

%% What RFC 8785 and every reader of JSON agree on.
-define(MOST_INDEX, 16#1fffffffffffff).
-define(MOST_TEXT, 256).

%% @doc The decoded segments of a path; `[]' for the root.
-spec segments(binary()) -> {ok, [binary()]} | error.
segments(<<"/">>) -> {ok, []};
segments(<<"/", Path/binary>>) -> decoded(binary:split(Path, <<"/">>, [global]), []);
segments(_) -> error.

decoded([], Done) ->
    {ok, lists:reverse(Done)};
decoded([Segment | Rest], Done) ->
    case decode(Segment) of
        {ok, Text} when Text =/= <<>>, Text =/= <<".">>, Text =/= <<"..">> ->
            case binary:match(Text, <<"/">>) of
                nomatch -> decoded(Rest, [Text | Done]);
                _ -> error
            end;
        _ ->
            error
    end.

%% @doc The parameters of a query string by name, each of its type; any other is refused by name.
-spec parameters(binary(), #{binary() => parameter()}) ->
    {ok, #{binary() => term()}} | {error, binary()}.
parameters(<<>>, _) -> {ok, #{}};
parameters(Query, Known) -> read_pairs(binary:split(Query, <<"&">>, [global]), Known, #{}).

read_pairs([], _, Found) ->
    {ok, Found};
read_pairs([Pair | Rest], Known, Found) ->
    case pair(Pair) of
        {Name, _} when is_map_key(Name, Found) ->
            {error, Name};
        {Name, Text} when is_map_key(Name, Known) ->
            case value(maps:get(Name, Known), Text) of
                {ok, Value} -> read_pairs(Rest, Known, Found#{Name => Value});
                error -> {error, Name}
            end;
        {Name, _} ->
            {error, binary:part(Name, 0, min(64, byte_size(Name)))};
        error ->
            {error, <<"?">>}
    end.

%% A plus is a plus: versions have them, and nothing asked for here has a space.
pair(Pair) ->
    case binary:split(Pair, <<"=">>) of
        [Name, Value] ->
            case {decode(Name), decode(Value)} of
                {{ok, DecodedName}, {ok, DecodedValue}} -> {DecodedName, DecodedValue};
                _ -> error
            end;
        [_] ->
            error
    end.

value(index, Text) -> index(Text);
value({integer, Least, Most}, Text) -> within(index(Text), Least, Most);
value(version, Text) -> version(Text);
value(digest, Text) -> digest(Text);
value(event, Text) -> event(Text);
value(text, Text) when Text =/= <<>>, byte_size(Text) =< ?MOST_TEXT -> {ok, Text};
value(text, _) -> error.

within({ok, Value}, Least, Most) when Value >= Least, Value =< Most -> {ok, Value};
within(_, _, _) -> error.

%% @doc A decimal without leading zeroes.
-spec index(binary()) -> {ok, non_neg_integer()} | error.
index(<<"0">>) ->
    {ok, 0};
index(<<First, _/binary>> = Text) when First >= $1, First =< $9, byte_size(Text) =< 16 ->
    case lists:all(fun(Char) -> Char >= $0 andalso Char =< $9 end, binary_to_list(Text)) of
        true -> within({ok, binary_to_integer(Text)}, 0, ?MOST_INDEX);
        false -> error
    end;
index(_) ->
    error.

%% @doc Whether that can be a package's name.
-spec package_name(binary()) -> {ok, binary()} | error.
package_name(Name) when byte_size(Name) >= 1, byte_size(Name) =< 128 ->
    only(Name, fun(Char) -> is_lower(Char) orelse is_digit(Char) orelse Char =:= $_ end);
package_name(_) ->
    error.

%% @doc Whether that can be a version: SemVer's characters.
-spec version(binary()) -> {ok, binary()} | error.
version(<<First, _/binary>> = Version) when
    First >= $0, First =< $9, byte_size(Version) =< 128
->
    only(Version, fun(Char) ->
        is_lower(Char) orelse is_upper(Char) orelse is_digit(Char) orelse
            lists:member(Char, ".-+")
    end);
version(_) ->
    error.

only(Text, Accepts) ->
    case lists:all(Accepts, binary_to_list(Text)) of
        true -> {ok, Text};
        false -> error
    end.

is_lower(Char) -> Char >= $a andalso Char =< $z.
is_upper(Char) -> Char >= $A andalso Char =< $Z.
is_digit(Char) -> Char >= $0 andalso Char =< $9.

%% @doc The bytes that `sha256:HEX' names.
-spec digest(binary()) -> {ok, <<_:256>>} | error.
digest(<<"sha256:", Hex:64/binary>>) ->
    case only(Hex, fun(Char) -> is_digit(Char) orelse (Char >= $a andalso Char =< $f) end) of
        {ok, _} -> {ok, binary:decode_hex(Hex)};
        error -> error
    end;
digest(_) ->
    error.

event(Word) ->
    Words = hex_provenance_registry:event_names(),
    case [Event || Event <- Words, atom_to_binary(Event) =:= Word] of
        [Event] -> {ok, Event};
        [] -> error
    end.

%% @doc The value of a header that stands once.
-spec header(binary(), request()) -> binary() | undefined | repeated.
header(Name, #{headers := Headers}) ->
    case [Value || {Key, Value} <- Headers, Key =:= Name] of
        [] -> undefined;
        [Value] -> Value;
        _ -> repeated
    end.

%% @doc What the body says it is, without parameters.
-spec media_type(request()) -> binary() | undefined.
media_type(Request) ->
    case header(<<"content-type">>, Request) of
        Value when is_binary(Value) ->
            [Type | _] = binary:split(Value, <<";">>),
            string:lowercase(string:trim(Type));
        _ ->
            undefined
    end.

%% Percent-encoding: only what RFC 3986 lets stand, and UTF-8 without control characters.
decode(Text) -> decode(Text, <<>>).

decode(<<>>, Done) ->
    case unicode:characters_to_binary(Done) of
        Done -> {ok, Done};
        _ -> error
    end;
decode(<<"%", High, Low, Rest/binary>>, Done) ->
    case {nibble(High), nibble(Low)} of
        {H, L} when is_integer(H), is_integer(L), H * 16 + L >= 32, H * 16 + L =/= 127 ->
            decode(Rest, <<Done/binary, (H * 16 + L)>>);
        _ ->
            error
    end;
decode(<<Char, Rest/binary>>, Done) ->
    case stands(Char) of
        true -> decode(Rest, <<Done/binary, Char>>);
        false -> error
    end.

nibble(Char) when Char >= $0, Char =< $9 -> Char - $0;
nibble(Char) when Char >= $a, Char =< $f -> Char - $a + 10;
nibble(Char) when Char >= $A, Char =< $F -> Char - $A + 10;
nibble(_) -> error.

stands(Char) ->
    is_lower(Char) orelse is_upper(Char) orelse is_digit(Char) orelse
        lists:member(Char, "-._~!$&'()*+,;=:@/?").
