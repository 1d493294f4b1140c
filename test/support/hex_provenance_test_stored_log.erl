%% A log for tests: everything real but the processes. Whoever uses it says when events are entered.
-module(hex_provenance_test_stored_log).

-export([serve/1, state/2]).
-export([open/0, close/1, record/2, enter/1, enter_heads/1, publish_checkpoint/1, append/2]).
-export([event/3, event/4, tarball/2, digest/2, purl/1, hint/1, registry_key/0, trust_of/1]).

-define(ORIGIN, <<"log.example/attestations">>).
-define(PREFIX, <<"https://hex.pm/attestation">>).

open() ->
    Path = filename:join(
        temporary(), "hex_provenance_" ++ integer_to_list(erlang:unique_integer([positive]))
    ),
    {ok, Db} = hex_provenance_sqlite:open(Path ++ "-" ++ os:getpid() ++ ".db"),
    ok = hex_provenance_log_store:migrate(Db),
    {ok, Seed} = hex_provenance_log_nif:log_new_seed(),
    {ok, Key} = hex_provenance_log_nif:log_key(#{seed => Seed, origin => ?ORIGIN}),
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(Key),
    {ok, Registry} = hex_provenance_sigstore:signing_key(#{pem => registry_key()}),
    {ok, Public} = hex_provenance_sigstore:public_key(Registry),
    #{
        db => Db,
        path => Path ++ "-" ++ os:getpid() ++ ".db",
        key => Key,
        seed => Seed,
        vkey => Vkey,
        origin => ?ORIGIN,
        registry => Registry,
        registry_public => Public
    }.

close(#{db := Db, path := Path}) ->
    hex_provenance_sql:close(Db),
    [file:delete(Path ++ Suffix) || Suffix <- ["", "-wal", "-shm"]],
    ok.

temporary() ->
    case os:getenv("TMPDIR") of
        false -> "/tmp";
        Directory -> Directory
    end.

registry_key() ->
    Key = public_key:generate_key({namedCurve, secp256r1}),
    public_key:pem_encode([public_key:pem_entry_encode('PrivateKeyInfo', Key)]).

hint(#{registry_public := #{key_id := Id}}) -> base64:encode(Id).

%% What a client trusts of this log.
trust_of(#{vkey := Vkey, registry_public := #{der := Der}}) -> #{vkey => Vkey, registry => Der}.

%% What answers from the log as it is now, and the API's state.
serve(#{db := Db} = Log) ->
    {ok, Server} = hex_provenance_log_reader:start_link(#{
        db => Db, hints => [{0, hint(Log)}], poll => 20
    }),
    timer:sleep(300),
    {Server, state(Log, Server)}.

state(#{vkey := Vkey}, Server) ->
    #{
        reader => hex_provenance_log_reader:reader(Server),
        record => fun(_) -> error(unused) end,
        statement => fun(_) -> error(unused) end,
        authorise => fun(_, _) -> {error, 401} end,
        purl => {<<"pkg:hex/">>, <<>>},
        registry => <<"example registry">>,
        url => <<"https://example.com">>,
        vkey => Vkey
    }.

%% -- Events --

event(Event, Package, Version) -> event(Event, Package, Version, #{}).

event(Event, Package, Version, More) ->
    Id = iolist_to_binary([
        atom_to_binary(Event), "-", Package, "-", [Version || Version =/= undefined], "-",
        integer_to_binary(erlang:unique_integer([positive]))
    ]),
    Common = #{
        event => Event,
        package => Package,
        event_id => Id,
        occurred_at => 1763990000,
        actor => #{kind => user, id => <<"alice">>}
    },
    Release =
        case Version of
            undefined -> #{};
            _ -> #{version => Version, digest => {sha256, digest(Package, Version)}}
        end,
    maps:merge(maps:merge(Common, Release), maps:merge(details(Event), More)).

details(publish) -> #{provenance => []};
details(retire) -> #{reason => security, message => <<"use <b>another</b>">>};
details(_) -> #{}.

tarball(Package, Version) -> iolist_to_binary([Package, "-", Version, ".tar"]).
digest(Package, Version) -> crypto:hash(sha256, tarball(Package, Version)).
purl(Package) -> <<"pkg:hex/", Package/binary>>.

record(#{db := Db}, Events) ->
    Unsigned = [unsigned(Event) || Event <- Events],
    {ok, _} = hex_provenance_log_store:record(Db, Unsigned),
    Unsigned.

unsigned(Event) ->
    {ok, Unsigned} = hex_provenance_registry:statement(Event, #{}),
    Unsigned.

%% -- Entering --

append(Log, Events) ->
    _ = record(Log, Events),
    enter(Log),
    publish_checkpoint(Log).

%% Signs what is recorded, and enters it.
enter(#{db := Db, registry := Registry} = Log) ->
    {ok, Outboxed} = hex_provenance_log_store:unsigned(Db, 1000),
    Signed = [
        begin
            {ok, #{signature := Signature}} = hex_provenance_registry:sign(Statement, Registry),
            {Ref, Signature}
        end
     || #{ref := Ref, statement := Statement} <- Outboxed
    ],
    {ok, _} = hex_provenance_log_store:put_signatures(Db, Signed),
    enter_pending(Log, hex_provenance_log_store:pending(Db, 256)).

enter_pending(_, {ok, []}) ->
    ok;
enter_pending(#{db := Db} = Log, {ok, Pending}) ->
    integrate(Db, [{event, Event} || Event <- Pending]),
    enter_pending(Log, hex_provenance_log_store:pending(Db, 256)).

%% Enters the heads map of the log as it is.
enter_heads(#{db := Db}) ->
    {ok, #{size := Size}} = hex_provenance_log_store:head(Db),
    {ok, Map} = hex_provenance_log_entries:heads_map(Db, Size),
    {ok, Leaf} = hex_provenance_log_nif:log_heads_leaf(Map),
    integrate(Db, [{leaf, Leaf}]).

integrate(Db, Items) ->
    {ok, Head} = hex_provenance_log_store:head(Db),
    Statements = [Statement || {event, #{statement := Statement}} <- Items],
    {ok, Packages} = hex_provenance_log_nif:log_statement_packages(Statements, ?PREFIX),
    {ok, Heads} = hex_provenance_log_store:heads_of(Db, Packages),
    {ok, Batch} = hex_provenance_log_nif:log_sequence(
        maps:with([size, edge], Head), [item(Item) || Item <- Items], Heads, ?PREFIX
    ),
    ok = hex_provenance_log_store:integrate(Db, Head, Items, Batch).

item({event, #{statement := Statement, signature := Signature}}) -> {event, Statement, Signature};
item({leaf, Leaf}) -> {leaf, Leaf}.

publish_checkpoint(#{db := Db, key := Key}) ->
    {ok, #{size := Size, root := Root}} = hex_provenance_log_store:head(Db),
    {ok, Note} = hex_provenance_log_nif:log_checkpoint(Key, Size, Root, undefined),
    ok = hex_provenance_log_store:put_checkpoint(Db, Size, Root, Note, true).
