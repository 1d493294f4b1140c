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
            %% What begins with the first signing, and stays, is nothing left behind.
            {ok, _} = hex_provenance_sigstore:sign({bytes, <<>>}, options(World, #{})),
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
                        {"what is refused is not asked again", fun refused/1},
                        {"a log of version 1 that answers wrongly", fun rekor_1/1},
                        {"GitHub's token service", fun token_service/1},
                        {"nobody sees a token meanwhile", fun sensitive/1},
                        {"what a log has already it hands out", fun known_entry/1},
                        {"another entry than the one asked for", fun other_known_entry/1},
                        {"an entry that is said to be elsewhere", fun entry_elsewhere/1},
                        {"an answer that got lost", fun lost_answer/1},
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
            {ca, "no certificate", certificate(<<"no certificate">>), malformed},
            {ca, "no DER", certificate(pem(<<"no DER">>)), malformed},
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

certificate(Pem) ->
    Chain = #{<<"chain">> => #{<<"certificates">> => [Pem]}},
    Json = hex_provenance_test_json:encode(#{<<"signedCertificateEmbeddedSct">> => Chain}),
    always({201, [], Json}).

pem(Bytes) ->
    Lines = ["-----BEGIN CERTIFICATE-----", base64:encode(Bytes), "-----END CERTIFICATE-----", ""],
    iolist_to_binary(lists:join($\n, Lines)).

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
    [
        begin
            {Key, Path} = place(Service),
            Options = options(World, #{}, fun(Config) ->
                #{Key := [One]} = Config,
                Url = list_to_binary("http://127.0.0.1:1" ++ Path),
                Dead = One#{<<"url">> => Url, <<"operator">> => <<"dead">>},
                Config#{Key := [Dead, One]}
            end),
            ?assertMatch({ok, _}, hex_provenance_sigstore:sign({bytes, <<>>}, Options))
        end
     || Service <- [ca, log, tsa]
    ].

%% Another try is for what may be better by then.
refused(World) ->
    [
        begin
            Asked = counters:new(1, []),
            Proxy = proxy(World, Service, fun(_, _) ->
                counters:add(Asked, 1, 1),
                Deed
            end),
            Options = options(World, #{Service => maps:get(url, Proxy)}),
            {error, _} = hex_provenance_sigstore:sign({bytes, <<>>}, Options),
            ?PROXY:stop(Proxy),
            ?assertEqual({Service, Deed, Tries}, {Service, Deed, counters:get(Asked, 1)})
        end
     || Service <- [ca, log, tsa],
        {Tries, Deed} <- [
            {1, {400, [], ""}},
            {1, {403, [], ""}},
            {1, {302, [{"location", "http://127.0.0.1:1/"}], ""}},
            {1, {201, [], "{"}},
            {4, {502, [], ""}}
        ]
    ].

rekor_1(World) ->
    Answer = fun(Change) ->
        Deed = fun(_, Right, _) ->
            {201, Headers, Json} = Right(),
            [{Id, Entry}] = maps:to_list(hex_provenance_test_json:decode(Json)),
            {201, Headers, hex_provenance_test_json:encode(Change(Id, Entry))}
        end,
        Log = once(World, fun(_, _) -> "" end, Deed),
        {error, #{code := Code}} = by_key(World, Log, crypto:strong_rand_bytes(8)),
        ?PROXY:stop(Log),
        Code
    end,
    Within = fun(Key, Value) ->
        fun(Id, #{<<"verification">> := Verification} = Entry) ->
            #{Id => Entry#{<<"verification">> := Verification#{Key => Value}}}
        end
    end,
    ?assertEqual(malformed, Answer(fun(_, _) -> #{} end)),
    ?assertEqual(malformed, Answer(fun(Id, Entry) -> #{Id => Entry, <<"b">> => Entry} end)),
    ?assertEqual(malformed, Answer(fun(Id, _) -> #{Id => #{}} end)),
    ?assertEqual(malformed, Answer(Within(<<"inclusionProof">>, #{}))),
    Spoiled = base64:encode(<<"no signature">>),
    ?assertEqual(set_invalid, Answer(Within(<<"signedEntryTimestamp">>, Spoiled))),
    Later = fun(Id, #{<<"integratedTime">> := Time} = Entry) ->
        #{Id => Entry#{<<"integratedTime">> := Time + 1}}
    end,
    ?assertEqual(set_invalid, Answer(Later)).

%% What it answers may hold a token, and what it is asked with is one.
token_service(World) ->
    Bearer = "bearer-of-a-github-job",
    Token = "e30.c2VjcmV0LXNlY3JldA.c2lnbmF0dXJl",
    Options = maps:remove(token, options(World, #{})),
    Sign = fun(Deed) ->
        Proxy = ?PROXY:start(fun(#{headers := Headers, path := Path}) ->
            Authorization = list_to_binary("Bearer " ++ Bearer),
            ?assertEqual(Authorization, proplists:get_value(<<"authorization">>, Headers)),
            ?assertEqual(<<"/token?v=2&audience=sigstore">>, Path),
            Deed
        end),
        os:putenv("ACTIONS_ID_TOKEN_REQUEST_URL", maps:get(url, Proxy) ++ "/token?v=2"),
        os:putenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", Bearer),
        try
            {error, #{code := Code} = Error} = hex_provenance_sigstore:sign({bytes, <<>>}, Options),
            [silent(#{token => list_to_binary(Secret)}, Error) || Secret <- [Bearer, Token]],
            Code
        after
            os:unsetenv("ACTIONS_ID_TOKEN_REQUEST_URL"),
            os:unsetenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
            ?PROXY:stop(Proxy)
        end
    end,
    ?assertEqual(transport_failed, Sign({403, [], ["{\"message\":\"", Bearer, "\"}"]})),
    ?assertEqual(transport_failed, Sign({500, [], Bearer})),
    ?assertEqual(transport_failed, Sign({302, [{"location", "http://127.0.0.1:1/"}], ""})),
    ?assertEqual(malformed, Sign({200, [], ["{\"value\":[\"", Token, "\"]}"]})),
    ?assertEqual(malformed, Sign({200, [], Token})),
    ?assertEqual(token_invalid, Sign({200, [], ["{\"value\":\"", Token, "\"}"]})).

%% A crash dump holds what is on heaps; what shows a heap shows none of this one.
sensitive(World) ->
    Self = self(),
    Proxy = ?PROXY:start(fun(_) ->
        Self ! asked,
        stall
    end),
    Options = options(World, #{ca => maps:get(url, Proxy)}),
    {Caller, Monitor} = spawn_monitor(fun() ->
        {error, _} = hex_provenance_sigstore:sign({bytes, <<>>}, Options#{timeout => 1000}),
        %% As it was before.
        exit(process_flag(sensitive, false))
    end),
    receive
        asked -> ok
    end,
    ?assertEqual({backtrace, <<>>}, process_info(Caller, backtrace)),
    receive
        {'DOWN', Monitor, process, Caller, Was} -> ?assertEqual(false, Was)
    end,
    ?PROXY:stop(Proxy).

%% Rekor 1 takes an entry once, and says where it is when it is asked again. The one here takes it
%% twice: what stands before it does not.
known_entry(World) ->
    Log = once(World, fun(Id, _) -> "/api/v1/log/entries/" ++ Id end),
    Signed = fun(Content) ->
        {ok, #{evidence := #{log_entries := [Entry]}}} = by_key(World, Log, Content),
        maps:with([index, integrated_time, body], Entry)
    end,
    First = Signed(<<"a">>),
    ?assertEqual(First, Signed(<<"a">>)),
    ?assertNotEqual(First, Signed(<<"b">>)),
    ?assertEqual([<<"POST">>, <<"POST">>, <<"GET">>, <<"POST">>], asked(Log)),
    ?PROXY:stop(Log).

other_known_entry(World) ->
    Log = once(World, fun(Id, All) -> "/api/v1/log/entries/" ++ hd(All -- [Id]) end),
    {ok, _} = by_key(World, Log, <<"a">>),
    {ok, _} = by_key(World, Log, <<"b">>),
    Answer = by_key(World, Log, <<"a">>),
    ?assertMatch({error, #{code := log_entry_mismatch}}, Answer),
    ?assertEqual([<<"POST">>, <<"POST">>, <<"POST">>, <<"GET">>], asked(Log)),
    ?PROXY:stop(Log).

%% Whoever answers a conflict does not say whom to ask next.
entry_elsewhere(World) ->
    Other = once(World, fun(Id, _) -> Id end),
    [
        begin
            Log = once(World, Location),
            {ok, _} = by_key(World, Log, <<"a">>),
            Answer = by_key(World, Log, <<"a">>),
            ?assertMatch(
                {error, #{code := transport_failed, details := #{status := 409}}}, Answer
            ),
            ?assertEqual([<<"POST">>, <<"POST">>], asked(Log)),
            ?assertEqual([], asked(Other)),
            ?PROXY:stop(Log)
        end
     || Location <- [
            fun(Id, _) -> maps:get(url, Other) ++ "/api/v1/log/entries/" ++ Id end,
            fun(Id, _) -> "//127.0.0.2/api/v1/log/entries/" ++ Id end,
            fun(_, _) -> "/api/v1/log/entries/../../../secret" end,
            fun(_, _) -> "" end
        ]
    ],
    ?PROXY:stop(Other).

%% The log has taken an entry, and nobody heard: Rekor 1 hands it out, and for Rekor 2, which does
%% not, ECDSA signs anew. Ed25519 would sign the same.
lost_answer(World) ->
    Lose = fun
        (_, Right, 1) -> {cut, Right()};
        (_, Right, _) -> Right()
    end,
    Log1 = once(World, fun(Id, _) -> "/api/v1/log/entries/" ++ Id end, Lose),
    ?assertMatch({ok, _}, by_key(World, Log1, <<"lost">>)),
    ?assertEqual([<<"POST">>, <<"POST">>, <<"GET">>], asked(Log1)),
    ?PROXY:stop(Log1),
    Sign = fun(Signer) ->
        Log2 = proxy(World, log, counted(Lose)),
        Config = moved(config(World, 2), #{log => maps:get(url, Log2)}),
        Answer = hex_provenance_sigstore:sign({bytes, <<"lost">>}, signing(World, Signer, Config)),
        ?PROXY:stop(Log2),
        Answer
    end,
    [?assertMatch({ok, _}, Sign(Signer)) || Signer <- [person, p384, external_p256]],
    Again = Sign(ed25519),
    ?assertMatch({error, #{code := transport_failed, details := #{status := 409}}}, Again).

by_key(World, #{url := Url}, Content) ->
    Config = moved(config(World, 1), #{log => Url}),
    hex_provenance_sigstore:sign({bytes, Content}, signing(World, ed25519, Config)).

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

%% Rekor 1 behind a memory of what it has; `Location' says of an entry, among all, where it is.
once(World, Location) ->
    once(World, Location, fun(_, Right, _) -> Right() end).

once(World, Location, Deed) ->
    Known = ets:new(?MODULE, [public, ordered_set]),
    Base = maps:get(log, bases(config(World, 1))),
    Tell = counted(Deed),
    Proxy = ?PROXY:start(fun(#{method := Method} = Request) ->
        ets:insert(Known, {{asked, erlang:unique_integer([monotonic])}, Method}),
        Tell(Request, fun() -> remembered(Known, Base, Location, Request) end)
    end),
    Proxy#{known => Known}.

remembered(Known, Base, Location, #{method := <<"POST">>, body := Body} = Request) ->
    case ets:lookup(Known, {posted, Body}) of
        [] ->
            {201, Headers, Json} = Answer = ?PROXY:forward(Base, Request),
            [Id] = maps:keys(hex_provenance_test_json:decode(Json)),
            ets:insert(Known, [{{posted, Body}, Id}, {{entry, Id}, {200, Headers, Json}}]),
            Answer;
        [{_, Id}] ->
            All = [binary_to_list(One) || {{entry, One}, _} <- ets:tab2list(Known)],
            {409, [{"location", Location(binary_to_list(Id), All)}], "{\"message\":\"known\"}"}
    end;
remembered(Known, _, _, #{method := <<"GET">>, path := Path}) ->
    Id = lists:last(binary:split(Path, <<"/">>, [global])),
    [{_, Answer}] = ets:lookup(Known, {entry, Id}),
    Answer.

asked(#{known := Known}) -> [Method || {{asked, _}, Method} <- ets:tab2list(Known)].

proxy(World, Service, Deed) ->
    Base = maps:get(Service, bases(config(World, 2))),
    ?PROXY:start(fun(Request) -> Deed(Request, fun() -> ?PROXY:forward(Base, Request) end) end).

options(World, Instead) ->
    options(World, Instead, fun(Config) -> Config end).

%% A person signs with the services, some of them elsewhere.
options(World, Instead, Change) ->
    signing(World, person, Change(moved(config(World, 2), Instead))).

signing(World, Signer, Config) ->
    (?WORLD:signer(World, Signer))#{
        services => {json, hex_provenance_test_json:encode(Config)},
        trust => ?WORLD:trust(World),
        proxy => direct
    }.

moved(Config, Instead) ->
    maps:fold(
        fun(Service, Url, Acc) ->
            {Key, Path} = place(Service),
            #{Key := [One]} = Acc,
            Acc#{Key := [One#{<<"url">> := list_to_binary(Url ++ Path)}]}
        end,
        Config,
        Instead
    ).

config(World, Log) -> hex_provenance_test_cases:json(?WORLD:config(World, Log)).

place(ca) -> {<<"caUrls">>, ""};
place(log) -> {<<"rekorTlogUrls">>, ""};
place(tsa) -> {<<"tsaUrls">>, "/api/v1/timestamp"}.

%% Where the services are.
bases(Config) ->
    Url = fun(Key) ->
        #{Key := [#{<<"url">> := Url}]} = Config,
        #{scheme := Scheme, host := Host, port := Port} = uri_string:parse(Url),
        lists:flatten(io_lib:format("~s://~s:~b", [Scheme, Host, Port]))
    end,
    #{ca => Url(<<"caUrls">>), log => Url(<<"rekorTlogUrls">>), tsa => Url(<<"tsaUrls">>)}.
