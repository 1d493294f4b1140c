%% Services that fail in every way: each ends in the right error within its deadline, never in a
%% wrong bundle, and leaves nothing behind.
-module(hex_provenance_faults_tests).

-include_lib("eunit/include/eunit.hrl").

-define(PROXY, hex_provenance_test_proxy).
-define(WORLD, hex_provenance_services_tests).

faults_test_() ->
    case os:getenv("HEX_PROVENANCE_SERVICES") of
        false ->
            ?debugMsg("skipped: script/test-signing starts the services whose answers this spoils"),
            [];
        Services ->
            {ok, _} = application:ensure_all_started(inets),
            World = ?WORLD:world(Services, ""),
            [
                {timeout, 60, {lists:flatten(io_lib:format("~s: ~s", [Service, Name])), fun() ->
                    fault(World, Service, Deed, Expected)
                end}}
             || {Service, Name, Deed, Expected} <- faults(World)
            ] ++
                [
                    {timeout, 60, {Name, fun() -> Test(World) end}}
                 || {Name, Test} <- [
                        {"nobody listens", fun nobody_listens/1},
                        {"a pause that is asked for is made", fun retry_after/1},
                        {"the next service stands in", fun stand_in/1},
                        {"a promise by another certificate log", fun another_certificate_log/1},
                        {"a signing ends with its caller", fun killed_caller/1},
                        {"a key elsewhere that fails", fun bad_callbacks/1}
                    ]
                ]
    end.

%% A deed gets the request, how to have it answered rightly, and how often it was asked.
faults(World) ->
    Broken = [
        {"hangs up", always(hang_up), transport_failed},
        {"cut off", fun(_, Right, _) -> {cut, Right()} end, transport_failed},
        {"429", always({429, [], "slow down"}), transport_failed},
        {"500", always({500, [], "oh"}), transport_failed},
        {"503, then well", first({503, [], "soon"}), ok},
        {"hangs up, then well", first(hang_up), ok},
        {"drips", fun(_, Right, _) -> {drip, Right()} end, budget_exhausted},
        {"stalls", always(stall), budget_exhausted},
        {"too large", always({201, [], binary:copy(<<" ">>, 2 bsl 20)}), input_too_large},
        {"elsewhere", always({302, [{"location", "http://127.0.0.1:1/"}], ""}), transport_failed},
        {"400", always({400, [], "{\"message\":\"no\"}"}), transport_failed}
    ],
    Json = [
        {"no JSON", always({201, [], "{"}), malformed},
        {"empty JSON", always({201, [], "{}"}), malformed},
        {"a list", always({201, [], "[[]]"}), malformed}
    ],
    [
        {Service, Name, Deed, Expected}
     || Service <- [ca, log, tsa],
        {Name, Deed, Expected} <- Broken ++ [Fault || Service =/= tsa, Fault <- Json]
    ] ++
        [
            {tsa, "no DER", always({201, [], "no DER"}), timestamp_invalid},
            {tsa, "for other bytes", replayed(World, tsa), timestamp_invalid},
            {log, "entry of another artifact", replayed(World, log), log_entry_mismatch},
            {log, "proof that does not hold", fun spoil_proof/3, inclusion_mismatch},
            {log, "no proof", fun drop_proof/3, malformed},
            {ca, "certificate for another name", other_name(World), identity_refused},
            {ca, "certificate for another key", replayed(World, ca), certificate_invalid}
        ].

always(Deed) -> fun(_, _, _) -> Deed end.

first(Deed) ->
    fun
        (_, _, 1) -> Deed;
        (_, Right, _) -> Right()
    end.

fault(World, Service, Deed, Expected) ->
    Before = left_behind(),
    Count = counters:new(1, []),
    Proxy = proxy(World, Service, fun(Request, Right) ->
        counters:add(Count, 1, 1),
        Deed(Request, Right, counters:get(Count, 1))
    end),
    Options = options(World, #{Service => maps:get(url, Proxy)}),
    {Micros, Answer} = timer:tc(fun() ->
        hex_provenance_sigstore:sign({bytes, <<"faults">>}, Options#{timeout => 4000})
    end),
    ?PROXY:stop(Proxy),
    ?assert(Micros < 6_000_000),
    case {Expected, Answer} of
        {ok, {ok, _}} -> ok;
        {Code, {error, #{code := Code} = Error}} -> silent(Options, Error);
        _ -> ?assertEqual(Expected, Answer)
    end,
    ?assertEqual({messages, []}, process_info(self(), messages)),
    nothing_left(Before, 50).

%% No error repeats the token.
silent(#{token := Token}, Error) ->
    Written = unicode:characters_to_binary(io_lib:format("~tp", [Error])),
    ?assertEqual(nomatch, binary:match(Written, Token)).

%% Processes, and sockets of this VM.
left_behind() ->
    {ok, Descriptors} = file:list_dir("/proc/self/fd"),
    Links = [file:read_link(filename:join("/proc/self/fd", D)) || D <- Descriptors],
    {length(processes()), length([L || {ok, "socket:" ++ _ = L} <- Links])}.

nothing_left({Processes, Sockets} = Before, Tries) ->
    case left_behind() of
        {P, S} when P =< Processes, S =< Sockets ->
            ok;
        Now when Tries =:= 0 ->
            ?assertEqual(Before, Now);
        _ ->
            timer:sleep(100),
            nothing_left(Before, Tries - 1)
    end.

nobody_listens(World) ->
    [
        ?assertMatch(
            {error, #{code := transport_failed, details := #{status := 0}}},
            hex_provenance_sigstore:sign(
                {bytes, <<>>}, options(World, #{Service => "http://127.0.0.1:1"})
            )
        )
     || Service <- [ca, log, tsa]
    ].

retry_after(World) ->
    Proxy = proxy(World, tsa, counted(first({429, [{"retry-after", "1"}], ""}))),
    Options = options(World, #{tsa => maps:get(url, Proxy)}),
    {Micros, Answer} = timer:tc(fun() -> hex_provenance_sigstore:sign({bytes, <<>>}, Options) end),
    ?PROXY:stop(Proxy),
    ?assertMatch({ok, _}, Answer),
    ?assert(Micros >= 1_000_000).

stand_in(World) ->
    Dead = [<<"http://127.0.0.1:1/api/v1/timestamp">>],
    Options = options(World, #{}, fun(Config) ->
        #{<<"tsaUrls">> := [Tsa]} = Config,
        First = [Tsa#{<<"url">> => Url, <<"operator">> => <<"dead">>} || Url <- Dead],
        Config#{<<"tsaUrls">> => First ++ [Tsa]}
    end),
    ?assertMatch({ok, _}, hex_provenance_sigstore:sign({bytes, <<>>}, Options)).

another_certificate_log(World) ->
    #{services := Services} = World,
    Root = hex_provenance_test_cases:json(filename:join(Services, "trusted_root.json")),
    #{<<"ctlogs">> := [Log], <<"tlogs">> := Logs} = Root,
    [Other] = [L || #{<<"baseUrl">> := <<"https://rekor1.local">>} = L <- Logs],
    Wrong = Log#{<<"publicKey">> => maps:get(<<"publicKey">>, Other)},
    Json = hex_provenance_test_json:encode(Root#{<<"ctlogs">> => [Wrong]}),
    Options = (options(World, #{}))#{trust => {json, Json}},
    Answer = hex_provenance_sigstore:sign({bytes, <<>>}, Options),
    ?assertMatch({error, #{code := sct_invalid}}, Answer).

killed_caller(World) ->
    Self = self(),
    Before = left_behind(),
    Proxy = ?PROXY:start(fun(_) ->
        Self ! asked,
        stall
    end),
    Options = options(World, #{log => maps:get(url, Proxy)}),
    Caller = spawn(fun() -> hex_provenance_sigstore:sign({bytes, <<>>}, Options) end),
    receive
        asked -> exit(Caller, kill)
    end,
    ?PROXY:stop(Proxy),
    nothing_left(Before, 50).

bad_callbacks(World) ->
    #{work := Work} = World,
    {ok, Pem} = file:read_file(filename:join(Work, "p256.pub")),
    Sign = fun(Callback) ->
        Options = #{external_key => #{pem => Pem, sign => Callback}, timeout => 1000},
        hex_provenance_sigstore:sign({bytes, <<>>}, Options)
    end,
    Reason = fun({error, #{code := signer_failed, details := #{reason := Text}}}) -> Text end,
    ?assertMatch(<<"it answered an error: no">>, Reason(Sign(fun(_) -> {error, no} end))),
    ?assertMatch(<<"it answered an error">>, Reason(Sign(fun(_) -> {error, {secret, 1}} end))),
    ?assertMatch(<<"it raised error: badarith">>, Reason(Sign(fun(_) -> 1 / zero() end))),
    ?assertMatch(<<"the callback answered neither", _/binary>>, Reason(Sign(fun(_) -> <<>> end))),
    ?assertMatch(<<"the callback was killed">>, Reason(Sign(fun(_) -> exit(self(), kill) end))),
    Hangs = Sign(fun(_) -> timer:sleep(infinity) end),
    ?assertMatch({error, #{code := budget_exhausted}}, Hangs),
    ?assertMatch({error, #{code := signature_mismatch}}, Sign(fun(_) -> {ok, <<"none">>} end)),
    ?assertEqual({messages, []}, process_info(self(), messages)).

zero() -> length([]).

%% Spoilers.

%% What comes back was made for another signing.
replayed(World, Service) ->
    fun(_, _, _) ->
        Self = self(),
        Proxy = proxy(World, Service, fun(_, Right) ->
            Answer = Right(),
            Self ! {answered, Answer},
            Answer
        end),
        Options = options(World, #{Service => maps:get(url, Proxy)}),
        {ok, _} = hex_provenance_sigstore:sign({bytes, <<"another">>}, Options),
        ?PROXY:stop(Proxy),
        receive
            {answered, Answer} -> Answer
        end
    end.

spoil_proof(_, Right, _) ->
    {Status, Headers, Body} = Right(),
    #{<<"inclusionProof">> := Proof} = Entry = hex_provenance_test_json:decode(Body),
    #{<<"treeSize">> := Size} = Proof,
    Grown = integer_to_binary(binary_to_integer(Size) + 1),
    Spoiled = Entry#{<<"inclusionProof">> := Proof#{<<"treeSize">> := Grown}},
    {Status, Headers, hex_provenance_test_json:encode(Spoiled)}.

drop_proof(_, Right, _) ->
    {Status, Headers, Body} = Right(),
    Entry = maps:remove(<<"inclusionProof">>, hex_provenance_test_json:decode(Body)),
    {Status, Headers, hex_provenance_test_json:encode(Entry)}.

%% The authority is given somebody else's token with our request.
other_name(#{base := Base} = World) ->
    fun(#{body := Body} = Request, _, _) ->
        Token = ?WORLD:mint(World, "/oidc/mint?email=mallory@example.com", <<>>),
        Asked = hex_provenance_test_json:decode(Body),
        Swapped = Asked#{<<"credentials">> := #{<<"oidcIdentityToken">> => list_to_binary(Token)}},
        ?PROXY:forward(Base, Request#{body := hex_provenance_test_json:encode(Swapped)})
    end.

counted(Deed) ->
    Count = counters:new(1, []),
    fun(Request, Right) ->
        counters:add(Count, 1, 1),
        Deed(Request, Right, counters:get(Count, 1))
    end.

proxy(World, Service, Deed) ->
    Base = maps:get(Service, bases(World)),
    ?PROXY:start(fun(Request) -> Deed(Request, fun() -> ?PROXY:forward(Base, Request) end) end).

options(World, Instead) ->
    options(World, Instead, fun(Config) -> Config end).

%% A person signs with the services, some of them elsewhere.
options(#{services := Services} = World, Instead, Change) ->
    Config = hex_provenance_test_cases:json(filename:join(Services, "signing_config.json")),
    Moved = maps:fold(
        fun(Service, Url, Acc) ->
            {Key, Path} = place(Service),
            #{Key := [One]} = Acc,
            Acc#{Key := [One#{<<"url">> := list_to_binary(Url ++ Path)}]}
        end,
        Config,
        Instead
    ),
    (?WORLD:signer(World, person))#{
        services => {json, hex_provenance_test_json:encode(Change(Moved))},
        trust => ?WORLD:trust(World),
        proxy => direct
    }.

place(ca) -> {<<"caUrls">>, ""};
place(log) -> {<<"rekorTlogUrls">>, ""};
place(tsa) -> {<<"tsaUrls">>, "/api/v1/timestamp"}.

%% Where the services are.
bases(#{services := Services}) ->
    Config = hex_provenance_test_cases:json(filename:join(Services, "signing_config.json")),
    Url = fun(Key) ->
        #{Key := [#{<<"url">> := Url}]} = Config,
        #{scheme := Scheme, host := Host, port := Port} = uri_string:parse(Url),
        lists:flatten(io_lib:format("~s://~s:~b", [Scheme, Host, Port]))
    end,
    #{ca => Url(<<"caUrls">>), log => Url(<<"rekorTlogUrls">>), tsa => Url(<<"tsaUrls">>)}.
