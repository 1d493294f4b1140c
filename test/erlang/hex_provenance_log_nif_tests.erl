%% The boundary of the library with which a log is run: whatever crosses it, the VM stays up; and
%% what it computes is checked by RFC 6962's definitions, written down here once more.
-module(hex_provenance_log_nif_tests).

-include_lib("eunit/include/eunit.hrl").

-export([statement/2]).

-define(NIF, hex_provenance_log_nif).
-define(ORIGIN, <<"log.example">>).
-define(PREFIX, <<"https://hex.pm/attestation">>).

%% The boundary

wrong_types_test_() ->
    [
        {lists:flatten(io_lib:format("~s/~b with ~P", [Name, Arity, Term, 6])), fun() ->
            {error, #{code := Code, stage := input, message := _, remedy := _}} =
                apply(?NIF, Name, lists:duplicate(Arity, Term)),
            ?assert(lists:member(Code, [option_invalid, malformed, input_too_large]))
        end}
     || {Name, Arity} <- ?NIF:module_info(exports),
        Arity > 0,
        not lists:member(Name, [module_info, test_hook]),
        Term <- hex_provenance_nif_tests:hostile(),
        not fits(Name, Term)
    ].

%% What is taken from anybody: how many tiles to keep, no entries, a statement of any bytes.
fits(log_prover, Term) -> is_integer(Term) andalso Term >= 0 andalso Term < 1 bsl 64;
fits(log_entry_bundle, Term) -> Term =:= [];
fits(log_envelope, Term) -> Term =:= <<255, 254>>;
fits(_, _) -> false.

%% One wrong term among good ones, in each place.
one_wrong_term_test_() ->
    {ok, Key} = key(),
    {ok, Prover} = ?NIF:log_prover(10),
    {ok, Note} = ?NIF:log_checkpoint(Key, 0, root([]), undefined),
    {ok, Heads} = ?NIF:log_heads(0, []),
    {ok, Policy} = ?NIF:log_policy(<<"quorum none\n">>),
    {ok, Db} = ?NIF:sqlite_open(filename:join(temporary_folder(), "db"), #{}),
    Zero = <<0:256>>,
    Good = [
        {log_checkpoint, [Key, 0, root([]), undefined]},
        {log_sequence, [#{size => 0, edge => <<>>}, [], #{}, ?PREFIX]},
        {log_statement_packages, [[], ?PREFIX]},
        {log_inclusion, [Prover, 0, 1]},
        {log_consistency, [Prover, 0, 1]},
        {log_root, [Prover, 0]},
        {log_edge, [Prover, 0]},
        {log_give, [Prover, []]},
        {log_consistent, [0, root([]), 1, Zero, []]},
        {log_tile_cut, [{0, 0, 1}, Zero]},
        {log_heads, [0, []]},
        {log_heads_prove, [Heads, <<"pkg:hex/a">>]},
        {log_tlog_proof, [0, [], Note]},
        {log_witness_request, [0, [], Note]},
        {log_policy_check, [Policy, Note, undefined]},
        {sqlite_query, [Db, <<"SELECT 1">>, []]},
        {sqlite_transaction, [Db, []]}
    ],
    Wrong = [
        -1,
        1 bsl 64,
        atom,
        {},
        {1, 2, 3},
        [a | b],
        [#{}],
        [{}],
        <<1:3>>,
        <<255>>,
        #{a => b},
        make_ref(),
        self()
    ],
    [
        {lists:flatten(io_lib:format("~s, place ~b: ~0P", [Name, Place, Term, 9])), fun() ->
            {error, #{code := Code}} = apply(?NIF, Name, replaced(Place, Term, Arguments)),
            ?assert(lists:member(Code, [option_invalid, malformed, input_too_large]))
        end}
     || {Name, Arguments} <- Good, Place <- lists:seq(1, length(Arguments)), Term <- Wrong
    ].

replaced(Place, Term, Arguments) ->
    lists:sublist(Arguments, Place - 1) ++ [Term] ++ lists:nthtail(Place, Arguments).

limits_test() ->
    Event = {event, statement(<<"a">>, 0), <<"s">>},
    Events = fun(Count) -> sequence(empty(), lists:duplicate(Count, Event), #{}) end,
    ?assertMatch({error, #{code := input_too_large}}, Events(257)),
    ?assertMatch({ok, _}, Events(256)),
    Zero = <<0:256>>,
    TooMany = ?NIF:log_consistent(1, Zero, 2, Zero, lists:duplicate(65, Zero)),
    ?assertMatch({error, #{code := option_invalid}}, TooMany),
    {ok, Prover} = ?NIF:log_prover(1 bsl 60),
    [
        ?assertMatch({error, #{code := input_too_large}}, ?NIF:log_root(Prover, Size))
     || Size <- [(1 bsl 62) + 1, (1 bsl 64) - 1]
    ],
    {ok, {missing, Missing}} = ?NIF:log_inclusion(Prover, 0, (1 bsl 62) - 1),
    ?assert(length(Missing) < 64).

a_root_that_is_not_the_edges_is_refused_test() ->
    {ok, #{size := 3, edge := Edge, root := Root}} =
        sequence(empty(), [{event, statement(<<"a">>, N), <<"s">>} || N <- [0, 1, 2]], #{}),
    Head = #{size => 3, edge => Edge, root => Root},
    ?assertMatch({ok, #{root := Root}}, sequence(Head, [], #{})),
    Other = Head#{root := <<0:256>>},
    ?assertMatch({error, #{code := consistency_broken}}, sequence(Other, [], #{})),
    ?assertMatch({error, #{code := malformed}}, sequence(Head#{size := 4}, [], #{})).

nothing_is_loaded_when_the_library_is_missing_test_() ->
    hex_provenance_nif_tests:peer_test(none, fun(Peer) ->
        [
            ?assertMatch(
                {error, #{code := nif_not_loaded, details := #{path := <<_, _/binary>>}}},
                peer:call(Peer, ?NIF, Name, lists:duplicate(Arity, any))
            )
         || {Name, Arity} <- ?NIF:module_info(exports), Name =/= module_info
        ],
        ?assertMatch(
            {error, #{code := nif_not_loaded}},
            peer:call(Peer, hex_provenance_sqlite, open, ["/tmp/never"])
        )
    end).

reloading_test_() ->
    hex_provenance_nif_tests:peer_test(real, fun(Peer) ->
        ?assertMatch({ok, _}, peer:call(Peer, ?NIF, log_new_seed, [])),
        peer:call(Peer, code, load_file, [?NIF]),
        peer:call(Peer, code, purge, [?NIF]),
        peer:call(Peer, code, delete, [?NIF]),
        peer:call(Peer, code, purge, [?NIF]),
        peer:call(Peer, code, load_file, [?NIF]),
        ?assertMatch({ok, _}, peer:call(Peer, ?NIF, log_new_seed, []))
    end).

a_panic_is_an_error_test_() ->
    hex_provenance_nif_tests:peer_test(hooks, fun(Peer) ->
        {error, Error} = peer:call(Peer, ?NIF, test_hook, [<<"panic">>]),
        ?assertMatch(#{code := internal, stage := system, details := #{at := _}}, Error),
        ?assertMatch({ok, _}, peer:call(Peer, ?NIF, log_new_seed, []))
    end).

%% Keys

a_key_is_not_shown_test() ->
    {ok, Seed} = ?NIF:log_new_seed(),
    {ok, Key} = ?NIF:log_key(#{seed => Seed, origin => ?ORIGIN}),
    ?assert(is_reference(Key)),
    Shown = iolist_to_binary(io_lib:format("~p", [Key])),
    ?assertEqual(nomatch, binary:match(Shown, [Seed, binary:encode_hex(Seed)])).

a_key_signs_as_erlang_says_test() ->
    {Public, Seed} = crypto:generate_key(eddsa, ed25519),
    {ok, Key} = ?NIF:log_key(#{seed => Seed, origin => ?ORIGIN}),
    {ok, <<_:12/binary, Public/binary>>} = ?NIF:log_spki(Key),
    {ok, Note} = ?NIF:log_checkpoint(Key, 7, <<9:256>>, undefined),
    [Text, <<"— "/utf8, Line/binary>>] = binary:split(Note, <<"\n\n">>),
    [?ORIGIN, Encoded] = binary:split(string:trim(Line), <<" ">>),
    <<_Id:4/binary, Signature/binary>> = base64:decode(Encoded),
    Message = <<Text/binary, "\n">>,
    ?assert(crypto:verify(eddsa, none, Message, Signature, [Public, ed25519])),
    {ok, Vkey} = ?NIF:log_vkey(Key),
    ?assertMatch(<<"log.example+", _/binary>>, Vkey).

pem_keys_test() ->
    case os:find_executable("openssl") of
        false ->
            ?debugMsg("skipped: there is no openssl");
        _ ->
            Pem = list_to_binary(os:cmd("openssl genpkey -algorithm ed25519")),
            ?assertMatch({ok, _}, ?NIF:log_key(#{pem => Pem, origin => ?ORIGIN})),
            Other = list_to_binary(os:cmd("openssl genpkey -algorithm x25519")),
            [
                ?assertMatch(
                    {error, #{code := key_invalid}}, ?NIF:log_key(#{pem => Bad, origin => ?ORIGIN})
                )
             || Bad <- [Other, <<>>, binary:part(Pem, 0, 60), <<Pem/binary, Pem/binary>>]
            ]
    end.

nothing_is_signed_that_does_not_extend_test() ->
    {ok, Key} = key(),
    {Leaves, Heads} = lists:unzip([grown(Size) || Size <- [5, 9]]),
    [Root5, Root9] = [root(Hashes) || Hashes <- Leaves],
    {ok, Proof} = proof(lists:last(Heads), fun(Prover) -> ?NIF:log_consistency(Prover, 5, 9) end),
    Sign = fun(Size, Root, Last) -> ?NIF:log_checkpoint(Key, Size, Root, Last) end,
    ?assertMatch({ok, _}, Sign(9, Root9, {5, Root5, Proof})),
    ?assertMatch({ok, _}, Sign(9, Root9, {9, Root9, []})),
    Broken = [{5, Root9, Proof}, {5, Root5, []}, {10, Root9, []}, {9, Root5, []}],
    [
        ?assertMatch({error, #{code := consistency_broken}}, Sign(9, Root9, Last))
     || Last <- Broken
    ].

key_changes_test() ->
    {ok, Old} = key(),
    {ok, New} = key(),
    {Public, Private} = crypto:generate_key(eddsa, ed25519),
    {ok, <<Prefix:12/binary, _/binary>>} = ?NIF:log_spki(Old),
    Spki = <<Prefix/binary, Public/binary>>,
    {ok, OldSpki} = ?NIF:log_spki(Old),
    {ok, Message} = ?NIF:log_key_change_message(?ORIGIN, log, OldSpki, Spki),
    Elsewhere = {Spki, crypto:sign(eddsa, none, Message, [Private, ed25519])},
    Change = fun(A, B) -> ?NIF:log_key_change(?ORIGIN, log, A, B) end,
    [
        begin
            {ok, Leaf} = Change(A, B),
            {ok, #{entries := [Entry]}} = sequence(empty(), [{leaf, Leaf}], #{}),
            ?assertMatch(#{leaf := Leaf, event := undefined}, Entry)
        end
     || {A, B} <- [{Old, New}, {Old, Elsewhere}]
    ],
    ?assertMatch({error, #{code := key_invalid}}, Change(Old, Old)),
    ?assertMatch({error, #{code := signature_mismatch}}, Change(New, Elsewhere)).

%% Batches and proofs

%% The tree that batches make is RFC 6962's, and so are its proofs, at every size.
a_log_in_batches_test_() ->
    {timeout, 120, fun() ->
        Batches = [1, 2, 250, 7, 256, 100, 1],
        {Head, Hashes, Tiles, _} = lists:foldl(fun batch/2, {empty(), [], #{}, #{}}, Batches),
        Size = lists:sum(Batches),
        ?assertMatch(#{size := Size}, Head),
        {ok, Prover} = ?NIF:log_prover(100),
        Ask = fun(Name, Arguments) ->
            given(Tiles, Prover, fun() -> apply(?NIF, Name, [Prover | Arguments]) end)
        end,
        [
            proven_at(At, lists:sublist(Hashes, At), Ask)
         || At <- [1, 3, 255, 256, 257, 300, 512, Size]
        ]
    end}.

proven_at(Size, Hashes, Ask) ->
    Root = root(Hashes),
    ?assertEqual({ok, Root}, Ask(log_root, [Size])),
    {ok, Edge} = Ask(log_edge, [Size]),
    Head = #{size => Size, edge => iolist_to_binary(Edge), root => Root},
    ?assertMatch({ok, #{root := Root}}, sequence(Head, [], #{})),
    [
        ?assertEqual({ok, inclusion(Index, Hashes)}, Ask(log_inclusion, [Index, Size]))
     || Index <- [0, 1, Size div 2, Size - 1], Index < Size
    ],
    [
        begin
            {ok, Proof} = Ask(log_consistency, [Old, Size]),
            OldRoot = root(lists:sublist(Hashes, Old)),
            Check = fun(As) -> ?NIF:log_consistent(Old, As, Size, Root, Proof) end,
            ?assertEqual({ok, true}, Check(OldRoot)),
            ?assertMatch({error, #{code := consistency_broken}}, Check(<<1:256>>))
        end
     || Old <- [1, Size div 2, Size], Old > 0
    ].

%% Grows a log as a store would, and keeps its tiles.
batch(Count, {Head, Hashes, Tiles, Heads}) ->
    Start = maps:get(size, Head),
    Ids = lists:seq(Start, Start + Count - 1),
    Names = [<<"p", (integer_to_binary(Id rem 5))/binary>> || Id <- Ids],
    Statements = [statement(Name, Id) || {Id, Name} <- lists:zip(Ids, Names)],
    {ok, Packages} = ?NIF:log_statement_packages(Statements, ?PREFIX),
    ?assertEqual(lists:usort([<<"pkg:hex/", Name/binary>> || Name <- Names]), Packages),
    {ok, #{size := Size, edge := Edge, root := Root, entries := Entries} = Batch} =
        sequence(Head, [{event, S, <<"sig">>} || S <- Statements], maps:with(Packages, Heads)),
    [
        begin
            ?assertEqual(crypto:hash(sha256, <<0, Leaf/binary>>), Hash),
            {ok, Envelope} = ?NIF:log_envelope(Statement, <<"sig">>),
            ?assertMatch(
                #{event := retire, linked := [], subjects := [_], version := <<"1.0.0">>}, Entry
            ),
            ?assertEqual(crypto:hash(sha256, Envelope), maps:get(envelope, Entry))
        end
     || {#{leaf := Leaf, hash := Hash} = Entry, Statement} <- lists:zip(Entries, Statements)
    ],
    Grown = lists:foldl(fun append/2, Tiles, maps:get(tiles, Batch)),
    {#{size => Size, edge => Edge, root => Root}, Hashes ++ [H || #{hash := H} <- Entries], Grown,
        maps:merge(Heads, maps:get(heads, Batch))}.

append({Level, Index, Offset, Bytes}, Tiles) ->
    Before = maps:get({Level, Index}, Tiles, <<>>),
    ?assertEqual(Offset * 32, byte_size(Before)),
    Tiles#{{Level, Index} => <<Before/binary, Bytes/binary>>}.

%% Gives what is missing, once.
given(Tiles, Prover, Ask) ->
    case Ask() of
        {ok, {missing, Missing}} ->
            {ok, undefined} = ?NIF:log_give(Prover, picked(Missing, Tiles)),
            {ok, {Kind, Answer}} = Ask(),
            ?assert(lists:member(Kind, [hash, hashes])),
            {ok, Answer};
        {ok, {_, Answer}} ->
            {ok, Answer}
    end.

picked(Missing, Tiles) ->
    [{Level, Index, maps:get({Level, Index}, Tiles)} || {Level, Index, _} <- Missing].

grown(Size) ->
    {Head, Hashes, Tiles, _} = batch(Size, {empty(), [], #{}, #{}}),
    {Hashes, {Head, Tiles}}.

proof({_, Tiles}, Ask) ->
    {ok, Prover} = ?NIF:log_prover(10),
    given(Tiles, Prover, fun() -> Ask(Prover) end).

%% One prover for all: proofs stay right while others give it tiles and its cache forgets them.
one_prover_for_many_processes_test_() ->
    {timeout, 120, fun() ->
        Batches = lists:duplicate(20, 256),
        {_, Hashes, Tiles, _} = lists:foldl(fun batch/2, {empty(), [], #{}, #{}}, Batches),
        Size = length(Hashes),
        {ok, Prover} = ?NIF:log_prover(4),
        Root = root(Hashes),
        Workers = [
            spawn_monitor(fun() ->
                [
                    begin
                        Index = (Seed * 997 + N * 131) rem Size,
                        Path = until_given(Tiles, Prover, Index, Size),
                        ?assertEqual(Root, climbed(lists:nth(Index + 1, Hashes), Index, Size, Path))
                    end
                 || N <- lists:seq(1, 100)
                ]
            end)
         || Seed <- lists:seq(1, 16)
        ],
        [
            receive
                {'DOWN', Monitor, process, _, Reason} -> ?assertEqual(normal, Reason)
            end
         || {_, Monitor} <- Workers
        ]
    end}.

%% Others may push out what was just given.
until_given(Tiles, Prover, Index, Size) ->
    case ?NIF:log_inclusion(Prover, Index, Size) of
        {ok, {hashes, Path}} ->
            Path;
        {ok, {missing, [_ | _] = Missing}} ->
            {ok, undefined} = ?NIF:log_give(Prover, picked(Missing, Tiles)),
            until_given(Tiles, Prover, Index, Size)
    end.

a_given_tile_is_checked_test() ->
    {ok, Prover} = ?NIF:log_prover(4),
    [
        ?assertMatch({error, #{code := Code}}, ?NIF:log_give(Prover, [Tile]))
     || {Tile, Code} <- [
            {{0, 0, <<>>}, option_invalid},
            {{0, 0, <<0:264>>}, malformed},
            {{8, 0, <<0:256>>}, option_invalid},
            {{entries, 0, <<0:256>>}, option_invalid},
            {{0, 0, binary:copy(<<0:256>>, 257)}, option_invalid},
            {{0, 1 bsl 60, <<0:256>>}, option_invalid}
        ]
    ].

tiles_test() ->
    ?assertEqual({ok, {0, 1234067, 256}}, ?NIF:log_tile(<<"tile/0/x001/x234/067">>)),
    ?assertEqual({ok, {entries, 0, 5}}, ?NIF:log_tile(<<"tile/entries/000.p/5">>)),
    [
        ?assertMatch({error, #{code := malformed}}, ?NIF:log_tile(Path))
     || Path <- [<<>>, <<"tile/0/0">>, <<"tile/8/000">>, <<"tile/0/000.p/256">>, <<"../tile/0">>]
    ],
    Hashes = [<<N:256>> || N <- lists:seq(1, 200)],
    Stored = iolist_to_binary(Hashes),
    ?assertEqual({ok, binary:part(Stored, 0, 160)}, ?NIF:log_tile_cut({0, 0, 5}, Stored)),
    ?assertMatch({error, #{code := malformed}}, ?NIF:log_tile_cut({0, 0, 201}, Stored)),
    {ok, Bundle} = ?NIF:log_entry_bundle([<<"a">>, <<>>, <<"ccc">>]),
    ?assertEqual(<<1:16, "a", 0:16, 3:16, "ccc">>, Bundle),
    ?assertEqual({ok, <<1:16, "a">>}, ?NIF:log_tile_cut({entries, 7, 1}, Bundle)),
    [
        ?assertMatch({error, #{code := input_too_large}}, ?NIF:log_entry_bundle(TooLarge))
     || TooLarge <- [lists:duplicate(257, <<>>), [<<0:32776>>]]
    ].

heads_test() ->
    Head = fun(Name, N) -> {<<"pkg:hex/", Name/binary>>, N, <<N:256>>, N} end,
    {ok, Heads} = ?NIF:log_heads(9, [Head(<<"b">>, 1), Head(<<"d">>, 2), Head(<<"f">>, 3)]),
    {ok, Leaf} = ?NIF:log_heads_leaf(Heads),
    ?assertMatch({_, _}, binary:match(Leaf, <<"\"count\":3,\"covers\":9">>)),
    Prove = fun(Name) -> ?NIF:log_heads_prove(Heads, <<"pkg:hex/", Name/binary>>) end,
    ?assertMatch({ok, #{present := #{position := 1, index := 2, path := [_, _]}}}, Prove(<<"d">>)),
    ?assertMatch({ok, #{before := #{position := 0}, 'after' := #{position := 1}}}, Prove(<<"c">>)),
    ?assertMatch({ok, #{before := undefined, 'after' := #{position := 0}}}, Prove(<<"a">>)),
    ?assertMatch({ok, #{before := #{position := 2}, 'after' := undefined}}, Prove(<<"g">>)),
    ?assertMatch({error, #{code := malformed}}, Prove(<<"A">>)),
    Unsorted = [Head(<<"d">>, 1), Head(<<"b">>, 2)],
    ?assertMatch({error, #{code := heads_mismatch}}, ?NIF:log_heads(9, Unsorted)).

%% Notes and witnesses

witnesses_test() ->
    {ok, Key} = key(),
    {ok, Vkey} = ?NIF:log_vkey(Key),
    {Public, Private} = crypto:generate_key(eddsa, ed25519),
    WitnessKey = vkey(<<"w1">>, 4, Public),
    Policy = iolist_to_binary([
        ["log ", Vkey, "\n"], ["witness w1 ", WitnessKey, " https://w1.example/\n"], "quorum w1\n"
    ]),
    {ok, Read} = ?NIF:log_policy(Policy),
    ?assertMatch(
        {ok, #{
            logs := [#{name := ?ORIGIN, vkey := Vkey, url := undefined}],
            witnesses := [#{name := <<"w1">>, vkey := WitnessKey, url := <<"https://w1.example/">>}]
        }},
        ?NIF:log_policy_info(Read)
    ),
    {ok, Note} = ?NIF:log_checkpoint(Key, 7, <<9:256>>, undefined),
    Missing = fun(Signed, Fresh) ->
        ?assertMatch({error, #{code := quorum_missing}}, ?NIF:log_policy_check(Read, Signed, Fresh))
    end,
    Missing(Note, undefined),
    ?assertEqual({ok, <<"old 0\n\n", Note/binary>>}, ?NIF:log_witness_request(0, [], Note)),
    ?assertMatch({error, #{code := malformed}}, ?NIF:log_witness_request(8, [], Note)),
    Answer = cosignature(Note, <<"w1">>, WitnessKey, Private, 1000),
    Read200 = fun(Body, Keys) -> ?NIF:log_witness_answer(200, <<>>, Body, Note, Keys) end,
    {ok, {cosigned, Cosigned}} = Read200(Answer, [WitnessKey]),
    ?assertEqual(
        {ok, #{quorum => true, witnesses => [#{name => <<"w1">>, time => 1000}]}},
        ?NIF:log_policy_check(Read, Cosigned, undefined)
    ),
    ?assertMatch({ok, _}, ?NIF:log_policy_check(Read, Cosigned, {1500, 600})),
    Missing(Cosigned, {1700, 600}),
    ?assertMatch({error, #{code := witness_refused}}, Read200(Answer, [])),
    Size = ?NIF:log_witness_answer(409, <<"text/x.tlog.size">>, <<"5\n">>, Note, [WitnessKey]),
    ?assertEqual({ok, {conflict, 5}}, Size),
    ?assertMatch(
        {error, #{code := witness_refused, details := #{status := 422}}},
        ?NIF:log_witness_answer(422, <<>>, <<>>, Note, [WitnessKey])
    ),
    {ok, #{size := 7, signatures := Signatures}} = ?NIF:log_note(Cosigned),
    ?assertMatch([#{name := ?ORIGIN}, #{name := <<"w1">>}], Signatures),
    {ok, Proof} = ?NIF:log_tlog_proof(0, [<<1:256>>], Cosigned),
    ?assertMatch(<<"c2sp.org/tlog-proof@v1\nindex 0\n", _/binary>>, Proof).

vkey(Name, Type, Public) ->
    <<Id:4/binary, _/binary>> = crypto:hash(sha256, [Name, $\n, Type, Public]),
    Hex = string:lowercase(binary:encode_hex(Id)),
    iolist_to_binary([Name, $+, Hex, $+, base64:encode(<<Type, Public/binary>>)]).

cosignature(Note, Name, Vkey, Private, Time) ->
    [Text, _] = binary:split(Note, <<"\n\n">>),
    Message = [<<"cosignature/v1\ntime ">>, integer_to_binary(Time), $\n, Text, $\n],
    Signature = crypto:sign(eddsa, none, iolist_to_binary(Message), [Private, ed25519]),
    [_, <<Hex:8/binary, $+, _/binary>>] = binary:split(Vkey, <<"+">>),
    Line = base64:encode(<<(binary:decode_hex(Hex))/binary, Time:64, Signature/binary>>),
    iolist_to_binary([<<"— "/utf8>>, Name, $\s, Line, $\n]).

%% RFC 6962, section 2.1, straight.

root([]) ->
    crypto:hash(sha256, <<>>);
root([One]) ->
    One;
root(Hashes) ->
    {Left, Right} = lists:split(middle(length(Hashes)), Hashes),
    node_hash(root(Left), root(Right)).

inclusion(0, [_]) ->
    [];
inclusion(Index, Hashes) ->
    Middle = middle(length(Hashes)),
    {Left, Right} = lists:split(Middle, Hashes),
    case Index < Middle of
        true -> inclusion(Index, Left) ++ [root(Right)];
        false -> inclusion(Index - Middle, Right) ++ [root(Left)]
    end.

climbed(Hash, Index, Size, Path) ->
    climb(Hash, Index, Size, lists:reverse(Path)).

climb(Hash, 0, 1, []) ->
    Hash;
climb(Hash, Index, Size, [Beside | Below]) ->
    Middle = middle(Size),
    case Index < Middle of
        true -> node_hash(climb(Hash, Index, Middle, Below), Beside);
        false -> node_hash(Beside, climb(Hash, Index - Middle, Size - Middle, Below))
    end.

node_hash(Left, Right) -> crypto:hash(sha256, <<1, Left/binary, Right/binary>>).

%% The largest power of two below the length.
middle(Length) -> middle(Length, 1).

middle(Length, Power) when Power * 2 >= Length -> Power;
middle(Length, Power) -> middle(Length, Power * 2).

key() ->
    {ok, Seed} = ?NIF:log_new_seed(),
    ?NIF:log_key(#{seed => Seed, origin => ?ORIGIN}).

empty() -> #{size => 0, edge => <<>>}.

sequence(Head, Events, Heads) -> ?NIF:log_sequence(Head, Events, Heads, ?PREFIX).

statement(Name, Id) ->
    Digest = binary:encode_hex(crypto:hash(sha256, <<Id:64>>)),
    iolist_to_binary([
        <<"{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"pkg:hex/">>,
        Name,
        <<"@1.0.0\",\"digest\":{\"sha256\":\"">>,
        string:lowercase(Digest),
        <<"\"}}],\"predicateType\":\"https://hex.pm/attestation/retire/v1\",\"predicate\":{">>,
        <<"\"package\":\"">>,
        Name,
        <<"\",\"version\":\"1.0.0\",\"eventId\":\"event-">>,
        integer_to_binary(Id),
        <<"\",\"occurredAt\":\"2026-01-31T12:00:00Z\"}}">>
    ]).

temporary_folder() ->
    string:trim(os:cmd("mktemp -d /tmp/hex_provenance_log.XXXXXX")).
