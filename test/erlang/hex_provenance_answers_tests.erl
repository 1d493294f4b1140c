%% What the API answers from a real log: each proof is checked here by RFC 6962 alone, each bundle
%% by the verifier.
-module(hex_provenance_answers_tests).

-include_lib("eunit/include/eunit.hrl").

-define(ASK, hex_provenance_api_tests).
-define(LOG, hex_provenance_test_stored_log).

answers_test_() ->
    {setup, fun start/0, fun stop/1, fun(Running) ->
        [
            {Name, {timeout, 60, fun() -> Test(Running) end}}
         || {Name, Test} <- [
                {"a release", fun a_release/1},
                {"a package, page by page", fun a_package/1},
                {"a package as of a checkpoint", fun as_of_a_checkpoint/1},
                {"where a chain ends", fun heads/1},
                {"an artifact", fun an_artifact/1},
                {"a lock file", fun a_lock_file/1},
                {"exact bytes", fun blobs/1},
                {"the log in pages", fun entries/1},
                {"following the log", fun following/1},
                {"proofs", fun proofs/1},
                {"tiles", fun tiles/1},
                {"pages for a person", fun pages/1},
                {"what was taken back", fun redaction/1},
                {"a linked bundle", fun linked/1}
            ]
        ]
    end}.

empty_log_test() ->
    #{db := Db} = Log = ?LOG:open(),
    {ok, Server} = hex_provenance_log_reader:start_link(#{db => Db, hints => [{0, <<"h">>}]}),
    State = ?LOG:state(Log, Server),
    [
        ?assertMatch({404, _}, {status(get(State, Path)), Path})
     || Path <- ["/", "/packages/a", "/api/packages/a/head", "/log/checkpoint", "/log/tile/0/000"]
    ],
    ok = gen_server:stop(Server),
    ?LOG:close(Log).

%% 300 entries before the heads map, so that more than one tile is there; a few after it.
start() ->
    Log = ?LOG:open(),
    ?LOG:append(Log, [?LOG:event(publish, <<"a">>, <<"1.0.0">>)]),
    Many = [?LOG:event(publish, name(N), <<"0.1.0">>) || N <- lists:seq(1, 297)],
    ?LOG:append(Log, Many),
    ?LOG:append(Log, [
        ?LOG:event(retire, <<"a">>, <<"1.0.0">>),
        ?LOG:event(publish, <<"a">>, <<"1.1.0+build.1">>)
    ]),
    ?LOG:enter_heads(Log),
    ?LOG:append(Log, [
        ?LOG:event(owners, <<"a">>, undefined, #{
            action => add,
            owner => <<"bob">>,
            level => full,
            owners => [#{owner => <<"bob">>, level => full}]
        })
    ]),
    {Server, State} = ?LOG:serve(Log),
    #{log => Log, server => Server, state => State}.

stop(#{log := Log, server := Server}) ->
    ok = gen_server:stop(Server),
    ?LOG:close(Log).

name(N) -> <<"p", (integer_to_binary(N))/binary>>.

%% -- Lists --

a_release(#{state := State} = Running) ->
    Response = get(State, "/api/packages/a/releases/1.0.0/attestations"),
    ?assertEqual(<<"public, max-age=2">>, ?ASK:header(<<"cache-control">>, Response)),
    #{<<"items">> := [Publish, Retire]} = Answer = json(Response),
    ?assertMatch(#{<<"event">> := <<"publish">>, <<"index">> := 0}, Publish),
    ?assertMatch(#{<<"event">> := <<"retire">>, <<"index">> := 298}, Retire),
    check_items(Answer),
    {ok, #{event := publish, version := <<"1.0.0">>}} = verified(Publish, Running),
    {ok, #{event := retire}} = verified(Retire, Running),
    ?assertMatch(#{<<"head">> := #{<<"proof">> := #{<<"present">> := _}}}, Answer),
    ?assertMatch(
        #{<<"items">> := [], <<"next_after">> := null},
        json(get(State, "/api/packages/a/releases/9.9.9/attestations"))
    ),
    #{<<"items">> := [_]} = json(get(State, "/api/packages/a/releases/1.1.0+build.1/attestations")),
    #{<<"items">> := [_]} =
        json(get(State, "/api/packages/a/releases/1.1.0%2Bbuild.1/attestations")).

a_package(#{state := State}) ->
    All = indices(json(get(State, "/api/packages/a/attestations"))),
    ?assertEqual([0, 298, 299, 301], All),
    #{<<"next_after">> := Next} = First = json(get(State, "/api/packages/a/attestations?limit=3")),
    ?assertEqual({[0, 298, 299], 299}, {indices(First), Next}),
    Last = json(get(State, "/api/packages/a/attestations?limit=3&after=299")),
    ?assertMatch(#{<<"next_after">> := null}, Last),
    ?assertEqual([301], indices(Last)),
    ?assertEqual([298], indices(json(get(State, "/api/packages/a/attestations?event=retire")))),
    ?assertEqual(
        [0, 298], indices(json(get(State, "/api/packages/a/attestations?version=1.0.0")))
    ),
    check_items(Last).

as_of_a_checkpoint(#{state := State}) ->
    Response = get(State, "/api/packages/a/attestations?size=298"),
    ?assertEqual(
        <<"public, max-age=31536000, immutable">>, ?ASK:header(<<"cache-control">>, Response)
    ),
    #{<<"size">> := 298} = Answer = json(Response),
    ?assertEqual([0], indices(Answer)),
    check_items(Answer),
    ?assertEqual(404, status(get(State, "/api/packages/a/attestations?size=297"))),
    ?assertEqual(404, status(get(State, "/api/packages/a/attestations?size=400"))).

heads(#{state := State}) ->
    Response = get(State, "/api/packages/a/head"),
    ?assertEqual(<<"public, max-age=60">>, ?ASK:header(<<"cache-control">>, Response)),
    #{<<"head">> := Head} = Answer = json(Response),
    ?assertEqual([301], indices(Answer)),
    #{<<"map">> := #{<<"index">> := 300}, <<"package">> := <<"pkg:hex/a">>} = Head,
    #{<<"proof">> := #{<<"present">> := #{<<"index">> := 299, <<"seq">> := 2} = Place}} = Head,
    check_place(Head, Place),
    check_tail(Answer, Head),
    %% Between p99 and the end there is nothing called zzz.
    #{<<"head">> := #{<<"proof">> := #{<<"absent">> := Absent}} = Other, <<"items">> := []} =
        json(get(State, "/api/packages/zzz/head")),
    ?assertMatch(#{<<"before">> := #{<<"package">> := <<"pkg:hex/p99">>}}, Absent),
    ?assertMatch(#{<<"after">> := null}, Absent),
    check_place(Other, maps:get(<<"before">>, Absent)).

an_artifact(#{state := State}) ->
    Hex = hex(?LOG:digest(<<"a">>, <<"1.0.0">>)),
    Answer = json(get(State, ["/api/attestations?digest=sha256:", Hex])),
    ?assertEqual([0, 298], indices(Answer)),
    check_items(Answer),
    Typed = fun(Type) ->
        indices(
            json(
                get(State, [
                    "/api/attestations?digest=sha256:", Hex, "&predicate_type=", Type
                ])
            )
        )
    end,
    ?assertEqual([298], Typed("https://hex.pm/attestation/retire/v1")),
    ?assertEqual([], Typed("https://slsa.dev/provenance/v1")),
    None = json(get(State, ["/api/attestations?digest=sha256:", lists:duplicate(64, $0)])),
    ?assertEqual([], indices(None)).

a_lock_file(#{state := State}) ->
    Release = fun(Package, Version) -> #{package => Package, version => Version} end,
    Digest = <<"sha256:", (hex(?LOG:digest(<<"a">>, <<"1.0.0">>)))/binary>>,
    Response = post(State, "/api/attestations/query", #{
        releases => [
            (Release(<<"a">>, <<"1.0.0">>))#{digest => Digest},
            Release(<<"p7">>, <<"0.1.0">>),
            Release(<<"nothing">>, <<"1.0.0">>)
        ]
    }),
    #{<<"releases">> := [A, P7, Nothing], <<"heads">> := Heads} = Answer = json(Response),
    ?assertEqual(<<"no-store">>, ?ASK:header(<<"cache-control">>, Response)),
    ?assertMatch(#{<<"digest">> := Digest, <<"complete">> := true}, A),
    ?assertEqual([[0, 298], [7], []], [indices(One) || One <- [A, P7, Nothing]]),
    [check_items(maps:merge(Answer, One)) || One <- [A, P7]],
    #{<<"head">> := #{<<"present">> := Place}} = P7,
    check_place(Heads, Place),
    ?assertMatch(#{<<"head">> := #{<<"absent">> := _}}, Nothing),
    check_tail(Answer, Heads).

%% -- The log --

blobs(#{state := State}) ->
    #{<<"items">> := [#{<<"leaf">> := Leaf} | _]} =
        json(get(State, "/api/packages/p1/attestations")),
    {ok, #{<<"envelope">> := <<"sha256:", Hex/binary>>}} =
        hex_provenance_nif:json_decode(base64:decode(Leaf)),
    #{body := Body} = Response = get(State, ["/api/blobs/sha256/", Hex]),
    ?assertEqual(Hex, hex(crypto:hash(sha256, Body))),
    ?assertEqual(<<"public, max-age=86400">>, ?ASK:header(<<"cache-control">>, Response)),
    ?assertEqual(404, status(get(State, ["/api/blobs/sha256/", lists:duplicate(64, $0)]))).

entries(#{state := State}) ->
    Immutable = <<"public, max-age=31536000, immutable">>,
    Page = fun(Query) ->
        Response = get(State, ["/api/log/entries", Query]),
        #{<<"items">> := Items, <<"next_start">> := Next} = json(Response),
        {length(Items), Next, ?ASK:header(<<"cache-control">>, Response) =:= Immutable}
    end,
    ?assertEqual({256, 256, true}, Page("")),
    ?assertEqual({46, 302, false}, Page("?start=256")),
    %% A page ends where a bundle of entries does.
    ?assertEqual({56, 256, true}, Page("?start=200")),
    ?assertEqual({1, 11, true}, Page("?start=10&limit=1")),
    ?assertEqual({20, 276, false}, Page("?start=256&size=276")),
    ?assertEqual({0, 500, false}, Page("?start=500")),
    ?assertEqual(404, status(get(State, "/api/log/entries?size=303"))),
    #{<<"items">> := [Map]} = json(get(State, "/api/log/entries?start=300&limit=1")),
    ?assertMatch(#{<<"event">> := null, <<"bundle">> := null, <<"index">> := 300}, Map).

following(#{state := State, log := Log}) ->
    #{<<"items">> := Items, <<"next_after">> := 255, <<"consistency">> := []} =
        json(get(State, "/api/log/events")),
    ?assertEqual(256, length(Items)),
    #{<<"size">> := Size} = Last = json(get(State, "/api/log/events?after=255")),
    #{<<"consistency">> := [_ | _], <<"next_after">> := Next} = Last,
    ?assertEqual(Size - 1, Next),
    check_consistency(State, 256, Last),
    %% Nothing new: at once without wait, after it with.
    #{<<"items">> := [], <<"next_after">> := Next} = json(following(State, Next, 0)),
    {Waited, Nothing} = timer:tc(fun() -> json(following(State, Next, 1)) end),
    ?assertMatch(#{<<"items">> := []}, Nothing),
    ?assert(Waited > 900_000),
    %% Something new ends the wait.
    Self = self(),
    spawn_link(fun() -> Self ! {followed, json(following(State, Next, 30))} end),
    timer:sleep(100),
    ?LOG:append(Log, [?LOG:event(publish, <<"new">>, <<"1.0.0">>)]),
    receive
        {followed, #{<<"items">> := [New]} = Followed} ->
            ?assertMatch(#{<<"event">> := <<"publish">>}, New),
            check_consistency(State, Next + 1, Followed)
    after 5000 -> error(nobody_woke_it)
    end,
    ?assertEqual(404, status(get(State, "/api/log/events?after=5000"))).

following(State, After, Wait) ->
    get(State, io_lib:format("/api/log/events?after=~b&wait=~b", [After, Wait])).

proofs(#{state := State}) ->
    Response = get(State, "/api/log/proof/inclusion?index=5&size=298"),
    ?assertMatch(#{<<"index">> := 5, <<"size">> := 298, <<"hashes">> := [_ | _]}, json(Response)),
    ?assertEqual(
        <<"public, max-age=31536000, immutable">>, ?ASK:header(<<"cache-control">>, Response)
    ),
    [
        ?assertEqual(404, status(get(State, Path)))
     || Path <- [
            "/api/log/proof/inclusion?index=298&size=298",
            "/api/log/proof/inclusion?index=0&size=9999",
            "/api/log/proof/consistency?first=0&size=298",
            "/api/log/proof/consistency?first=299&size=298",
            "/api/log/entries/0.tlog-proof?size=297",
            "/api/log/entries/9999.tlog-proof"
        ]
    ],
    #{body := Proof} = Text = get(State, "/api/log/entries/5.tlog-proof?size=298"),
    ?assertMatch(<<"c2sp.org/tlog-proof@v1\n", _/binary>>, Proof),
    ?assertNotEqual(nomatch, binary:match(Proof, <<"\nindex 5\n">>)),
    ?assertEqual(<<"text/plain; charset=utf-8">>, ?ASK:header(<<"content-type">>, Text)),
    ?assertEqual(<<"public, max-age=3600">>, ?ASK:header(<<"cache-control">>, Text)).

tiles(#{state := State}) ->
    #{body := Tile} = Response = get(State, "/log/tile/0/000"),
    ?assertEqual(<<"application/octet-stream">>, ?ASK:header(<<"content-type">>, Response)),
    ?assertEqual(
        <<"public, max-age=31536000, immutable">>, ?ASK:header(<<"cache-control">>, Response)
    ),
    #{body := Bundle} = get(State, "/log/tile/entries/000"),
    Leaves = unbundle(Bundle),
    ?assertEqual(256, length(Leaves)),
    ?assertEqual(Tile, << <<(leaf_hash(Leaf))/binary>> || Leaf <- Leaves>>),
    #{body := Partial} = get(State, "/log/tile/0/001.p/42"),
    ?assertEqual(42 * 32, byte_size(Partial)),
    #{body := PartialBundle} = get(State, "/log/tile/entries/001.p/42"),
    ?assertEqual(Partial, << <<(leaf_hash(Leaf))/binary>> || Leaf <- unbundle(PartialBundle)>>),
    #{body := Upper} = get(State, "/log/tile/1/000.p/1"),
    ?assertEqual(32, byte_size(Upper)),
    [
        ?assertEqual({404, Path}, {status(get(State, ["/log/tile/", Path])), Path})
     || Path <- ["0/001", "0/001.p/200", "0/002.p/1", "1/000.p/2", "entries/001", "0/000.p/0"]
    ],
    #{body := Note} = Checkpoint = get(State, "/log/checkpoint"),
    ?assertEqual(<<"text/plain; charset=utf-8">>, ?ASK:header(<<"content-type">>, Checkpoint)),
    ?assertMatch({ok, #{origin := <<"log.example/attestations">>}}, note(Note)).

%% -- Pages --

pages(#{state := State}) ->
    Index = page(State, "/"),
    ?assertNotEqual(nomatch, binary:match(Index, <<"<a href=\"/packages/a\">a</a>">>)),
    Package = page(State, "/packages/a"),
    ?assertNotEqual(nomatch, binary:match(Package, <<"1.1.0+build.1">>)),
    Release = page(State, "/packages/a/1.0.0"),
    ?assertNotEqual(nomatch, binary:match(Release, <<"Retired">>)),
    ?assertNotEqual(nomatch, binary:match(Release, <<"use &lt;b&gt;another&lt;/b&gt;">>)),
    ?assertEqual(nomatch, binary:match(Release, <<"<b>">>)),
    ?assertNotEqual(nomatch, binary:match(Release, <<"https://example.com/api/packages/a">>)),
    ?assertNotEqual(nomatch, binary:match(page(State, "/packages/none"), <<"no entry">>)),
    ?assertNotEqual(nomatch, binary:match(page(State, "/packages/a/7.0.0"), <<"no entry">>)).

page(State, Path) ->
    #{body := Body} = Response = get(State, Path),
    ?assertEqual(200, status(Response)),
    ?assertEqual(<<"text/html; charset=utf-8">>, ?ASK:header(<<"content-type">>, Response)),
    Policy = ?ASK:header(<<"content-security-policy">>, Response),
    ?assertMatch(<<"default-src 'none'; ", _/binary>>, Policy),
    ?assertEqual(nomatch, binary:match(Body, <<"<script">>)),
    %% The policy admits the very style sheet that is there.
    [_, Rest] = binary:split(Body, <<"<style>">>),
    [Style, _] = binary:split(Rest, <<"</style>">>),
    Hash = base64:encode(crypto:hash(sha256, Style)),
    ?assertNotEqual(nomatch, binary:match(Policy, Hash)),
    Body.

%% -- Redaction and links --

redaction(#{state := State, log := #{db := Db}}) ->
    #{<<"items">> := [#{<<"leaf">> := Leaf}]} = json(get(State, "/api/packages/p9/attestations")),
    {ok, #{<<"envelope">> := <<"sha256:", Hex/binary>>}} =
        hex_provenance_nif:json_decode(base64:decode(Leaf)),
    ok = hex_provenance_log_bundles:redact(Db, binary:decode_hex(Hex)),
    ?assertEqual(410, status(get(State, ["/api/blobs/sha256/", Hex]))),
    #{<<"items">> := [Item]} = json(get(State, "/api/packages/p9/attestations")),
    ?assertMatch(#{<<"bundle">> := null, <<"leaf">> := Leaf}, Item),
    ?assertNotEqual(nomatch, binary:match(page(State, "/packages/p9/0.1.0"), <<"redacted">>)).

linked(#{state := State, log := #{db := Db} = Log}) ->
    Bundle = <<"{\"mediaType\":\"x\",\"n\":1}">>,
    Digest = crypto:hash(sha256, Bundle),
    {ok, new} = hex_provenance_log_bundles:stage_bundle(Db, #{
        package => ?LOG:purl(<<"l">>),
        version => <<"1.0.0">>,
        digest => ?LOG:digest(<<"l">>, <<"1.0.0">>),
        bundle => Bundle,
        predicate_type => <<"https://slsa.dev/provenance/v1">>,
        expires => erlang:system_time(second) + 100
    }),
    Missing = crypto:hash(sha256, <<"withheld">>),
    Type = <<"https://slsa.dev/provenance/v1">>,
    Link = fun(Of) -> #{predicate_type => Type, bundle => {sha256, Of}} end,
    ?LOG:append(Log, [
        ?LOG:event(publish, <<"l">>, <<"1.0.0">>, #{provenance => [Link(Digest), Link(Missing)]})
    ]),
    timer:sleep(100),
    #{<<"linked">> := Linked} = json(get(State, "/api/packages/l/releases/1.0.0/attestations")),
    Name = fun(Of) -> <<"sha256:", (hex(Of))/binary>> end,
    ?assertEqual(
        lists:sort([
            #{
                <<"digest">> => Name(Digest),
                <<"bundle">> => #{<<"mediaType">> => <<"x">>, <<"n">> => 1}
            },
            #{<<"digest">> => Name(Missing), <<"bundle">> => null}
        ]),
        lists:sort(Linked)
    ),
    ?assertMatch(#{body := Bundle}, get(State, ["/api/blobs/sha256/", hex(Digest)])),
    Page = page(State, "/packages/l/1.0.0"),
    ?assertNotEqual(nomatch, binary:match(Page, <<"not handed out">>)),
    ?assertNotEqual(nomatch, binary:match(Page, <<"Not verified by this server">>)).

%% -- Checking --

verified(#{<<"bundle">> := Bundle}, #{log := #{registry_public := #{der := Der}}}) ->
    {ok, Json} = hex_provenance_nif:json_encode(Bundle),
    hex_provenance_registry:verify(Json, any, #{keys => [#{der => Der}]}).

check_items(#{<<"checkpoint">> := Note, <<"size">> := Size, <<"items">> := Items}) ->
    {ok, #{size := Size, root := Root}} = note(Note),
    [
        ?assertEqual(Root, root(leaf_hash(base64:decode(Leaf)), Index, Size, unbase64(Path)))
     || #{<<"leaf">> := Leaf, <<"index">> := Index, <<"inclusion">> := Path} <- Items
    ].

check_place(#{<<"map">> := #{<<"leaf">> := Map}}, Place) ->
    {ok, #{<<"count">> := Count, <<"root">> := Root}} =
        hex_provenance_nif:json_decode(base64:decode(Map)),
    #{<<"position">> := Position, <<"path">> := Path} = Place,
    Entry = maps:with([<<"index">>, <<"leaf">>, <<"package">>, <<"seq">>], Place),
    {ok, Leaf} = hex_provenance_nif:json_encode(Entry),
    ?assertEqual(Root, hex(root(leaf_hash(Leaf), Position, Count, unbase64(Path)))).

%% Edge and tail make up the very log: both trees are computed anew from all entries.
check_tail(#{<<"checkpoint">> := Note}, #{<<"map">> := #{<<"leaf">> := Map}, <<"tail">> := Tail}) ->
    {ok, #{<<"covers">> := Covers}} = hex_provenance_nif:json_decode(base64:decode(Map)),
    #{<<"edge">> := Edge, <<"entries">> := Entries} = Tail,
    {ok, #{size := Size}} = note(Note),
    ?assertEqual(Size - Covers, length(Entries)),
    Bits = [1 || <<Bit:1>> <= <<Covers:64>>, Bit =:= 1],
    ?assertEqual(length(Bits), length(Edge)),
    ?assert(lists:member(Map, Entries)).

check_consistency(State, First, #{<<"size">> := Size, <<"consistency">> := Hashes} = Answer) ->
    #{<<"checkpoint">> := Note} = Answer,
    {ok, #{root := Root}} = note(Note),
    Old = tree_root([
        leaf_hash(base64:decode(Leaf))
     || #{<<"leaf">> := Leaf} <- all_entries(State, 0, First)
    ]),
    ?assertEqual(
        {ok, true},
        hex_provenance_log_nif:log_consistent(First, Old, Size, Root, unbase64(Hashes))
    ).

all_entries(_, Start, Size) when Start >= Size -> [];
all_entries(State, Start, Size) ->
    Query = io_lib:format("/api/log/entries?start=~b&size=~b", [Start, Size]),
    #{<<"items">> := Items, <<"next_start">> := Next} = json(get(State, Query)),
    Items ++ all_entries(State, Next, Size).

%% RFC 6962, 2.1.1, as it is written there.
root(Hash, 0, 1, []) -> Hash;
root(Hash, Index, Size, Path) ->
    Split = split(Size),
    Sibling = lists:last(Path),
    Rest = lists:droplast(Path),
    case Index < Split of
        true -> node_hash(root(Hash, Index, Split, Rest), Sibling);
        false -> node_hash(Sibling, root(Hash, Index - Split, Size - Split, Rest))
    end.

tree_root([Hash]) -> Hash;
tree_root(Hashes) ->
    {Left, Right} = lists:split(split(length(Hashes)), Hashes),
    node_hash(tree_root(Left), tree_root(Right)).

%% The largest power of two below it.
split(Size) -> split(1, Size).

split(Power, Size) when Power * 2 < Size -> split(Power * 2, Size);
split(Power, _) -> Power.

leaf_hash(Leaf) -> crypto:hash(sha256, [0, Leaf]).
node_hash(Left, Right) -> crypto:hash(sha256, [1, Left, Right]).

unbundle(<<>>) -> [];
unbundle(<<Length:16, Leaf:Length/binary, Rest/binary>>) -> [Leaf | unbundle(Rest)].

unbase64(Hashes) -> [base64:decode(Hash) || Hash <- Hashes].
note(Note) -> hex_provenance_log_nif:log_note(Note).
indices(#{<<"items">> := Items}) -> [Index || #{<<"index">> := Index} <- Items].
hex(Bytes) -> string:lowercase(binary:encode_hex(Bytes)).
status(#{status := Status}) -> Status.

get(State, Target) -> hex_provenance_api:handle(?ASK:request(get, Target), State).

post(State, Target, Term) ->
    {ok, Body} = hex_provenance_nif:json_encode(Term),
    Headers = [{<<"content-type">>, <<"application/json">>}],
    hex_provenance_api:handle(
        ?ASK:request(post, Target, #{headers => Headers, body => Body}), State
    ).

json(#{status := Status} = Response) ->
    Json = ?ASK:decode(Response),
    ?assertMatch({200, _}, {Status, Json}),
    Json.
