-module(hex_provenance_log_store_tests).

-include_lib("eunit/include/eunit.hrl").

-define(STORE, hex_provenance_log_store).
-define(ENTRIES, hex_provenance_log_entries).
-define(BUNDLES, hex_provenance_log_bundles).

contract_test_() ->
    hex_provenance_test_sequencer:both([
        {"tables", migrated(fun tables/2)},
        {"tables by several at once", fun at_once/2},
        {"recorded once", migrated(fun recorded/2)},
        {"all or none", migrated(fun all_or_none/2)},
        {"in the host's transaction", migrated(fun in_the_hosts/2)},
        {"signed once", migrated(fun signed_once/2)},
        {"in order", migrated(fun in_order/2)},
        {"integrated as a whole", migrated(fun integrated/2)},
        {"read", migrated(fun reads/2)},
        {"heads at every size", migrated(fun heads/2)},
        {"redacted", migrated(fun redacted/2)},
        {"bundles", migrated(fun bundles/2)},
        {"checkpoints", migrated(fun checkpoints/2)},
        {"what was signed", migrated(fun signed/2)}
    ]).

migrated(Test) ->
    fun(Db, Folder) ->
        ok = ?STORE:migrate(Db),
        Test(Db, Folder)
    end.

tables(Db, _) ->
    ?assertEqual({ok, hex_provenance_log_schema:newest()}, ?STORE:schema_version(Db)),
    ?assertEqual(ok, ?STORE:migrate(Db)),
    {ok, Head} = ?STORE:head(Db),
    ?assertEqual(
        #{size => 0, edge => <<>>, root => crypto:hash(sha256, <<>>), heads => undefined}, Head
    ).

at_once(Db, _) ->
    Results = in_parallel(fun(_) -> ?STORE:migrate(Db) end, lists:seq(1, 4)),
    ?assertEqual([ok, ok, ok, ok], Results),
    ?assertEqual({ok, hex_provenance_log_schema:newest()}, ?STORE:schema_version(Db)).

recorded(Db, _) ->
    [One, Two] = events([1, 2]),
    ?assertEqual({ok, [new]}, ?STORE:record(Db, [One])),
    ?assertEqual({ok, [known, new, known]}, ?STORE:record(Db, [One, Two, Two])),
    ?assertEqual({ok, []}, ?STORE:record(Db, [])),
    ?assertMatch({ok, #{pending := 2}}, ?STORE:outbox(Db)),
    ?assertMatch({ok, #{state := unsigned, index := undefined}}, ?STORE:event(Db, <<"event-1">>)),
    ?assertEqual(not_found, ?STORE:event(Db, <<"event-3">>)),
    integrate(Db),
    ?assertEqual({ok, [known, known]}, ?STORE:record(Db, [One, Two])),
    ?assertMatch({ok, #{pending := 0, oldest := undefined}}, ?STORE:outbox(Db)),
    ?assertMatch({ok, #{state := integrated, index := 1}}, ?STORE:event(Db, <<"event-2">>)).

all_or_none(Db, _) ->
    [One, Two] = events([1, 2]),
    {ok, [new]} = ?STORE:record(Db, [One]),
    Other = (hex_provenance_test_sequencer:event(3))#{id := <<"event-1">>},
    ?assertMatch(
        {error, #{code := event_conflict, details := #{event_id := <<"event-1">>}}},
        ?STORE:record(Db, [Two, Other])
    ),
    ?assertEqual(not_found, ?STORE:event(Db, <<"event-2">>)),
    ?assertMatch({ok, #{pending := 1}}, ?STORE:outbox(Db)).

in_the_hosts(Db, _) ->
    Steps = ?STORE:record_steps(events([1, 2]), hex_provenance_sql:dialect(Db)),
    Own = {<<"CREATE TABLE registry (name TEXT)">>, [], any},
    {ok, _} = hex_provenance_sql:transaction(Db, [Own | Steps]),
    Failing = {<<"SELECT name FROM registry">>, [], 1},
    {conflict, _} = hex_provenance_sql:transaction(
        Db, ?STORE:record_steps(events([3]), hex_provenance_sql:dialect(Db)) ++ [Failing]
    ),
    ?assertMatch({ok, [#{}, #{}]}, ?STORE:unsigned(Db, 9)).

signed_once(Db, _) ->
    {ok, _} = ?STORE:record(Db, events([1])),
    {ok, [#{ref := Ref}]} = ?STORE:unsigned(Db, 9),
    ?assertEqual({ok, 1}, ?STORE:put_signatures(Db, [{Ref, <<"first">>}])),
    ?assertEqual({ok, 0}, ?STORE:put_signatures(Db, [{Ref, <<"second">>}])),
    ?assertMatch({ok, [#{signature := <<"first">>}]}, ?STORE:pending(Db, 9)),
    ?assertMatch({ok, #{state := signed}}, ?STORE:event(Db, <<"event-1">>)),
    ?assertEqual(ok, ?STORE:discard_signatures(Db)),
    ?assertMatch({ok, [#{ref := Ref}]}, ?STORE:unsigned(Db, 9)).

in_order(Db, _) ->
    {ok, _} = ?STORE:record(Db, events([1, 2, 3])),
    {ok, [#{ref := First}, #{ref := Second}, #{ref := Third}]} = ?STORE:unsigned(Db, 9),
    {ok, 2} = ?STORE:put_signatures(Db, [{First, <<"1">>}, {Third, <<"3">>}]),
    ?assertMatch({ok, [#{ref := First}]}, ?STORE:pending(Db, 9)),
    {ok, 1} = ?STORE:put_signatures(Db, [{Second, <<"2">>}]),
    ?assertMatch({ok, [#{ref := First}, #{ref := Second}]}, ?STORE:pending(Db, 2)).

integrated(Db, _) ->
    {ok, _} = ?STORE:record(Db, events([1, 2, 3])),
    sign(Db),
    {ok, Head} = ?STORE:head(Db),
    {ok, [One, Two, Three]} = ?STORE:pending(Db, 9),
    Items = [{event, Event} || Event <- [One, Two, Three]],
    Batch = hex_provenance_test_sequencer:batch(Db, Head, Items),
    %% A signature that is not the stored one, a tile that is there already: nothing of it happens.
    Forged = [{event, Three#{signature := <<"other">>}} | tl(Items)],
    ?assertEqual(conflict, ?STORE:integrate(Db, Head, Forged, Batch)),
    ?assertMatch({ok, #{size := 0}}, ?STORE:head(Db)),
    ?assertEqual(ok, ?STORE:integrate(Db, Head, Items, Batch)),
    ?assertEqual(conflict, ?STORE:integrate(Db, Head, Items, Batch)),
    {ok, Next} = ?STORE:head(Db),
    ?assertEqual(3, maps:get(size, Next)),
    %% The same size, but another root.
    {ok, _} = ?STORE:record(Db, events([4])),
    sign(Db),
    {ok, [Four]} = ?STORE:pending(Db, 9),
    Later = hex_provenance_test_sequencer:batch(Db, Next, [{event, Four}]),
    ?assertEqual(conflict, ?STORE:integrate(Db, Next#{root := <<0:256>>}, [{event, Four}], Later)),
    ?assertEqual(ok, ?STORE:integrate(Db, Next, [{event, Four}], Later)),
    hex_provenance_test_sequencer:clean(Db).

reads(Db, _) ->
    Bundle = <<"{\"a\":\"bundle\"}">>,
    Linked = crypto:hash(sha256, Bundle),
    Link = #{predicate_type => <<"https://slsa.dev/provenance/v1">>, bundle => {sha256, Linked}},
    Plain = events(lists:seq(1, 20)),
    Special = [
        hex_provenance_test_sequencer:event(21, #{provenance => [Link]}),
        hex_provenance_test_sequencer:event(22, retirement()),
        hex_provenance_test_sequencer:event(23, advisory())
    ],
    {ok, _} = ?STORE:record(Db, Plain ++ Special),
    integrate(Db),
    {ok, Entries} = ?ENTRIES:entries(Db, 0, 100),
    ?assertEqual(lists:seq(0, 22), indices(Entries)),
    ?assertMatch({ok, [#{index := 5}, #{index := 6}]}, ?ENTRIES:entries(Db, 5, 2)),
    ?assertMatch({ok, []}, ?ENTRIES:entries(Db, 23, 9)),
    First = hd(Entries),
    ?assertMatch(#{event := publish, package := <<"pkg:hex/p1">>, seq := 0, linked := []}, First),
    ?assertEqual(<<"1.0.1">>, maps:get(version, First)),
    {ok, OfOne} = ?ENTRIES:package_entries(Db, <<"pkg:hex/p1">>, #{}),
    ?assertEqual([0, 7, 14, 21, 22], indices(OfOne)),
    Page = #{'after' => 0, below => 22, limit => 2},
    {ok, Some} = ?ENTRIES:package_entries(Db, <<"pkg:hex/p1">>, Page),
    ?assertEqual([7, 14], indices(Some)),
    ByVersion = fun(More) ->
        {ok, Found} = ?ENTRIES:package_entries(Db, <<"pkg:hex/p1">>, More),
        indices(Found)
    end,
    ?assertEqual([0, 21], ByVersion(#{version => <<"1.0.1">>})),
    ?assertEqual([21], ByVersion(#{version => <<"1.0.1">>, event => retire})),
    ?assertEqual([], ByVersion(#{version => <<"9.9.9">>})),
    ?assertEqual([22], ByVersion(#{event => vulnerability})),
    Type = <<"https://hex.pm/attestation/retire/v1">>,
    ?assertEqual([21], ByVersion(#{predicate_type => Type})),
    {ok, Release} = ?ENTRIES:release_entries(Db, <<"pkg:hex/p1">>, <<"1.0.1">>, #{}),
    ?assertEqual([0, 21, 22], indices(Release)),
    {ok, Other} = ?ENTRIES:release_entries(Db, <<"pkg:hex/p1">>, <<"1.0.15">>, #{}),
    ?assertEqual([14], indices(Other)),
    {ok, ByDigest} = ?ENTRIES:digest_entries(Db, crypto:hash(sha256, <<"1">>), #{}),
    ?assertEqual([0, 21, 22], indices(ByDigest)),
    ?assertEqual({ok, []}, ?ENTRIES:digest_entries(Db, crypto:hash(sha256, <<"x">>), #{})),
    ?assertMatch({ok, [#{index := 14}]}, ?ENTRIES:package_head(Db, <<"pkg:hex/p1">>, 21)),
    ?assertEqual({ok, []}, ?ENTRIES:package_head(Db, <<"pkg:hex/p1">>, 0)),
    ?assertEqual({ok, []}, ?ENTRIES:package_head(Db, <<"pkg:hex/none">>, 9)),
    ?assertMatch({ok, [#{linked := [Linked]}]}, ?ENTRIES:entries(Db, 20, 1)),
    {ok, <<Tile/binary>>} = ?ENTRIES:tile(Db, 0, 0),
    ?assertEqual(23 * 32, byte_size(Tile)),
    ?assertEqual(not_found, ?ENTRIES:tile(Db, 0, 1)),
    ?assertEqual(not_found, ?ENTRIES:tile(Db, 7, 1 bsl 60)),
    hex_provenance_test_sequencer:clean(Db).

retirement() ->
    #{
        event => retire,
        package => <<"p1">>,
        version => <<"1.0.1">>,
        digest => {sha256, crypto:hash(sha256, <<"1">>)},
        reason => security,
        message => <<"old">>
    }.

advisory() ->
    Releases = [
        #{version => <<"1.0.1">>, digest => {sha256, crypto:hash(sha256, <<"1">>)}},
        #{version => <<"1.0.8">>, digest => {sha256, crypto:hash(sha256, <<"8">>)}}
    ],
    #{
        event => vulnerability,
        package => <<"p1">>,
        releases => Releases,
        state => published,
        advisory => #{
            id => <<"GHSA-1">>,
            aliases => [],
            source => <<"https://example.com/1">>,
            modified => <<"2026-01-01T00:00:00Z">>,
            digest => {sha256, <<7:256>>}
        }
    }.

%% What the map says at each size is what the entries below it say.
heads(Db, _) ->
    {ok, _} = ?STORE:record(Db, events(lists:seq(1, 300))),
    integrate(Db),
    {ok, Entries} = ?ENTRIES:entries(Db, 0, 300),
    lists:foreach(
        fun(Covers) ->
            {ok, Heads} = ?ENTRIES:packages_heads(Db, Covers, <<>>, 100),
            ?assertEqual(expected_heads(lists:sublist(Entries, Covers)), Heads)
        end,
        [0, 1, 2, 8, 100, 255, 256, 257, 299, 300]
    ),
    {ok, All} = ?ENTRIES:packages_heads(Db, 300, <<>>, 100),
    {ok, Page} = ?ENTRIES:packages_heads(Db, 300, <<>>, 3),
    {ok, Rest} = ?ENTRIES:packages_heads(Db, 300, element(1, lists:last(Page)), 100),
    ?assertEqual(All, Page ++ Rest),
    Names = [Name || {Name, _, _, _} <- All],
    {ok, Known} = ?STORE:heads_of(Db, [<<"pkg:hex/none">> | Names]),
    ?assertEqual(lists:sort(Names), lists:sort(maps:keys(Known))).

expected_heads(Entries) ->
    Last = lists:foldl(
        fun(#{package := Package, index := Index, leaf := Leaf, seq := Seq}, Heads) ->
            Heads#{Package => {Package, Index, crypto:hash(sha256, [0, Leaf]), Seq}}
        end,
        #{},
        Entries
    ),
    lists:sort(maps:values(Last)).

redacted(Db, _) ->
    {ok, _} = ?STORE:record(Db, events(lists:seq(1, 10))),
    integrate(Db),
    {ok, [#{leaf := Leaf}]} = ?ENTRIES:entries(Db, 4, 1),
    <<"{\"envelope\":\"sha256:", Hex:64/binary, _/binary>> = Leaf,
    Digest = binary:decode_hex(Hex),
    {ok, Envelope} = ?BUNDLES:envelope(Db, Digest),
    ?assertEqual(Digest, crypto:hash(sha256, Envelope)),
    ?assertEqual(ok, ?BUNDLES:redact(Db, Digest)),
    ?assertEqual(redacted, ?BUNDLES:envelope(Db, Digest)),
    ?assertMatch(
        {ok, [#{leaf := Leaf, statement := undefined, signature := undefined, event := publish}]},
        ?ENTRIES:entries(Db, 4, 1)
    ),
    ?assertMatch({ok, #{state := integrated, index := 4}}, ?STORE:event(Db, <<"event-5">>)),
    ?assertEqual({ok, [known]}, ?STORE:record(Db, events([5]))),
    ?assertEqual(not_found, ?BUNDLES:envelope(Db, <<1:256>>)),
    ?assertEqual(not_found, ?BUNDLES:redact(Db, <<1:256>>)),
    ?assertMatch(#{redacted := 1, events := 10}, hex_provenance_test_sequencer:clean(Db)).

bundles(Db, _) ->
    Now = erlang:system_time(second),
    Bundle = <<"{\"mediaType\":\"x\"}">>,
    Digest = crypto:hash(sha256, Bundle),
    Subject = crypto:hash(sha256, <<"1">>),
    Staged = #{
        package => <<"pkg:hex/p1">>,
        version => <<"1.0.1">>,
        digest => Subject,
        bundle => Bundle,
        predicate_type => <<"https://slsa.dev/provenance/v1">>,
        expires => Now + 100
    },
    ?assertEqual({ok, new}, ?BUNDLES:stage_bundle(Db, Staged)),
    ?assertEqual({ok, known}, ?BUNDLES:stage_bundle(Db, Staged)),
    ?assertMatch(
        {ok, [#{bundle_digest := Digest, bundle := Bundle}]},
        ?BUNDLES:staged(Db, <<"pkg:hex/p1">>, <<"1.0.1">>, Subject)
    ),
    ?assertEqual({ok, []}, ?BUNDLES:staged(Db, <<"pkg:hex/p1">>, <<"1.0.2">>, Subject)),
    {ok, new} = ?BUNDLES:stage_bundle(Db, Staged#{bundle := <<"{}">>, expires := Now - 1}),
    ?assertMatch({ok, [_]}, ?BUNDLES:staged(Db, <<"pkg:hex/p1">>, <<"1.0.1">>, Subject)),
    Link = #{predicate_type => <<"https://slsa.dev/provenance/v1">>, bundle => {sha256, Digest}},
    {ok, _} = ?STORE:record(Db, [hex_provenance_test_sequencer:event(1, #{provenance => [Link]})]),
    ?assertEqual(ok, ?BUNDLES:purge_staged(Db, Now + 1000)),
    ?assertEqual({ok, Bundle}, ?BUNDLES:bundle(Db, Digest)),
    ?assertEqual(not_found, ?BUNDLES:bundle(Db, crypto:hash(sha256, <<"{}">>))),
    ?assertEqual(ok, ?BUNDLES:redact(Db, Digest)),
    ?assertEqual(redacted, ?BUNDLES:bundle(Db, Digest)).

checkpoints(Db, _) ->
    Put = fun(Size, Note, Quorum) ->
        ?STORE:put_checkpoint(Db, Size, <<Size:256>>, Note, Quorum)
    end,
    ?assertEqual(not_found, ?STORE:checkpoint(Db, newest)),
    ok = Put(5, <<"five">>, false),
    ?assertMatch({ok, #{size := 5, quorum := false}}, ?STORE:checkpoint(Db, newest)),
    ok = Put(5, <<"five cosigned">>, true),
    ok = Put(5, <<"five alone">>, false),
    ok = Put(7, <<"seven">>, false),
    ?assertMatch({ok, #{size := 5, note := <<"five cosigned">>}}, ?STORE:checkpoint(Db, newest)),
    ?assertMatch({ok, #{size := 7}}, ?STORE:checkpoint(Db, signed)),
    ok = Put(5, <<"five again">>, true),
    ?assertMatch({ok, #{note := <<"five again">>}}, ?STORE:checkpoint(Db, 5)),
    %% Two trees of one size are never stored.
    ok = ?STORE:put_checkpoint(Db, 5, <<0:256>>, <<"other">>, true),
    ?assertMatch({ok, #{note := <<"five again">>}}, ?STORE:checkpoint(Db, 5)),
    ?assertEqual(not_found, ?STORE:checkpoint(Db, 6)),
    ?assertEqual(not_found, ?STORE:checkpoint(Db, 1 bsl 80)),
    [ok = Put(Size, <<"x">>, true) || Size <- lists:seq(8, 600)],
    {ok, _} = ?STORE:prune_checkpoints(Db, 590),
    {ok, Left} = ?STORE:checkpoints(Db, -1, 100),
    ?assertEqual([255, 511, 600], [S || #{size := S} <- Left, S < 590 orelse S =:= 600]).

signed(Db, _) ->
    Empty = {0, crypto:hash(sha256, <<>>)},
    ?assertEqual({ok, Empty}, ?STORE:signed(Db)),
    ?assertEqual(ok, ?STORE:put_signed(Db, Empty, {5, <<5:256>>})),
    ?assertEqual(conflict, ?STORE:put_signed(Db, Empty, {6, <<6:256>>})),
    ?assertEqual({ok, {5, <<5:256>>}}, ?STORE:signed(Db)).

%%% Steps that the sequencer takes otherwise

events(Numbers) -> [hex_provenance_test_sequencer:event(Number) || Number <- Numbers].

indices(Entries) -> [Index || #{index := Index} <- Entries].

sign(Db) ->
    Options = #{key => hex_provenance_test_sequencer:registry_key()},
    {ok, Unsigned} = ?STORE:unsigned(Db, 1000),
    Signatures = [
        begin
            {ok, #{signature := Signature}} = hex_provenance_registry:sign(Statement, Options),
            {Ref, Signature}
        end
     || #{ref := Ref, statement := Statement} <- Unsigned
    ],
    {ok, _} = ?STORE:put_signatures(Db, Signatures).

integrate(Db) ->
    sign(Db),
    {ok, Head} = ?STORE:head(Db),
    case ?STORE:pending(Db, 100) of
        {ok, []} ->
            ok;
        {ok, Events} ->
            Items = [{event, Event} || Event <- Events],
            Batch = hex_provenance_test_sequencer:batch(Db, Head, Items),
            ok = ?STORE:integrate(Db, Head, Items, Batch),
            integrate(Db)
    end.

in_parallel(Function, Items) ->
    Self = self(),
    Pids = [spawn_link(fun() -> Self ! {self(), Function(Item)} end) || Item <- Items],
    [
        receive
            {Pid, Result} -> Result
        end
     || Pid <- Pids
    ].
