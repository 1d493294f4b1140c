%% @doc The cases of test/log/cases.json, read for the runners of all three languages, and the logs
%% that native/fixtures makes.
-module(hex_provenance_test_log_cases).

-export([all/0, trust/1, trust_file/1, answer/1, world/1, item/1, serve/1, served/2]).

-type test_case() :: #{
    name := binary(),
    answer := binary(),
    trust := binary(),
    options := map(),
    json := map(),
    call := list | entry | state,
    entry := hex_provenance_log:item() | undefined,
    state := #{version := binary(), locked := binary() | undefined, chain := whole | handed_out}
        | undefined,
    expect := binary(),
    check := #{binary() => term()}
}.

-spec all() -> [test_case()].
all() ->
    [test_case(Json) || Json <- hex_provenance_test_cases:json("test/log/cases.json")].

test_case(#{<<"name">> := Name} = Json) ->
    Options = maps:get(<<"options">>, Json, #{}),
    Answer = changed(Json),
    #{
        name => Name,
        answer => bytes(Answer, Json),
        trust => maps:get(<<"trust">>, Json, <<"trust.json">>),
        options => options(Options),
        json => Options,
        call => call(Json),
        entry => entry(Answer, Json),
        state => state(Json),
        expect => maps:get(<<"expect">>, Json, <<"ok">>),
        check => maps:get(<<"check">>, Json, #{})
    }.

call(#{<<"entry">> := _}) -> entry;
call(#{<<"state">> := _}) -> state;
call(_) -> list.

bytes(_, #{<<"bytes">> := Bytes}) -> Bytes;
bytes(Answer, _) -> hex_provenance_test_json:encode(Answer).

options(Options) ->
    Pairs = [{binary_to_atom(Name), option(Value)} || {Name, Value} <- maps:to_list(Options)],
    maps:from_list(Pairs).

option(Word) when Word =:= <<"report">>; Word =:= <<"refuse">> -> binary_to_atom(Word);
option(Value) -> Value.

entry(Answer, #{<<"entry">> := Number}) ->
    Items = maps:get(<<"items">>, Answer),
    (item(lists:nth(Number + 1, Items)))#{checkpoint => maps:get(<<"checkpoint">>, Answer)};
entry(_, _) ->
    undefined.

%% @doc An item in JSON as the Erlang face takes it.
-spec item(#{binary() => term()}) -> hex_provenance_log:item().
item(#{<<"index">> := Index, <<"leaf">> := Leaf, <<"inclusion">> := Path} = Json) ->
    Item = #{
        index => Index,
        leaf => base64:decode(Leaf),
        inclusion => [base64:decode(Hash) || Hash <- Path]
    },
    Bundle = [{bundle, hex_provenance_test_json:encode(Of)} || #{<<"bundle">> := Of} <- [Json]],
    Checkpoint = [{checkpoint, Note} || #{<<"checkpoint">> := Note} <- [Json]],
    maps:merge(Item, maps:from_list(Bundle ++ Checkpoint)).

state(#{<<"state">> := #{<<"version">> := Version} = State}) ->
    #{
        version => Version,
        locked =>
            case State of
                #{<<"locked">> := Bytes} -> crypto:hash(sha256, Bytes);
                #{} -> undefined
            end,
        chain => binary_to_atom(maps:get(<<"chain">>, State, <<"whole">>))
    };
state(_) ->
    undefined.

%% The answer with what a case changes in it: `set' to values, `copy' and `copy_from' from
%% elsewhere, `drop' of a list's item.
changed(#{<<"answer">> := File} = Json) ->
    Answer = answer(File),
    Changes = fun(Name) -> maps:to_list(maps:get(Name, Json, #{})) end,
    All =
        Changes(<<"set">>) ++
            [{To, at(From, Answer)} || {To, From} <- Changes(<<"copy">>)] ++
            [{To, at(From, answer(Other))} || {To, [Other, From]} <- Changes(<<"copy_from">>)] ++
            [{Path, drop} || #{<<"drop">> := Path} <- [Json]],
    lists:foldl(fun({Path, Value}, Doc) -> put(keys(Path), Value, Doc) end, Answer, All);
changed(_) ->
    #{}.

at(Path, Json) -> hex_provenance_test_cases:at(Path, Json).

keys(Path) -> binary:split(Path, <<".">>, [global]).

put([], Value, _) ->
    Value;
put([Key | Keys], Value, Map) when is_map(Map) ->
    Map#{Key => put(Keys, Value, maps:get(Key, Map, #{}))};
put([Key | Keys], Value, List) ->
    {Before, [Item | After]} = lists:split(binary_to_integer(Key), List),
    case {Keys, Value} of
        {[], drop} -> Before ++ After;
        _ -> Before ++ [put(Keys, Value, Item) | After]
    end.

-spec answer(binary()) -> map().
answer(File) ->
    hex_provenance_test_cases:json(path("answers", File)).

-spec trust_file(binary()) -> file:filename_all().
trust_file(File) -> path("trust", File).

-spec trust(binary()) -> hex_provenance_log:trust().
trust(File) ->
    {ok, Trust} = hex_provenance_log:trust({file, trust_file(File)}),
    Trust.

path(Folder, File) -> filename:join(["test/log/fixtures", Folder, File]).

%% @doc A log that native/fixtures made, decoded.
-spec world(binary()) -> map().
world(Name) ->
    World = hex_provenance_test_cases:json(path("worlds", <<Name/binary, ".json">>)),
    #{<<"files">> := Files, <<"blobs">> := Blobs, <<"checkpoints">> := Notes} = World,
    Decoded = fun(_, Text) -> base64:decode(Text) end,
    #{
        trust => hex_provenance_test_json:encode(maps:get(<<"trust">>, World)),
        checkpoints => Notes,
        others => maps:get(<<"others">>, World),
        files => maps:map(Decoded, Files),
        blobs => maps:map(Decoded, Blobs),
        answers => #{}
    }.

%% @doc Serves a log over HTTP: its checkpoints one after the other, the last of them from then on.
-spec serve(map()) -> #{url := string(), pid := pid()}.
serve(#{checkpoints := Notes} = World) ->
    Asked = atomics:new(1, []),
    Next = fun() -> lists:nth(min(atomics:add_get(Asked, 1, 1), length(Notes)), Notes) end,
    hex_provenance_test_proxy:start(fun(#{path := Path}) -> served(Path, World#{next => Next}) end).

%% @doc What such a service answers.
-spec served(binary(), map()) -> hex_provenance_test_proxy:deed().
served(<<"/log/checkpoint">>, #{next := Next}) ->
    {200, [], Next()};
served(<<"/log/", Path/binary>>, #{files := Files}) ->
    found(Path, Files);
served(<<"/api/blobs/sha256/", Hex/binary>>, #{blobs := Blobs}) ->
    found(Hex, Blobs);
served(Path, #{answers := Answers}) ->
    found(Path, Answers).

found(Name, Map) ->
    case Map of
        #{Name := redacted} -> {410, [], <<"{}">>};
        #{Name := Bytes} -> {200, [], Bytes};
        #{} -> {404, [], <<"{}">>}
    end.
