%% @doc Recomputes a log from its rows and reports everything that differs.
%%
%% Leaves are computed again from the statements and the chains, the tree from the leaves (in
%% Erlang, apart from the code that made it), tiles, roots, checkpoints and heads maps from that.
%% Signatures are verified as far as keys are given. Rows are read in pages, so that memory stays
%% small however large the log is; nothing is changed, and the log may run meanwhile.
-module(hex_provenance_fsck).

-export([run/2]).

-export_type([options/0, difference/0, summary/0]).

-type options() :: #{
    origin := binary(),
    log_keys := [Vkey :: binary(), ...],
    prefix => binary(),
    registry => hex_provenance_registry:options(),
    hints => [{FirstIndex :: non_neg_integer(), Hint :: binary()}, ...],
    witnesses => binary(),
    last_signed => hex_provenance_last_signed:place() | none,
    maps => all | non_neg_integer(),
    report => fun((difference()) -> term())
}.
%% <ul>
%% <li>`log_keys': those that signed checkpoints, one of which must have signed each.</li>
%% <li>`registry': the options of {@link hex_provenance_registry:verify/3} that every event must
%%     verify with; without them signatures of events are not verified. `hints' are how its keys are
%%     known, by the first entry that each signed.</li>
%% <li>`witnesses': the policy file by which checkpoints have their quorum, or have not.</li>
%% <li>`last_signed': the record outside of the database.</li>
%% <li>`maps': how many of the newest heads maps are recomputed, each of which takes as long as
%%     there are packages; by default 64.</li>
%% <li>`report': is told each difference when it is found.</li>
%% </ul>

-type difference() :: #{what := atom(), at := term(), atom() => term()}.
%% What is wrong, and where: an entry's index, a checkpoint's size, a tile, a package.

-type summary() :: #{
    size := non_neg_integer(),
    events := non_neg_integer(),
    redacted := non_neg_integer(),
    pending := non_neg_integer(),
    packages := non_neg_integer(),
    checkpoints := non_neg_integer(),
    maps := non_neg_integer(),
    maps_skipped := non_neg_integer(),
    verified := non_neg_integer(),
    differences := non_neg_integer()
}.
%% `verified' is how many events' signatures were.

-record(check, {
    db :: hex_provenance_sql:db(),
    options :: map(),
    prover :: hex_provenance_log_nif:prover(),
    size :: non_neg_integer(),
    next = 0 :: non_neg_integer(),
    edge = [] :: [{Height :: non_neg_integer(), Hash :: binary()}],
    tiles = #{} :: #{Level :: non_neg_integer() => {Index :: non_neg_integer(), [binary()]}},
    heads = #{} :: #{binary() => none | {non_neg_integer(), binary(), non_neg_integer()}},
    maps = [] :: [{non_neg_integer(), binary()}],
    keys = 0 :: non_neg_integer(),
    counts = #{} :: #{atom() => non_neg_integer()}
}).

-define(PAGE, 256).
%% Packages whose ends are remembered from page to page.
-define(MOST_HEADS, 20_000).
-define(TILES, 256).

%% @doc Checks the log in a database.
-spec run(hex_provenance_sql:db(), options()) ->
    {ok, summary()} | {error, hex_provenance_error:error()}.
run(Db, Given) ->
    Options = maps:merge(defaults(), Given),
    case {hex_provenance_log_store:head(Db), hex_provenance_log_nif:log_prover(?TILES)} of
        {{ok, Head}, {ok, Prover}} -> check(Db, Options, Prover, Head);
        {{error, _} = Error, _} -> Error;
        {_, {error, _} = Error} -> Error
    end.

defaults() ->
    #{
        prefix => <<"https://hex.pm/attestation">>,
        registry => undefined,
        hints => undefined,
        witnesses => undefined,
        last_signed => none,
        maps => 64,
        report => fun(_) -> ok end
    }.

check(Db, Options, Prover, #{size := Size} = Head) ->
    Check = #check{db = Db, options = Options, prover = Prover, size = Size},
    try
        Steps = [
            fun entries/1,
            fun(Checked) -> tree(Head, Checked) end,
            fun rest_of_tiles/1,
            fun keys/1,
            fun packages/1,
            fun checkpoints/1,
            fun last_signed/1,
            fun heads_maps/1,
            fun outbox/1
        ],
        Run = fun(Step, Checked) -> Step(Checked) end,
        #check{counts = Counts} = lists:foldl(Run, Check, Steps),
        {ok, maps:merge(empty_summary(Size), Counts)}
    catch
        throw:{storage, Error} -> {error, Error}
    end.

empty_summary(Size) ->
    #{
        size => Size,
        events => 0,
        redacted => 0,
        pending => 0,
        packages => 0,
        checkpoints => 0,
        maps => 0,
        maps_skipped => 0,
        verified => 0,
        differences => 0
    }.

%%% Entries

entries(#check{next = Next, size = Size} = Check) when Next >= Size ->
    Check;
entries(#check{db = Db, next = Next, size = Size} = Check) ->
    Count = min(?PAGE, Size - Next),
    Rows = must(hex_provenance_log_audit:audit_entries(Db, Next, Count)),
    entries(page(Rows, gaps(Rows, Next, Count, Check))).

gaps(Rows, Next, Count, Check) ->
    Found = [Index || #{index := Index} <- Rows],
    Missing = lists:seq(Next, Next + Count - 1) -- Found,
    lists:foldl(fun(Index, Told) -> differs(entry_missing, Index, #{}, Told) end, Check, Missing).

page(Rows, #check{next = Next, size = Size} = Check) ->
    Begun = with_heads(Rows, Check),
    Signed = signatures(Rows, Begun),
    Checked = segments(Rows, Signed),
    Counted = lists:foldl(fun row/2, Checked, Rows),
    Counted#check{next = min(Size, Next + ?PAGE)}.

%% The ends of the page's chains before it.
with_heads(Rows, #check{heads = Heads} = Check) when map_size(Heads) > ?MOST_HEADS ->
    with_heads(Rows, Check#check{heads = #{}});
with_heads(Rows, #check{db = Db, heads = Heads, next = Next} = Check) ->
    Packages = lists:usort([Package || #{package := Package} <- Rows, Package =/= undefined]),
    Unknown = [Package || Package <- Packages, not is_map_key(Package, Heads)],
    Found = [{Package, head_before(Db, Package, Next)} || Package <- Unknown],
    Check#check{heads = maps:merge(Heads, maps:from_list(Found))}.

head_before(Db, Package, Index) ->
    case must(hex_provenance_log_entries:package_head(Db, Package, Index)) of
        [#{index := At, leaf := Leaf, seq := Seq}] -> {At, leaf_hash(Leaf), Seq};
        [] -> none
    end.

%% Events one behind the other are computed again together; what is redacted, or the log's own,
%% stands between.
segments([], Check) ->
    Check;
segments([#{event := Event, statement := Statement, signature := Signature} | _] = Rows, Check) when
    Event =/= undefined, is_binary(Statement), is_binary(Signature)
->
    {Segment, Rest} = lists:splitwith(fun is_whole/1, Rows),
    segments(Rest, segment(Segment, Check));
segments([Row | Rest], Check) ->
    segments(Rest, chained(Row, single(Row, Check))).

is_whole(#{event := Event, statement := Statement, signature := Signature}) ->
    Event =/= undefined andalso is_binary(Statement) andalso is_binary(Signature).

segment(Rows, #check{options = #{prefix := Prefix}, heads = Heads} = Check) ->
    Items = [{event, S, Signature} || #{statement := S, signature := Signature} <- Rows],
    Known = maps:filter(fun(_, Head) -> Head =/= none end, Heads),
    case hex_provenance_log_nif:log_sequence(empty_tree(hd(Rows)), Items, Known, Prefix) of
        {ok, #{entries := Entries}} ->
            lists:foldl(fun compared/2, Check, lists:zip(Rows, Entries));
        {error, Error} ->
            one_by_one(Rows, Error, Check)
    end.

%% Leaves do not depend on the tree but for its size: any of it will do.
empty_tree(#{index := Index}) ->
    Ones = length([1 || <<1:1>> <= <<Index:64>>]),
    #{size => Index, edge => binary:copy(<<0:256>>, Ones)}.

one_by_one([#{index := Index} = Row], Error, Check) ->
    chained(Row, differs(statement_unreadable, Index, #{error => Error}, Check));
one_by_one(Rows, _, Check) ->
    lists:foldl(fun(Row, Checked) -> segment([Row], Checked) end, Check, Rows).

compared({#{index := Index, leaf := Leaf} = Row, #{leaf := Computed} = Entry}, Check) ->
    Same = Leaf =:= Computed,
    Told = differs_unless(Same, leaf_mismatch, Index, #{expected => Computed}, Check),
    chained(Row, columns(Row, Entry, Told)).

columns(#{index := Index} = Row, Entry, Check) ->
    #{id := Id, subjects := Subjects, envelope := Envelope} = Entry,
    Expected = (maps:with([event, package, version, seq], Entry))#{
        id_key => hex_provenance_log_rows:id_key(Id),
        tag => hex_provenance_log_rows:version_tag(maps:get(version, Entry))
    },
    Actual = maps:with([event, package, version, seq, id_key, tag], Row),
    Told = differs_unless(Actual =:= Expected, columns_mismatch, Index, Expected, Check),
    digests(Index, lists:usort([Envelope | Subjects]), Told).

digests(Index, Digests, #check{db = Db, keys = Keys} = Check) ->
    Found = must(hex_provenance_log_audit:has_keys(Db, Index, Digests)),
    Missing = lists:usort(Digests) -- Found,
    Unique = length(lists:usort([hex_provenance_log_rows:key(One) || One <- Digests])),
    Counted = Check#check{keys = Keys + Unique},
    differs_unless(Missing =:= [], key_missing, Index, #{digests => Missing}, Counted).

%% What has no statement any more, or never had one.
single(#{event := undefined, index := Index, leaf := Leaf, own := heads}, Check) ->
    #check{maps = Maps} = Check,
    Check#check{maps = [{Index, Leaf} | Maps]};
single(#{event := undefined, index := Index, leaf := Leaf, own := key_change}, Check) ->
    #check{options = #{origin := Origin}} = Check,
    differs_unless(is_key_change(Origin, Leaf), key_change_invalid, Index, #{}, Check);
single(#{index := Index, package := Package, leaf := Leaf}, #check{heads = Heads} = Check) ->
    Expected = chain_fields(Package, maps:get(Package, Heads, none)),
    Counted = counted(redacted, Check),
    Digests = envelope_of(Leaf) ++ hex_provenance_log_entries:leaf_subjects(Leaf),
    Told = digests(Index, lists:usort(Digests), Counted),
    Follows = binary:match(Leaf, Expected) =/= nomatch,
    differs_unless(Follows, chain_broken, Index, #{expected => Expected}, Told).

envelope_of(<<"{\"envelope\":\"sha256:", Hex:64/binary, _/binary>>) -> [binary:decode_hex(Hex)];
envelope_of(_) -> [].

chain_fields(Package, none) ->
    iolist_to_binary(["\"package\":\"", Package, "\",\"previous\":null,\"seq\":0,"]);
chain_fields(Package, {Index, Hash, Seq}) ->
    Format = "\"package\":\"~ts\",\"previous\":{\"index\":~b,\"leaf\":\"~ts\"},\"seq\":~b,",
    Hex = string:lowercase(binary:encode_hex(Hash)),
    iolist_to_binary(io_lib:format(Format, [Package, Index, Hex, Seq + 1])).

%% A key change is made again from its parts, which verifies both signatures.
is_key_change(Origin, Leaf) ->
    Pattern = <<
        "^{\"new\":\"([^\"]*)\",\"newSignature\":\"([^\"]*)\",\"old\":\"([^\"]*)\","
        "\"oldSignature\":\"([^\"]*)\",\"purpose\":\"(registry|log)\",\"type\":3}$"
    >>,
    case re:run(Leaf, Pattern, [{capture, all_but_first, binary}]) of
        {match, [New, NewSignature, Old, OldSignature, Purpose]} ->
            made_again(Origin, Leaf, Purpose, [Old, OldSignature], [New, NewSignature]);
        nomatch ->
            false
    end.

made_again(Origin, Leaf, Word, Old, New) ->
    Purpose =
        case Word of
            <<"log">> -> log;
            <<"registry">> -> registry
        end,
    try
        [OldParty, NewParty] = [
            list_to_tuple([base64:decode(Part) || Part <- Party])
         || Party <- [Old, New]
        ],
        {ok, Leaf} =:= hex_provenance_log_nif:log_key_change(Origin, Purpose, OldParty, NewParty)
    catch
        error:_ -> false
    end.

%% What follows is compared with what is stored, so that one fault is told once.
chained(#{package := undefined}, Check) ->
    Check;
chained(#{index := Index, package := Package, leaf := Leaf, seq := Seq}, Check) ->
    #check{heads = Heads} = Check,
    Check#check{heads = Heads#{Package => {Index, leaf_hash(Leaf), Seq}}}.

row(#{leaf := Leaf, event := Event}, Check) ->
    Counted =
        case Event of
            undefined -> Check;
            _ -> counted(events, Check)
        end,
    push(leaf_hash(Leaf), Counted).

%%% Signatures

signatures(_, #check{options = #{registry := undefined}} = Check) ->
    Check;
signatures(Rows, #check{options = Options} = Check) ->
    Whole = [Row || Row <- Rows, is_whole(Row)],
    Results = hex_provenance_parallel:map(fun(Row) -> verified(Row, Options) end, Whole),
    lists:foldl(fun signature/2, Check, Results).

signature({_, ok}, Check) ->
    counted(verified, Check);
signature({Index, {error, Error}}, Check) ->
    differs(signature_invalid, Index, #{error => Error}, Check).

verified(#{index := Index, statement := Statement, signature := Signature}, Options) ->
    #{registry := Registry, hints := Hints} = Options,
    Made = hex_provenance_registry:bundle(Statement, Signature, hint(Index, Hints)),
    {Index, verified(Made, Registry)};
verified({ok, Bundle}, Registry) ->
    case hex_provenance_registry:verify(Bundle, any, Registry) of
        {ok, _} -> ok;
        {error, _} = Error -> Error
    end;
verified({error, _} = Error, _) ->
    Error.

hint(Index, Hints) ->
    {_, Hint} = lists:last([One || {First, _} = One <- lists:sort(Hints), First =< Index]),
    Hint.

%%% The tree: RFC 6962 and C2SP's tiles once more

push(Leaf, #check{edge = Edge} = Check) ->
    {Next, Nodes} = merge([{0, Leaf} | Edge], [{0, Leaf}]),
    lists:foldr(fun node/2, Check#check{edge = Next}, Nodes).

%% The smallest subtree first.
merge([{Height, Right}, {Height, Left} | Rest], Nodes) ->
    Node = {Height + 1, crypto:hash(sha256, [1, Left, Right])},
    merge([Node | Rest], [Node | Nodes]);
merge(Edge, Nodes) ->
    {Edge, Nodes}.

node({Height, Hash}, #check{tiles = Tiles} = Check) when Height rem 8 =:= 0 ->
    Level = Height div 8,
    case Tiles of
        #{Level := {Index, Hashes}} when length(Hashes) =:= 255 ->
            Told = tile(Level, Index, [Hash | Hashes], Check),
            Told#check{tiles = Tiles#{Level := {Index + 1, []}}};
        #{Level := {Index, Hashes}} ->
            Check#check{tiles = Tiles#{Level := {Index, [Hash | Hashes]}}};
        #{} ->
            Check#check{tiles = Tiles#{Level => {0, [Hash]}}}
    end;
node(_, Check) ->
    Check.

tile(_, _, [], Check) ->
    Check;
tile(Level, Index, Hashes, #check{db = Db} = Check) ->
    Expected = iolist_to_binary(lists:reverse(Hashes)),
    Same =
        case hex_provenance_log_entries:tile(Db, Level, Index) of
            {ok, Expected} -> true;
            %% The log goes on meanwhile.
            {ok, Longer} -> begins(Longer, Expected) andalso has_grown(Check);
            not_found -> false;
            {error, Error} -> throw({storage, Error})
        end,
    differs_unless(Same, tile_mismatch, {Level, Index}, #{}, counted(tiles, Check)).

begins(Bytes, Start) -> binary:longest_common_prefix([Bytes, Start]) =:= byte_size(Start).

has_grown(#check{db = Db, size = Size}) ->
    #{size := Now} = must(hex_provenance_log_store:head(Db)),
    Now > Size.

tree(#{edge := Edge, root := Root, heads := Heads}, #check{edge = Nodes, size = Size} = Check) ->
    Hashes = [Hash || {_, Hash} <- Nodes],
    Told = differs_unless(
        Edge =:= iolist_to_binary(lists:reverse(Hashes)), edge_mismatch, Size, #{}, Check
    ),
    Same = differs_unless(Root =:= root(Hashes), root_mismatch, Size, #{}, Told),
    differs_unless(Heads =:= newest_map(Same), heads_place_mismatch, Size, #{}, Same).

root([]) ->
    crypto:hash(sha256, <<>>);
root([Smallest | Larger]) ->
    lists:foldl(fun(Left, Right) -> crypto:hash(sha256, [1, Left, Right]) end, Smallest, Larger).

newest_map(#check{maps = []}) ->
    undefined;
newest_map(#check{maps = [{Index, Leaf} | _]}) ->
    {Index, hex_provenance_log_rows:map_covers(Leaf)}.

rest_of_tiles(#check{tiles = Tiles} = Check) ->
    Rest = [{Level, Index, Hashes} || {Level, {Index, Hashes}} <- maps:to_list(Tiles)],
    Compare = fun({Level, Index, Hashes}, Checked) -> tile(Level, Index, Hashes, Checked) end,
    Told = lists:foldl(Compare, Check, Rest),
    #check{db = Db, counts = Counts} = Told,
    Stored = must(hex_provenance_log_audit:count(Db, tiles)),
    Same = Stored =:= maps:get(tiles, Counts, 0) orelse has_grown(Told),
    Uncounted = Told#check{counts = maps:remove(tiles, Counts)},
    differs_unless(Same, tiles_superfluous, Stored, #{}, Uncounted).

keys(#check{db = Db, keys = Keys} = Check) ->
    Stored = must(hex_provenance_log_audit:count(Db, keys)),
    Same = Stored =:= Keys orelse has_grown(Check),
    differs_unless(Same, keys_superfluous, Stored, #{expected => Keys}, Check).

%%% Packages

packages(Check) -> packages(<<>>, Check).

packages(After, #check{db = Db, size = Size} = Check) ->
    Rows = must(hex_provenance_log_audit:audit_packages(Db, After, ?PAGE)),
    Checked = lists:foldl(fun(Row, Told) -> package(Row, Size, Told) end, Check, Rows),
    case length(Rows) of
        ?PAGE -> packages(maps:get(name, lists:last(Rows)), Checked);
        _ -> Checked
    end.

package(#{name := Name, head := Head} = Row, Size, Check) when Head < Size ->
    #{first := First, seq := Seq, hash := Hash, entries := Entries, last := Last} = Row,
    #{leaf := Leaf, earliest := Earliest} = Row,
    Same =
        First =:= Earliest andalso Head =:= Last andalso Seq =:= Entries - 1 andalso
            Leaf =/= undefined andalso leaf_hash(Leaf) =:= Hash,
    differs_unless(
        Same orelse has_grown(Check), package_mismatch, Name, #{}, counted(packages, Check)
    );
package(_, _, Check) ->
    counted(packages, Check).

%%% Checkpoints

checkpoints(#check{options = #{log_keys := Keys} = Options} = Check) ->
    Logs = [["log ", Key, "\n"] || Key <- Keys],
    {ok, Policy} = hex_provenance_log_nif:log_policy(iolist_to_binary([Logs, "quorum none\n"])),
    checkpoints(-1, Policy, quorum_policy(Logs, Options), Check).

quorum_policy(_, #{witnesses := undefined}) ->
    undefined;
quorum_policy(Logs, #{witnesses := Text}) ->
    {ok, Policy} = hex_provenance_log_nif:log_policy(iolist_to_binary([Logs, Text])),
    Policy.

checkpoints(After, Policy, Quorum, #check{db = Db, size = Size} = Check) ->
    Rows = must(hex_provenance_log_store:checkpoints(Db, After, ?PAGE)),
    Within = [Row || #{size := At} = Row <- Rows, At =< Size],
    Checked = lists:foldl(
        fun(Row, Told) -> checkpoint(Row, Policy, Quorum, Told) end, Check, Within
    ),
    Beyond = Rows -- Within,
    case length(Within) of
        ?PAGE -> checkpoints(maps:get(size, lists:last(Rows)), Policy, Quorum, Checked);
        _ -> lists:foldl(fun beyond/2, Checked, Beyond)
    end.

beyond(#{size := Size}, Check) ->
    differs_unless(has_grown(Check), checkpoint_beyond_log, Size, #{}, Check).

checkpoint(#{size := Size, root := Root, note := Note, quorum := Flag}, Policy, Quorum, Check) ->
    Counted = counted(checkpoints, Check),
    Same = {ok, Root} =:= root_at(Size, Check),
    Told = differs_unless(Same, checkpoint_root_mismatch, Size, #{}, Counted),
    Says = says(Note, Size, Root, Check),
    Named = differs_unless(Says, checkpoint_note_mismatch, Size, #{}, Told),
    Signed = differs_unless(agrees(Policy, Note), checkpoint_unsigned, Size, #{}, Named),
    Right = Quorum =:= undefined orelse agrees(Quorum, Note) =:= Flag,
    differs_unless(Right, checkpoint_quorum_mismatch, Size, #{}, Signed).

says(Note, Size, Root, #check{options = #{origin := Origin}}) ->
    case hex_provenance_log_nif:log_note(Note) of
        {ok, #{origin := Origin, size := Size, root := Root}} -> true;
        _ -> false
    end.

agrees(Policy, Note) ->
    case hex_provenance_log_nif:log_policy_check(Policy, Note, undefined) of
        {ok, _} -> true;
        {error, _} -> false
    end.

%% The tiles are known to be right by now, or were told to be wrong.
root_at(Size, #check{db = Db, prover = Prover}) ->
    hex_provenance_log_entries:proof({Db, Prover}, fun(Asked) ->
        hex_provenance_log_nif:log_root(Asked, Size)
    end).

last_signed(#check{db = Db, options = #{last_signed := Record}} = Check) ->
    Inside = must(hex_provenance_log_store:signed(Db)),
    Checked = was_signed(Inside, signed_mismatch, Check),
    case Record of
        none ->
            Checked;
        _ ->
            case must(hex_provenance_last_signed:read(Record)) of
                undefined ->
                    {Size, _} = Inside,
                    differs_unless(Size =:= 0, last_signed_missing, Size, #{}, Checked);
                Outside ->
                    was_signed(Outside, last_signed_mismatch, Checked)
            end
    end.

was_signed({Size, Root}, What, #check{size = Now} = Check) ->
    Same = (Size =< Now andalso {ok, Root} =:= root_at(Size, Check)) orelse has_grown(Check),
    differs_unless(Same, What, Size, #{}, Check).

%%% Heads maps

heads_maps(#check{maps = Maps, options = #{maps := Most}} = Check) ->
    Chosen =
        case Most of
            all -> Maps;
            _ -> lists:sublist(Maps, Most)
        end,
    Skipped = length(Maps) - length(Chosen),
    Checked = lists:foldl(fun heads_map/2, Check, Chosen),
    add(maps_skipped, Skipped, Checked).

heads_map({Index, Leaf}, #check{db = Db} = Check) ->
    Covers = hex_provenance_log_rows:map_covers(Leaf),
    Same =
        case hex_provenance_log_entries:heads_map(Db, Covers) of
            {ok, Map} -> {ok, Leaf} =:= hex_provenance_log_nif:log_heads_leaf(Map);
            {error, #{code := storage_failed} = Error} -> throw({storage, Error});
            {error, _} -> false
        end,
    differs_unless(Same andalso Covers =< Index, heads_map_wrong, Index, #{}, counted(maps, Check)).

%%% The outbox

outbox(#check{db = Db} = Check) ->
    #{pending := Pending} = must(hex_provenance_log_store:outbox(Db)),
    Lost = must(hex_provenance_log_audit:count(Db, lost_events)),
    Told = differs_unless(Lost =:= 0, events_lost, Lost, #{}, add(pending, Pending, Check)),
    Twice = must(hex_provenance_log_audit:count(Db, integrated_in_outbox)),
    differs_unless(Twice =:= 0, outbox_stale, Twice, #{}, Told).

%%% What all of it shares

leaf_hash(Leaf) -> crypto:hash(sha256, [0, Leaf]).

must({ok, Value}) -> Value;
must({error, Error}) -> throw({storage, Error}).

counted(What, Check) -> add(What, 1, Check).

add(What, Count, #check{counts = Counts} = Check) ->
    Check#check{counts = Counts#{What => maps:get(What, Counts, 0) + Count}}.

differs_unless(true, _, _, _, Check) -> Check;
differs_unless(false, What, At, Facts, Check) -> differs(What, At, Facts, Check).

differs(What, At, Facts, #check{options = #{report := Report}} = Check) ->
    _ = Report(Facts#{what => What, at => At}),
    counted(differences, Check).
