%% @doc The contract cases of test/contract/cases.json, read for the runners of all three languages.
-module(hex_provenance_test_cases).

-export([all/0, valid/0, digest/1, options/1, json/1, file/1]).
-export([at/2, matches/2]).

-type test_case() :: #{
    name := binary(),
    bundle := binary(),
    artifact := hex_provenance_sigstore:artifact(),
    options := map(),
    json := map(),
    expect := binary(),
    check := #{binary() => term()}
}.

-spec all() -> [test_case()].
all() ->
    [test_case(Json) || Json <- json("test/contract/cases.json")].

%% @doc A case that verifies.
-spec valid() -> test_case().
valid() ->
    hd([Case || #{expect := <<"ok">>, options := #{identity := _}} = Case <- all()]).

%% @doc The artifact of a case as a digest, whatever it is.
-spec digest(test_case()) -> hex_provenance_sigstore:artifact().
digest(#{artifact := {file, Path}}) ->
    {ok, Bytes} = file:read_file(Path),
    {digest, sha256, crypto:hash(sha256, Bytes)};
digest(#{artifact := {bytes, Bytes}}) ->
    {digest, sha256, crypto:hash(sha256, Bytes)};
digest(#{artifact := Digest}) ->
    Digest.

-spec json(file:filename_all()) -> term().
json(Path) ->
    {ok, Text} = file:read_file(Path),
    hex_provenance_test_json:decode(Text).

-spec file(binary()) -> file:filename_all().
file(Name) -> filename:join("test/fixtures", Name).

test_case(#{<<"name">> := Name, <<"bundle">> := Bundle, <<"expect">> := Expect} = Json) ->
    {ok, Bytes} = file:read_file(file(Bundle)),
    Options = maps:get(<<"options">>, Json, #{}),
    #{
        name => Name,
        bundle => Bytes,
        artifact => artifact(maps:get(<<"artifact">>, Json)),
        options => options(Options),
        json => Options,
        expect => Expect,
        check => maps:get(<<"check">>, Json, #{})
    }.

artifact(#{<<"file">> := Name}) ->
    {file, file(Name)};
artifact(#{<<"digest">> := Digest}) ->
    [Algorithm, Hex] = binary:split(Digest, <<":">>),
    {digest, binary_to_atom(Algorithm), binary:decode_hex(Hex)}.

%% @doc Options in JSON as the Erlang face takes them.
-spec options(#{binary() => term()}) -> map().
options(Json) ->
    maps:from_list([option(binary_to_atom(Name), Value) || {Name, Value} <- maps:to_list(Json)]).

option(trust, Value) -> {trust, trust(Value)};
option(identity, Value) -> {identity, identity(Value)};
option(keys, Values) when is_list(Values) -> {keys, [key(Value) || Value <- Values]};
option(Name, Value) when is_map(Value) -> {Name, atom_keys(Value)};
option(Name, Value) -> {Name, Value}.

trust(Name) when is_binary(Name) -> binary_to_atom(Name);
trust(Sources) when is_list(Sources) -> [trust(Source) || Source <- Sources];
trust(#{<<"file">> := Name}) -> {file, file(Name)};
trust(Other) -> Other.

identity(Name) when is_binary(Name) -> binary_to_atom(Name);
identity(Identities) when is_list(Identities) -> [identity(Identity) || Identity <- Identities];
identity(Identity) when is_map(Identity) -> maps:map(fun stated/2, atom_keys(Identity));
identity(Other) -> Other.

stated(claims, Claims) when is_map(Claims) -> maps:map(fun stated/2, atom_keys(Claims));
stated(_, #{<<"pattern">> := Pattern}) -> {pattern, Pattern};
stated(_, Text) -> Text.

key(Key) when is_map(Key) -> maps:map(fun key/2, atom_keys(Key));
key(Other) -> Other.

key(pem, #{<<"file">> := Name}) -> contents(Name);
key(der, #{<<"file">> := Name}) -> contents(Name);
key(_, Value) -> Value.

contents(Name) ->
    {ok, Bytes} = file:read_file(file(Name)),
    Bytes.

atom_keys(Map) ->
    maps:from_list([{binary_to_atom(Name), Value} || {Name, Value} <- maps:to_list(Map)]).

%% @doc What stands in a result at a dotted path: names for maps, numbers for lists and tuples from
%% 0 on, `length' for how many there are.
-spec at(binary(), term()) -> term().
at(Path, Term) ->
    lists:foldl(fun step/2, Term, binary:split(Path, <<".">>, [global])).

step(<<"length">>, List) when is_list(List) -> length(List);
step(<<"length">>, Map) when is_map(Map) -> map_size(Map);
step(Index, List) when is_list(List) -> lists:nth(binary_to_integer(Index) + 1, List);
step(Index, Tuple) when is_tuple(Tuple) -> element(binary_to_integer(Index) + 1, Tuple);
step(Name, Map) when is_map_key(Name, Map) -> maps:get(Name, Map);
step(Name, Map) -> maps:get(binary_to_existing_atom(Name), Map).

%% @doc Whether a value found is the one a case states: raw bytes are stated in hexadecimal, atoms
%% by name, and absence as null.
-spec matches(term(), term()) -> boolean().
matches(Value, Value) -> true;
matches(null, undefined) -> true;
matches(null, nil) -> true;
matches(Stated, Found) when is_binary(Stated), is_atom(Found) -> Stated =:= atom_to_binary(Found);
matches(Stated, Found) when is_binary(Stated), is_binary(Found) ->
    Stated =:= string:lowercase(binary:encode_hex(Found));
matches(Stated, Found) when is_list(Stated), is_tuple(Found) ->
    matches(Stated, tuple_to_list(Found));
matches(Stated, Found) when is_list(Stated), is_list(Found), length(Stated) =:= length(Found) ->
    lists:all(fun({S, F}) -> matches(S, F) end, lists:zip(Stated, Found));
matches(Stated, Found) when is_map(Stated), is_map(Found) ->
    Matches = fun({Name, Value}) -> matches(Value, step(Name, Found)) end,
    map_size(Stated) =:= map_size(Found) andalso lists:all(Matches, maps:to_list(Stated));
matches(_, _) -> false.
