%% Refreshing trust roots, from the BEAM's side: answers, deadlines, and callers that end.
-module(hex_provenance_refresh_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TUF, hex_provenance_test_tuf).

refresh_test_() ->
    case hex_provenance_nif:sigstore_cancel(none) of
        {error, #{code := nif_not_loaded}} ->
            ?debugMsg("skipped: this build of the library has no network client"),
            [];
        {error, #{code := option_invalid}} ->
            {ok, _} = application:ensure_all_started(crypto),
            [
                {Name, {timeout, 60, fun() -> Test(unique_cache()) end}}
             || {Name, Test} <- [
                    {"a refreshed root says where it is from", fun a_refreshed_root/1},
                    {"offline uses the cache", fun offline/1},
                    {"the timeout is kept", fun timeout/1},
                    {"a cancelled refresh stops", fun cancelled/1},
                    {"a refresh ends with its caller", fun killed_caller/1},
                    {"many at once", fun many/1},
                    {"services come with the root they belong to", fun services/1},
                    {"what Hex is told of the network counts", fun hex_variables/1},
                    {"what fails is told", fun failures/1},
                    {"options are judged", fun options/1}
                ]
            ]
    end.

a_refreshed_root(Cache) ->
    #{url := Url, root := Root} = ?TUF:serve(trusted_root()),
    Before = erlang:system_time(second),
    Others = process_info(self(), messages),
    {ok, Refreshed} = refresh(Url, Root, #{cache => Cache}),
    {ok, Info} = hex_provenance_sigstore:trust_root_info(Refreshed),
    Hash = crypto:hash(sha256, trusted_root()),
    ?assertMatch(#{instance := <<"custom">>, source := tuf, sha256 := Hash}, Info),
    ?assert(maps:get(as_of, Info) >= Before),
    ?assertEqual(Others, process_info(self(), messages)).

offline(Cache) ->
    #{url := Url, root := Root, socket := Socket} = ?TUF:serve(trusted_root()),
    Offline = #{cache => Cache, offline => true},
    ?assertMatch({error, #{code := storage_failed}}, refresh(Url, Root, Offline)),
    {ok, _} = refresh(Url, Root, #{cache => Cache}),
    gen_tcp:close(Socket),
    {ok, Cached} = refresh(Url, Root, Offline),
    ?assertMatch({ok, #{source := tuf}}, hex_provenance_sigstore:trust_root_info(Cached)).

timeout(Cache) ->
    #{url := Url, root := Root} = ?TUF:serve_silence(),
    {Micros, Answer} = timer:tc(fun() -> refresh(Url, Root, #{cache => Cache, timeout => 300}) end),
    ?assertMatch({error, #{code := budget_exhausted, stage := system}}, Answer),
    ?assert(Micros > 250_000 andalso Micros < 5_000_000),
    await(connected),
    await(disconnected).

cancelled(Cache) ->
    #{url := Url, root := Root} = ?TUF:serve_silence(),
    {ok, Job} = start(Url, Root, #{cache => Cache}),
    await(connected),
    ?assertMatch({ok, _}, hex_provenance_nif:sigstore_cancel(Job)),
    ?assertMatch({ok, _}, hex_provenance_nif:sigstore_cancel(Job)),
    await(disconnected),
    receive
        {Job, Result} -> error({answered, Result})
    after 100 -> ok
    end.

killed_caller(Cache) ->
    #{url := Url, root := Root} = ?TUF:serve_silence(),
    Caller = spawn(fun() -> refresh(Url, Root, #{cache => Cache}) end),
    await(connected),
    exit(Caller, kill),
    await(disconnected).

many(Cache) ->
    #{url := Url, root := Root} = ?TUF:serve(trusted_root()),
    Callers = [
        spawn_monitor(fun() -> {ok, _} = refresh(Url, Root, #{cache => Cache}) end)
     || _ <- lists:seq(1, 20)
    ],
    [
        receive
            {'DOWN', Monitor, _, _, Reason} -> ?assertEqual(normal, Reason)
        end
     || {_, Monitor} <- Callers
    ].

services(Cache) ->
    Config = <<"{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\"}">>,
    Serve = fun(Targets) -> ?TUF:serve(trusted_root(), Targets) end,
    Refresh = fun(#{url := Url, root := Root}, Options) ->
        Repository = {custom, #{url => Url, root => Root}},
        hex_provenance_sigstore:refresh_services(Repository, Options#{cache => Cache})
    end,
    #{socket := Socket} = Server = Serve(#{'signing_config.v0.2.json' => Config}),
    {ok, #{services := {json, Config}, trust := Trust}} = Refresh(Server, #{}),
    ?assertMatch({ok, #{source := tuf}}, hex_provenance_sigstore:trust_root_info(Trust)),
    gen_tcp:close(Socket),
    ?assertMatch({ok, #{services := {json, Config}}}, Refresh(Server, #{offline => true})),
    ?assertMatch({error, #{code := service_missing}}, Refresh(Serve(#{}), #{})),
    Bad = Serve(#{'signing_config.v0.2.json' => <<"{}">>}),
    ?assertMatch({error, #{code := malformed}}, Refresh(Bad, #{})).

hex_variables(Cache) ->
    Config = <<"{\"mediaType\":\"application/vnd.dev.sigstore.signingconfig.v0.2+json\"}">>,
    #{url := Url, root := Root} =
        ?TUF:serve(trusted_root(), #{'signing_config.v0.2.json' => Config}),
    %% Known to its proxy only, and one for each: both are asked anew.
    Repository = fun(Name) ->
        {custom, #{url => <<"http://", Name/binary, ".test">>, root => Root}}
    end,
    Both = fun(Options) ->
        {Refreshed, _} = hex_provenance_sigstore:refresh_trust_root(Repository(<<"a">>), Options),
        Services = hex_provenance_sigstore:refresh_services(Repository(<<"b">>), Options),
        {Refreshed, element(1, Services)}
    end,
    Proxy = binary_to_list(Url),
    Dead = "http://127.0.0.1:1",
    Options = #{cache => Cache},
    with_environment([{"HEX_HTTPS_PROXY", Proxy}, {"HEX_HTTP_PROXY", Dead}], fun() ->
        ?assertEqual({ok, ok}, Both(Options)),
        ?assertEqual({ok, ok}, Both(Options#{proxy => environment})),
        ?assertEqual({error, error}, Both(Options#{proxy => list_to_binary(Dead)})),
        ?assertEqual({error, error}, Both(Options#{proxy => direct}))
    end),
    with_environment([{"HEX_HTTP_PROXY", Proxy}], fun() ->
        ?assertEqual({ok, ok}, Both(Options))
    end),
    with_environment([{"HEX_CACERTS_PATH", "no/such/file"}], fun() ->
        Through = Options#{proxy => Url},
        ?assertEqual({ok, ok}, Both(Through#{ca_files => []})),
        Path = <<"no/such/file">>,
        [
            ?assertMatch(
                {error, #{code := storage_failed, details := #{path := Path}}},
                hex_provenance_sigstore:Refresh(Repository(<<"a">>), Through)
            )
         || Refresh <- [refresh_trust_root, refresh_services]
        ]
    end),
    Invalid = hex_provenance_sigstore:refresh_trust_root(staging, none),
    ?assertMatch({error, #{code := option_invalid}}, Invalid).

with_environment(Variables, Test) ->
    [os:putenv(Name, Value) || {Name, Value} <- Variables],
    try
        Test()
    after
        [os:unsetenv(Name) || {Name, _} <- Variables]
    end.

failures(Cache) ->
    #{url := Url, socket := Socket} = ?TUF:serve(trusted_root()),
    Options = #{cache => Cache},
    ?assertMatch({error, #{code := trust_refresh_failed}}, refresh(Url, ?TUF:root(), Options)),
    ?assertMatch({error, #{code := trust_root_invalid}}, refresh(Url, <<"{}">>, Options)),
    gen_tcp:close(Socket),
    ?assertMatch({error, #{code := transport_failed}}, refresh(Url, ?TUF:root(), Options)).

options(_) ->
    Root = ?TUF:root(),
    Invalid = fun(Option, Repository, Options) ->
        {error, Error} = hex_provenance_sigstore:refresh_trust_root(Repository, Options),
        ?assertMatch(#{code := option_invalid, details := #{option := Option}}, Error)
    end,
    Invalid(<<"repository">>, moon, #{}),
    Invalid(<<"repository">>, {custom, #{url => <<"http://127.0.0.1">>}}, #{}),
    Invalid(<<"repository.colour">>, {custom, #{colour => red}}, #{}),
    Invalid(<<"url">>, {custom, #{url => <<"file:///etc">>, root => Root}}, #{}),
    Invalid(<<"timeout">>, staging, #{timeout => 0}),
    Invalid(<<"cache">>, staging, #{cache => 1}),
    Invalid(<<"offline">>, staging, #{offline => maybe_later}),
    Invalid(<<"ca_files">>, staging, #{ca_files => <<"file">>}),
    Invalid(<<"proxy">>, staging, #{proxy => none}),
    Invalid(<<"colour">>, staging, #{colour => red}).

refresh(Url, Root, Options) ->
    Repository = {custom, #{url => Url, root => Root}},
    hex_provenance_sigstore:refresh_trust_root(Repository, direct(Options)).

start(Url, Root, Options) ->
    Repository = {custom, #{url => Url, root => Root}},
    hex_provenance_nif:sigstore_refresh(Repository, direct(Options)).

direct(Options) -> Options#{proxy => direct}.

await(Message) ->
    receive
        Message -> ok
    after 5000 -> error({missing, Message})
    end.

trusted_root() ->
    [Path | _] = [
        File
     || #{options := #{trust := {file, File}}} <- hex_provenance_test_cases:all()
    ],
    {ok, Json} = file:read_file(Path),
    Json.

unique_cache() ->
    Unique = integer_to_list(erlang:unique_integer([positive])),
    filename:join("_build/test-cache", os:getpid() ++ "-" ++ Unique).
