%% @doc JSON for the tests: OTP has none before 27. What is not JSON crashes it.
-module(hex_provenance_test_json).

-export([decode/1, encode/1]).

-type json() :: null | boolean() | number() | binary() | [json()] | #{binary() => json()}.

-spec decode(binary()) -> json().
decode(Text) ->
    {Value, Rest} = value(space(Text)),
    <<>> = space(Rest),
    Value.

%% @doc Members in order and no spaces; no escapes but the needed. Atoms are text, but for three.
-spec encode(term()) -> binary().
encode(Word) when is_boolean(Word); Word =:= null -> atom_to_binary(Word);
encode(Number) when is_integer(Number) -> integer_to_binary(Number);
encode(List) when is_list(List) ->
    iolist_to_binary([$[, lists:join($,, [encode(Value) || Value <- List]), $]]);
encode(Map) when is_map(Map) ->
    Members = lists:sort([{encode(Name), encode(Value)} || {Name, Value} <- maps:to_list(Map)]),
    iolist_to_binary([${, lists:join($,, [[Name, $:, Value] || {Name, Value} <- Members]), $}]);
encode(Text) when is_binary(Text) ->
    iolist_to_binary([$", [escape(Char) || <<Char>> <= Text], $"]);
encode(Name) when is_atom(Name) ->
    encode(atom_to_binary(Name)).

escape($") -> "\\\"";
escape($\\) -> "\\\\";
escape($\n) -> "\\n";
escape(Char) when Char >= $\s -> Char.

value(<<"null", Rest/binary>>) -> {null, Rest};
value(<<"true", Rest/binary>>) -> {true, Rest};
value(<<"false", Rest/binary>>) -> {false, Rest};
value(<<$", Rest/binary>>) -> string(Rest, []);
value(<<$[, Rest/binary>>) -> array(space(Rest), []);
value(<<${, Rest/binary>>) -> object(space(Rest), #{});
value(Text) -> number(Text).

array(<<$], Rest/binary>>, Values) ->
    {lists:reverse(Values), Rest};
array(Text, Values) ->
    {Value, Rest} = value(Text),
    array(next(space(Rest), $]), [Value | Values]).

object(<<$}, Rest/binary>>, Members) ->
    {Members, Rest};
object(<<$", Text/binary>>, Members) ->
    {Name, AfterName} = string(Text, []),
    <<$:, AfterColon/binary>> = space(AfterName),
    {Value, Rest} = value(space(AfterColon)),
    object(next(space(Rest), $}), Members#{Name => Value}).

next(<<$,, Rest/binary>>, _) -> space(Rest);
next(<<End, _/binary>> = Text, End) -> Text.

string(<<$", Rest/binary>>, Parts) -> {iolist_to_binary(lists:reverse(Parts)), Rest};
string(<<"\\u", Hex:4/binary, Rest/binary>>, Parts) ->
    escaped(binary_to_integer(Hex, 16), Rest, Parts);
string(<<$\\, Char, Rest/binary>>, Parts) -> string(Rest, [unescape(Char) | Parts]);
string(<<Byte, Rest/binary>>, Parts) -> string(Rest, [Byte | Parts]).

escaped(High, <<"\\u", Hex:4/binary, Rest/binary>>, Parts) when High >= 16#D800, High < 16#DC00 ->
    Low = binary_to_integer(Hex, 16),
    string(Rest, [<<(16#10000 + ((High - 16#D800) bsl 10) + Low - 16#DC00)/utf8>> | Parts]);
escaped(Char, Rest, Parts) ->
    string(Rest, [<<Char/utf8>> | Parts]).

unescape($n) -> $\n;
unescape($r) -> $\r;
unescape($t) -> $\t;
unescape($b) -> $\b;
unescape($f) -> $\f;
unescape(Char) -> Char.

number(Text) ->
    {match, [Number]} = re:run(Text, "^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?", [
        {capture, first, binary}
    ]),
    Rest = binary:part(Text, byte_size(Number), byte_size(Text) - byte_size(Number)),
    {to_number(Number), Rest}.

to_number(Number) ->
    case re:run(Number, "^(-?[0-9]+)(\\.[0-9]+)?([eE].*)?$", [{capture, all_but_first, list}]) of
        {match, [Whole]} -> list_to_integer(Whole);
        {match, [Whole, "", Exponent]} -> list_to_float(Whole ++ ".0" ++ Exponent);
        {match, Parts} -> list_to_float(lists:append(Parts))
    end.

space(<<Char, Rest/binary>>) when Char =:= $\s; Char =:= $\n; Char =:= $\r; Char =:= $\t ->
    space(Rest);
space(Text) ->
    Text.
