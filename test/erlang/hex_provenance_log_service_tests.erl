%% The client's side against the service's: what the one answers the other verifies, whole.
-module(hex_provenance_log_service_tests).

-behaviour(hex_provenance_http).

-include_lib("eunit/include/eunit.hrl").

-export([request/2]).

-define(LOG, hex_provenance_test_stored_log).
-define(ASK, hex_provenance_api_tests).

%% An HTTP client without HTTP: the service is a function.
request(State, #{method := Method, url := <<"http://service", Target/binary>>} = Request) ->
    Given = #{
        headers => maps:get(headers, Request), body => maps:get(body, Request, <<>>)
    },
    Asked = ?ASK:request(Method, binary_to_list(Target), Given),
    #{status := Status, headers := Headers, body := Body} = hex_provenance_api:handle(Asked, State),
    {ok, #{status => Status, headers => Headers, body => iolist_to_binary(Body)}}.

service_test_() ->
    {setup, fun start/0, fun stop/1, fun(Running) ->
        [
            {Name, {timeout, 60, fun() -> Test(Running) end}}
         || {Name, Test} <- [
                {"a package", fun a_package/1},
                {"a release", fun a_release/1},
                {"a lock file", fun a_lock_file/1},
                {"an artifact", fun an_artifact/1},
                {"a monitor", fun a_monitor/1}
            ]
        ]
    end}.

start() ->
    Log = ?LOG:open(),
    ?LOG:append(Log, [?LOG:event(publish, <<"a">>, <<"1.0.0">>)]),
    Names = [<<"p", (integer_to_binary(N))/binary>> || N <- lists:seq(1, 297)],
    ?LOG:append(Log, [?LOG:event(publish, Name, <<"0.1.0">>) || Name <- Names]),
    ?LOG:append(Log, [?LOG:event(retire, <<"a">>, <<"1.0.0">>)]),
    ?LOG:enter_heads(Log),
    ?LOG:append(Log, [?LOG:event(publish, <<"a">>, <<"1.1.0+build.1">>)]),
    {Server, State} = ?LOG:serve(Log),
    Service = #{url => <<"http://service">>, http => {?MODULE, State}},
    #{log => Log, server => Server, service => Service, options => #{trust => trust(Log)}}.

stop(#{log := Log, server := Server}) ->
    ok = gen_server:stop(Server),
    ?LOG:close(Log).

trust(#{key := Key, vkey := Vkey, registry := Registry}) ->
    {ok, Spki} = hex_provenance_log_nif:log_spki(Key),
    {ok, #{der := Der}} = hex_provenance_sigstore:public_key(Registry),
    [Origin | _] = binary:split(Vkey, <<"+">>),
    Keys = [
        #{purpose => <<"log">>, key => base64:encode(Spki), 'firstIndex' => 0},
        #{purpose => <<"registry">>, key => base64:encode(Der), 'firstIndex' => 0}
    ],
    File = #{
        version => 1,
        origin => Origin,
        keys => Keys,
        policy => [<<"quorum none">>],
        'earlierLogs' => []
    },
    {ok, Json} = hex_provenance_nif:json_encode(File),
    {ok, Trust} = hex_provenance_log:trust({json, Json}),
    Trust.

a_package(#{service := Service, options := Options}) ->
    Check = fun(Package, Version) ->
        hex_provenance_log:check(Service, Package, Version, undefined, Options)
    end,
    {ok, #{items := Items, state := State}} = Check(<<"a">>, <<"1.0.0">>),
    ?assertEqual([0, 298, 300], [Index || #{index := Index} <- Items]),
    ?assertMatch(#{published := #{index := 0}, retired := 298}, State),
    ?assertMatch({ok, #{state := #{retired := undefined}}}, Check(<<"a">>, <<"1.1.0+build.1">>)),
    ?assertMatch({error, #{code := attestation_missing}}, Check(<<"a">>, <<"9.9.9">>)),
    ?assertMatch({ok, _}, Check(<<"p297">>, <<"0.1.0">>)),
    ?assertMatch({error, #{code := _}}, Check(<<"absent">>, <<"1.0.0">>)).

a_release(#{service := Service, options := Options}) ->
    {ok, [#{lists := [List]}]} =
        hex_provenance_log:fetch(Service, {release, <<"a">>, <<"1.0.0">>}, Options),
    ?assertMatch(#{whole := false, head := #{index := 300}, items := [_, _]}, List),
    {ok, #{retired := 298}} = hex_provenance_log:state(List, <<"1.0.0">>, undefined, handed_out).

a_lock_file(#{service := Service, options := Options}) ->
    Asked = [{<<"a">>, <<"1.0.0">>, undefined}, {<<"p1">>, <<"0.1.0">>, undefined}],
    {ok, [#{lists := [First, Second]}]} =
        hex_provenance_log:fetch(Service, {releases, Asked}, Options),
    ?assertMatch(#{head := #{index := 300}, package := <<"pkg:hex/a">>}, First),
    ?assertMatch(#{whole := true, items := [#{index := 1}]}, Second).

an_artifact(#{service := Service, options := Options}) ->
    {ok, #{state := #{published := #{digest := Digest}}}} =
        hex_provenance_log:check(Service, <<"a">>, <<"1.0.0">>, undefined, Options),
    {ok, [#{lists := [#{items := [_ | _]}]} | _]} =
        hex_provenance_log:fetch(Service, {digest, Digest}, Options).

a_monitor(#{service := Service, options := Options}) ->
    {ok, Report} = hex_provenance_monitor:run(
        maps:merge(maps:merge(Service, Options), #{packages => [<<"a">>], patience => 1})
    ),
    ?assertMatch(#{misbehaviour := false, size := 301, packages := 298}, Report),
    #{findings := Findings} = Report,
    ?assertEqual([0, 298, 300], [Index || #{kind := event, index := Index} <- Findings]).
