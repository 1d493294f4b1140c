%% A whole service: events recorded over HTTP, publishers' attestations staged, linked and attached,
%% all of it served by the service's own server.
-module(hex_provenance_service_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ASK, hex_provenance_api_tests).
-define(LOG, hex_provenance_test_stored_log).
-define(SERVICE, hex_provenance_test_service).
-define(TOKEN, <<"a token for tests">>).
-define(GITHUB, <<"https://token.actions.githubusercontent.com">>).

service_test_() ->
    {setup, fun start/0, fun stop/1, fun(Running) ->
        [
            {Name, {timeout, 60, fun() -> Test(Running) end}}
         || {Name, Test} <- [
                {"events are recorded once", fun events/1},
                {"staged, then linked", fun staged/1},
                {"attached after", fun attached/1},
                {"nobody's attestation is taken", fun strangers/1},
                {"unsound attestations are not taken", fun unsound/1},
                {"over its own server", fun served/1},
                {"processes that end are started again", fun restarted/1}
            ]
        ]
    end}.

start() ->
    #{db := Db, key := Key, origin := Origin, registry := Registry} = Log = ?LOG:open(),
    {ok, Service} = hex_provenance_service:start_link(#{
        name => ?SERVICE,
        log => #{
            db => Db,
            log_key => Key,
            origin => Origin,
            registry => #{key => Registry},
            last_signed => none,
            poll => 20
        },
        registry_key => Registry,
        authorise => hex_provenance_api_token:authorise([
            #{
                hash => hex_provenance_api_token:hash(?TOKEN),
                name => <<"registry">>,
                may => [record_events, attest]
            }
        ]),
        publishing => #{trust => {file, fixture("trusted_root.json")}},
        server => #{port => 0}
    }),
    unlink(Service),
    Running = #{log => Log, service => Service},
    {201, _} = record(Running, [
        publishers(<<"staged">>, <<"octo-org/octo-repo">>),
        publishers(<<"later">>, <<"octo-org/octo-repo">>),
        (publishers(<<"other">>, <<"octo-org/another">>))#{<<"eventId">> => <<"last">>}
    ]),
    await(<<"last">>),
    Running.

stop(#{log := Log, service := Service}) ->
    Monitor = monitor(process, Service),
    exit(Service, shutdown),
    receive
        {'DOWN', Monitor, process, _, _} -> ok
    end,
    ?LOG:close(Log).

events(Running) ->
    Event = release(publish, <<"plain">>, <<"1.0.0">>, ?LOG:digest(<<"plain">>, <<"1.0.0">>)),
    ?assertMatch(
        {201, #{<<"events">> := [#{<<"id">> := _, <<"state">> := <<"recorded">>}]}},
        record(Running, [Event])
    ),
    ?assertMatch(
        {200, #{<<"events">> := [#{<<"state">> := <<"known">>}]}}, record(Running, [Event])
    ),
    %% The same id may not say something else.
    ?assertMatch(
        {409, #{<<"error">> := #{<<"code">> := <<"event_conflict">>}}},
        record(Running, [Event#{<<"version">> := <<"2.0.0">>}])
    ),
    %% All or none: the second is no event.
    Good = Event#{<<"eventId">> := <<"good">>},
    {Refused, #{<<"error">> := #{<<"details">> := Details}}} =
        record(Running, [Good, Event#{<<"event">> := <<"party">>}]),
    ?assert(Refused >= 400),
    ?assertMatch(#{<<"event">> := 1}, Details),
    ?assertMatch({201, _}, record(Running, [Good])).

staged(_) ->
    Upload = fun() -> upload(<<"staged">>, <<"1.0.0">>, bundle()) end,
    {201, #{<<"attestations">> := [Staged]}} = Upload(),
    #{<<"state">> := <<"staged">>, <<"digest">> := Digest} = Staged,
    ?assertMatch({200, #{<<"attestations">> := [#{<<"state">> := <<"known">>}]}}, Upload()),
    Event = maps:remove(
        <<"provenance">>, release(publish, <<"staged">>, <<"1.0.0">>, artifact())
    ),
    {201, _} = record(undefined, [Event]),
    await(maps:get(<<"eventId">>, Event)),
    {200, #{<<"items">> := [Item], <<"linked">> := [Linked]}} =
        ask(get, "/api/packages/staged/releases/1.0.0/attestations"),
    ?assertMatch(#{<<"event">> := <<"publish">>}, Item),
    #{<<"digest">> := Digest, <<"bundle">> := Bundle} = Linked,
    %% Whoever has the document has the bundle's digest.
    {ok, Canonical} = hex_provenance_nif:json_encode(Bundle),
    ?assertEqual(Digest, hex_provenance_api_json:digest(crypto:hash(sha256, Canonical))),
    [Link] = links(Item),
    ?assertMatch(
        #{
            <<"predicateType">> := <<"https://slsa.dev/provenance/v1">>,
            <<"source">> := <<"https://github.com/octo-org/octo-repo">>,
            <<"level">> := 1
        },
        Link
    ),
    #{status := 200, body := Page} = handle(get, "/packages/staged/1.0.0", #{}),
    [
        ?assertNotEqual({nomatch, Text}, {binary:match(Page, Text), Text})
     || Text <- [
            <<"This server verified the signature">>,
            <<"0a1b2c3d4e5f60718293a4b5c6d7e8f901234567">>,
            <<"mix provenance.inspect bundle.sigstore.json">>
        ]
    ].

attached(_) ->
    Event = release(publish, <<"later">>, <<"1.0.0">>, artifact()),
    {201, _} = record(undefined, [Event]),
    await(maps:get(<<"eventId">>, Event)),
    Upload = fun(Body) -> upload(<<"later">>, <<"1.0.0">>, Body) end,
    Other = #{digest => <<"sha256:", (binary:copy(<<"0">>, 64))/binary>>, bundles => [bundle()]},
    ?assertMatch({409, #{<<"error">> := #{<<"code">> := <<"release_conflict">>}}}, Upload(Other)),
    Stated = #{digest => hex_provenance_api_json:digest(artifact()), bundles => [bundle()]},
    {201, #{<<"attestations">> := [#{<<"state">> := <<"attached">>}]}} = Upload(Stated),
    ?assertMatch({200, #{<<"attestations">> := [#{<<"state">> := <<"known">>}]}}, Upload(bundle())),
    [Index | _] = until(fun() ->
        {200, #{<<"items">> := Items}} =
            ask(get, "/api/packages/later/attestations?event=provenance"),
        [Index || #{<<"index">> := Index} <- Items]
    end),
    ?assert(is_integer(Index)),
    {200, #{<<"linked">> := [#{<<"bundle">> := #{}}]}} =
        ask(get, "/api/packages/later/releases/1.0.0/attestations").

strangers(_) ->
    ?assertMatch(
        {403, #{<<"error">> := #{<<"code">> := <<"publisher_missing">>}}},
        upload(<<"unknown">>, <<"1.0.0">>, bundle())
    ),
    ?assertMatch(
        {403, #{<<"error">> := #{<<"code">> := <<"identity_refused">>}}},
        upload(<<"other">>, <<"1.0.0">>, bundle())
    ),
    Path = "/api/packages/staged/releases/1.0.0/attestations",
    Json = #{headers => [{<<"content-type">>, <<"application/json">>}], body => <<"{}">>},
    ?assertMatch(#{status := 401}, handle(post, Path, Json)).

unsound(_) ->
    Upload = fun(Body) ->
        {Status, #{<<"error">> := #{<<"code">> := Code}}} = upload(<<"staged">>, <<"1.0.0">>, Body),
        {Status, Code}
    end,
    #{<<"dsseEnvelope">> := #{<<"signatures">> := [Signature]} = Envelope} = Bundle = bundle(),
    Forged = Signature#{<<"sig">> := base64:encode(<<"another">>)},
    {Status, _} = Upload(Bundle#{<<"dsseEnvelope">> := Envelope#{<<"signatures">> := [Forged]}}),
    ?assert(lists:member(Status, [400, 422])),
    %% Of other bytes than those that were published.
    Zero = <<"sha256:", (binary:copy(<<"0">>, 64))/binary>>,
    ?assertEqual({409, <<"release_conflict">>}, Upload(#{digest => Zero, bundles => [Bundle]})),
    ?assertMatch(
        {422, #{<<"error">> := #{<<"code">> := <<"subject_absent">>}}},
        upload(<<"staged">>, <<"2.0.0">>, #{digest => Zero, bundles => [Bundle]})
    ),
    [
        ?assertMatch({{400, _}, _}, {Upload(Body), Body})
     || Body <- [
            #{},
            #{bundles => []},
            #{bundles => [#{}]},
            #{bundles => lists:duplicate(9, Bundle)},
            #{bundles => [Bundle], digest => <<"sha256:x">>},
            #{bundles => [Bundle], more => 1},
            Bundle#{<<"mediaType">> := <<"application/vnd.dev.sigstore.bundle+json;version=0.2">>}
        ]
    ].

served(_) ->
    Port = hex_provenance_service:server_port(?SERVICE),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    Request = "GET /log/checkpoint HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ok = gen_tcp:send(Socket, Request),
    Answer = all(Socket),
    ?assertMatch(<<"HTTP/1.1 200 OK\r\n", _/binary>>, Answer),
    ?assertNotEqual(nomatch, binary:match(Answer, <<"log.example/attestations\n">>)).

all(Socket) ->
    case gen_tcp:recv(Socket, 0, 5000) of
        {ok, Bytes} -> <<Bytes/binary, (all(Socket))/binary>>;
        {error, closed} -> <<>>
    end.

restarted(#{service := Service}) ->
    logger:set_primary_config(level, none),
    Reader = reader(Service),
    exit(Reader, kill),
    _ = until(fun() -> [Pid || Pid <- [reader(Service)], is_pid(Pid), Pid =/= Reader] end),
    _ = until(fun() -> [200 || ask_status("/log/checkpoint") =:= 200] end),
    logger:set_primary_config(level, notice).

reader(Service) ->
    {_, Reader, _, _} = lists:keyfind(
        hex_provenance_log_reader, 1, supervisor:which_children(Service)
    ),
    Reader.

%% -- What the tests share --

publishers(Package, Repository) ->
    Publisher = #{
        <<"issuer">> => ?GITHUB,
        <<"claims">> => #{<<"repository">> => Repository, <<"workflow">> => <<"release.yml">>}
    },
    (event(publishers, Package))#{
        <<"action">> => <<"add">>,
        <<"publisher">> => Publisher,
        <<"publishers">> => [Publisher]
    }.

release(Event, Package, Version, Digest) ->
    (event(Event, Package))#{
        <<"version">> => Version,
        <<"digest">> => #{<<"sha256">> => hex(Digest)},
        <<"provenance">> => []
    }.

event(Event, Package) ->
    Id = [atom_to_binary(Event), "-", integer_to_binary(erlang:unique_integer([positive]))],
    #{
        <<"event">> => atom_to_binary(Event),
        <<"eventId">> => iolist_to_binary(Id),
        <<"package">> => Package,
        <<"occurredAt">> => <<"2026-11-24T12:00:00Z">>,
        <<"actor">> => #{<<"kind">> => <<"user">>, <<"id">> => <<"alice">>}
    }.

bundle() ->
    {ok, Json} = file:read_file(fixture("v1-dsse.json")),
    {ok, Bundle} = hex_provenance_nif:json_decode(Json),
    Bundle.

artifact() ->
    {ok, Bytes} = file:read_file(fixture("artifact")),
    crypto:hash(sha256, Bytes).

fixture(Name) -> filename:join("test/fixtures", Name).

links(#{<<"bundle">> := #{<<"dsseEnvelope">> := #{<<"payload">> := Payload}}}) ->
    {ok, #{<<"predicate">> := #{<<"provenance">> := Links}}} =
        hex_provenance_nif:json_decode(base64:decode(Payload)),
    Links.

record(_, Events) -> send("/api/events", #{events => Events}).

upload(Package, Version, Body) ->
    send(["/api/packages/", Package, "/releases/", Version, "/attestations"], Body).

send(Path, Term) ->
    {ok, Body} = hex_provenance_nif:json_encode(Term),
    Headers = [
        {<<"content-type">>, <<"application/json">>},
        {<<"authorization">>, <<"Bearer ", ?TOKEN/binary>>}
    ],
    #{status := Status} = Response = handle(post, Path, #{headers => Headers, body => Body}),
    {Status, ?ASK:decode(Response)}.

await(Id) ->
    {ok, Index} = hex_provenance_sequencer:await(hex_provenance_test_service_log, Id, 10_000),
    %% The reader may be a moment behind.
    Path = ["/api/log/entries?size=", integer_to_list(Index + 1)],
    until(fun() -> [Index || ask_status(Path) =:= 200] end).

ask(Method, Path) ->
    #{status := Status} = Response = handle(Method, Path, #{}),
    {Status, decoded(Response)}.

decoded(#{body := <<"{", _/binary>>} = Response) -> ?ASK:decode(Response);
decoded(#{body := Body}) -> Body.

ask_status(Path) ->
    #{status := Status} = handle(get, Path, #{}),
    Status.

handle(Method, Path, More) ->
    hex_provenance_service:handle(?SERVICE, ?ASK:request(Method, Path, More)).

until(Look) -> until(Look, 200).

until(Look, Times) ->
    case Look() of
        [_ | _] = Found ->
            Found;
        [] when Times > 0 ->
            timer:sleep(25),
            until(Look, Times - 1)
    end.

hex(Bytes) -> string:lowercase(binary:encode_hex(Bytes)).
