%% @doc A whole attestation service under one supervisor: the log, what reads it, and HTTP.
%%
%% ```
%% {ok, Db} = hex_provenance_sqlite:open("log.db"),
%% {ok, _} = hex_provenance_service:start_link(#{
%%     log => #{db => Db, log_key => LogKey, origin => <<"example.com/log">>,
%%              registry => #{key => RegistryKey},
%%              last_signed => {hex_provenance_last_signed_file, "signed"}},
%%     registry_key => RegistryKey,
%%     authorise => hex_provenance_api_token:authorise(Grants),
%%     server => #{port => 4040}
%% }).
%% '''
%%
%% A host with a web server of its own leaves `server' out and calls {@link handle/2}, as
%% `HexProvenance.Plug' does.
-module(hex_provenance_service).

-behaviour(supervisor).

-export([start_link/1, child_spec/1, handle/2, record/2, events/2, server_port/1]).
-export([init/1, start_reader/1]).

-export_type([options/0]).

-type options() :: #{
    log := hex_provenance_sequencer:options(),
    registry_key => hex_provenance_sigstore:signing_key(),
    hints => [{FirstIndex :: non_neg_integer(), Hint :: binary()}, ...],
    name => atom(),
    authorise => hex_provenance_api:authorise(),
    making => hex_provenance_registry:making(),
    purl => {binary(), binary()},
    title => binary(),
    url => binary(),
    policy => binary(),
    trusted_root => binary(),
    publishing => #{
        release => fun(),
        publishers => fun(),
        trust => hex_provenance_sigstore:trust(),
        rules => hex_provenance_slsa:options()
    },
    limits => hex_provenance_api:limits(),
    server => hex_provenance_server:options() | map()
}.
%% <ul>
%% <li>`log': as for {@link hex_provenance_sequencer:start_link/1}.</li>
%% <li>`registry_key' or `hints': how bundles name the registry's key: by the hash of that key, or
%%     as the hints say by the first entry that each key signed.</li>
%% <li>`name' (`hex_provenance_service'): what the service is called, and its processes after
%%     it.</li>
%% <li>`authorise': who may write; by default nobody.</li>
%% <li>`making': what events say that do not say so themselves.</li>
%% <li>`publishing': publishers' attestations are taken. `release' and `publishers' are as for
%%     {@link hex_provenance_api_upload}; by default they are what the log itself says.</li>
%% <li>`server': options of {@link hex_provenance_server}; without it there is none.</li>
%% <li>The others are those of {@link hex_provenance_api:state()}.</li>
%% </ul>

-define(STAGED_SECONDS, 3600).
-define(PAGE, 100).

%% @doc Starts a service.
-spec start_link(options()) -> supervisor:startlink_ret().
start_link(Options) ->
    supervisor:start_link({local, name(Options)}, ?MODULE, Options).

%% @doc For a supervisor.
-spec child_spec(options()) -> supervisor:child_spec().
child_spec(Options) ->
    #{id => name(Options), start => {?MODULE, start_link, [Options]}, type => supervisor}.

name(Options) -> maps:get(name, Options, ?MODULE).

%% @doc Answers one request.
-spec handle(Service :: atom(), hex_provenance_api:request()) -> hex_provenance_api:response().
handle(Service, Request) ->
    hex_provenance_api:handle(Request, state(Service)).

%% @doc Records events of the registry as {@link hex_provenance_sequencer:record/2} does.
-spec record(Service :: atom(), [hex_provenance_log_store:unsigned()]) ->
    {ok, [new | known]} | {error, hex_provenance_error:error()}.
record(Service, Unsigned) ->
    hex_provenance_sequencer:record(log_name(Service), Unsigned).

%% @doc The unsigned statements of events in JSON, decoded. A publish event that names no provenance
%% links what is staged for its release.
-spec events(Service :: atom(), [map()]) ->
    {ok, [hex_provenance_log_store:unsigned()]} | {error, hex_provenance_error:error()}.
events(Service, Events) ->
    #{statement := Statement} = state(Service),
    events_of(Events, Statement, []).

events_of([], _, Done) ->
    {ok, lists:reverse(Done)};
events_of([Event | Rest], Statement, Done) ->
    case Statement(Event) of
        {ok, Unsigned} -> events_of(Rest, Statement, [Unsigned | Done]);
        {error, _} = Error -> Error
    end.

%% @doc The port that the service's own server listens on.
-spec server_port(Service :: atom()) -> inet:port_number() | undefined.
server_port(Service) ->
    case [
        Pid
     || {hex_provenance_server, Pid, _, _} <- supervisor:which_children(Service), is_pid(Pid)
    ] of
        [Server] -> hex_provenance_server:port(Server);
        [] -> undefined
    end.

state(Service) -> persistent_term:get({?MODULE, Service}).

log_name(Service) -> list_to_atom(atom_to_list(Service) ++ "_log").

%% @private
-spec init(options()) -> {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init(#{log := Log} = Options) ->
    Name = name(Options),
    Children =
        [
            hex_provenance_sequencer:child_spec(Log#{name => log_name(Name)}),
            #{id => hex_provenance_log_reader, start => {?MODULE, start_reader, [Options]}}
        ] ++
            [
                hex_provenance_server:child_spec(
                    maps:merge(Server, #{handler => {?MODULE, handle, [Name]}})
                )
             || #{server := Server} <- [Options]
            ],
    {ok, {#{strategy => rest_for_one, intensity => 5, period => 10}, Children}}.

%% @private
-spec start_reader(options()) -> gen_server:start_ret().
start_reader(#{log := #{db := Db}} = Options) ->
    Name = name(Options),
    Started = hex_provenance_log_reader:start_link(#{
        db => Db, hints => hints(Options), sequencer => log_name(Name)
    }),
    case Started of
        {ok, Reader} ->
            State = api_state(hex_provenance_log_reader:reader(Reader), Options),
            persistent_term:put({?MODULE, Name}, State),
            Started;
        _ ->
            Started
    end.

hints(#{hints := Hints}) ->
    Hints;
hints(#{registry_key := Key}) ->
    {ok, #{key_id := Id}} = hex_provenance_sigstore:public_key(Key),
    [{0, base64:encode(Id)}].

api_state(Reader, #{log := #{db := Db, log_key := Key, origin := Origin}} = Options) ->
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(Key),
    Name = name(Options),
    Making = maps:get(making, Options, #{}),
    State = maps:with([url, policy, trusted_root, limits], Options),
    with_publishing(Options, State#{
        reader => Reader,
        record => fun(Unsigned) -> record(Name, Unsigned) end,
        statement => fun(Event) -> statement(Db, Event, Making, Options) end,
        authorise => maps:get(authorise, Options, fun(_, _) -> {error, 401} end),
        purl => maps:get(purl, Options, {<<"pkg:hex/">>, <<>>}),
        registry => maps:get(title, Options, Origin),
        vkey => Vkey
    }).

%% -- Events --

statement(Db, Event, Making, Options) ->
    hex_provenance_registry:statement_from_json(with_staged(Db, Event, Options), Making).

with_staged(_, #{<<"provenance">> := _} = Event, _) ->
    Event;
with_staged(Db, #{<<"event">> := <<"publish">>, <<"digest">> := Digest} = Event, Options) ->
    case {Event, Digest} of
        {#{<<"package">> := Package, <<"version">> := Version}, #{<<"sha256">> := Hex}} when
            is_binary(Package), is_binary(Version), is_binary(Hex)
        ->
            Tarball = hex_provenance_api_request:digest(<<"sha256:", Hex/binary>>),
            Event#{<<"provenance">> => staged(Db, Package, Version, Tarball, Options)};
        _ ->
            Event
    end;
with_staged(_, Event, _) ->
    Event.

staged(Db, Package, Version, {ok, Tarball}, Options) ->
    case hex_provenance_log_bundles:staged(Db, Package, Version, Tarball) of
        {ok, Staged} -> [link_of(One, Tarball, Options) || One <- Staged];
        {error, _} -> []
    end;
staged(_, _, _, error, _) ->
    [].

link_of(#{bundle_digest := Digest, predicate_type := Type, bundle := Bundle}, Tarball, Options) ->
    Publishing = maps:with([trust, rules], maps:get(publishing, Options, #{})),
    Inspection = Publishing#{artifact => {digest, sha256, Tarball}},
    Link = linked_as(Digest, Type),
    case hex_provenance_inspect:inspect(Bundle, Inspection) of
        {ok, #{verified := true, judgement := #{} = Judgement}} -> hinted(Link, Judgement);
        _ -> Link
    end.

linked_as(Digest, Type) ->
    Hex = string:lowercase(binary:encode_hex(Digest)),
    #{<<"predicateType">> => Type, <<"bundle">> => #{<<"sha256">> => Hex}}.

hinted(Link, Judgement) ->
    Hints = [{atom_to_binary(K), V} || {K, V} <- maps:to_list(Judgement), V =/= undefined],
    maps:merge(Link, maps:with([<<"builder">>, <<"source">>, <<"level">>], maps:from_list(Hints))).

%% -- Publishers --

with_publishing(#{publishing := Given, log := #{db := Db}} = Options, State) ->
    Publishing = #{
        release => fun(Package, Version) -> release(Db, purl(Package, State), Version) end,
        publishers => fun(Package) -> publishers(Db, purl(Package, State)) end,
        stage => fun(Bundle) -> stage(Db, Bundle) end,
        attach => fun(Bundle) -> attach(Db, Bundle, State, Options) end
    },
    State#{publishing => maps:merge(Publishing, Given)};
with_publishing(_, State) ->
    State.

purl(Package, #{purl := {Before, After}}) -> <<Before/binary, Package/binary, After/binary>>.

%% What the log says of the version now.
release(Db, Purl, Version) ->
    case all(Db, Purl, #{version => Version}) of
        {ok, Entries} ->
            published([
                Entry
             || #{event := Event} = Entry <- lists:reverse(Entries),
                Event =:= publish orelse Event =:= unpublish
            ]);
        {error, _} ->
            not_found
    end.

published([#{event := publish, leaf := Leaf} | _]) ->
    {ok, #{<<"subjects">> := [Subject | _]}} = hex_provenance_nif:json_decode(Leaf),
    {ok, Digest} = hex_provenance_api_request:digest(Subject),
    {ok, #{digest => Digest}};
published(_) ->
    not_found.

publishers(Db, Purl) ->
    case all(Db, Purl, #{event => publishers}) of
        {ok, [_ | _] = Entries} ->
            #{statement := Statement} = lists:last(Entries),
            stated_publishers(Statement);
        _ ->
            []
    end.

all(Db, Purl, Filter) ->
    case hex_provenance_log_entries:package_entries(Db, Purl, Filter#{limit => ?PAGE}) of
        {ok, Page} when length(Page) < ?PAGE ->
            {ok, Page};
        {ok, Page} ->
            #{index := Last} = lists:last(Page),
            case all(Db, Purl, Filter#{'after' => Last}) of
                {ok, Rest} -> {ok, Page ++ Rest};
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

stated_publishers(Statement) when is_binary(Statement) ->
    {ok, #{<<"predicate">> := Predicate}} = hex_provenance_nif:json_decode(Statement),
    lists:append([publisher(One) || One <- maps:get(<<"publishers">>, Predicate, [])]);
stated_publishers(undefined) ->
    [].

%% A claim that is not understood would be one that is not checked: such a publisher counts as none.
publisher(#{<<"issuer">> := Issuer, <<"claims">> := #{<<"repository">> := Repository} = Claims}) ->
    Known = [<<"repository">>, <<"workflow">>, <<"environment">>, <<"ref">>],
    case maps:without(Known, Claims) of
        Others when map_size(Others) =:= 0 ->
            Stated = [
                {workflow, <<"workflow">>, fun workflow_path/1},
                {environment, <<"environment">>, fun(Value) -> Value end},
                {refs, <<"ref">>, fun(Value) -> [Value] end}
            ],
            More = [
                {Key, Read(Value)}
             || {Key, Name, Read} <- Stated, #{Name := Value} <- [Claims]
            ],
            [
                (maps:from_list(More))#{
                    issuer => Issuer, repository => repository(Issuer, Repository)
                }
            ];
        _ ->
            []
    end;
publisher(_) ->
    [].

%% GitHub keeps workflows in one folder, and people name them without it.
workflow_path(Name) ->
    case binary:match(Name, <<"/">>) of
        nomatch -> <<".github/workflows/", Name/binary>>;
        _ -> Name
    end.

repository(_, <<"https://", _/binary>> = Url) -> Url;
repository(<<"https://gitlab.com", _/binary>>, Path) -> <<"https://gitlab.com/", Path/binary>>;
repository(_, Path) -> <<"https://github.com/", Path/binary>>.

stage(Db, Bundle) ->
    Now = erlang:system_time(second),
    _ = hex_provenance_log_bundles:purge_staged(Db, Now),
    hex_provenance_log_bundles:stage_bundle(Db, Bundle#{expires => Now + ?STAGED_SECONDS}).

%% An event of its own, named by the bundle: the same one again is known.
attach(Db, #{package := Package, version := Version, digest := Tarball} = Bundle, State, Options) ->
    #{bundle_digest := Digest, predicate_type := Type} = Bundle,
    <<Short:20/binary, _/binary>> = crypto:hash(sha256, [Package, 0, Version, 0, Digest]),
    Id = <<"provenance-", (string:lowercase(binary:encode_hex(Short)))/binary>>,
    case hex_provenance_log_store:event(Db, Id) of
        not_found ->
            Event = #{
                <<"event">> => <<"provenance">>,
                <<"eventId">> => Id,
                <<"occurredAt">> => now_text(),
                <<"package">> => Package,
                <<"version">> => Version,
                <<"digest">> => #{<<"sha256">> => string:lowercase(binary:encode_hex(Tarball))},
                <<"actor">> => #{<<"kind">> => <<"system">>},
                <<"provenance">> => [hinted(linked_as(Digest, Type), Bundle)]
            },
            attach_event(Db, Bundle, Event, State, Options);
        {ok, _} ->
            {ok, known};
        {error, _} = Error ->
            Error
    end.

attach_event(Db, Bundle, Event, #{record := Record}, Options) ->
    case stage(Db, Bundle) of
        {ok, _} ->
            Making = maps:get(making, Options, #{}),
            case hex_provenance_registry:statement_from_json(Event, Making) of
                {ok, Unsigned} -> attached(Record([Unsigned]));
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

attached({ok, [Known]}) -> {ok, Known};
%% Somebody handed it in at the same moment.
attached({error, #{code := event_conflict}}) -> {ok, known};
attached({error, _} = Error) -> Error.

now_text() ->
    list_to_binary(
        calendar:system_time_to_rfc3339(erlang:system_time(second), [{offset, "Z"}])
    ).
