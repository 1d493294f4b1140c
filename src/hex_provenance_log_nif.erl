%% @private
%% @doc The native library with which a registry runs its log: what is computed, and SQLite.
%%
%% A library of its own, since whoever only verifies needs none of it. Loading never fails: without
%% the library each function answers `nif_not_loaded'. Nothing here raises, and no atom is made of
%% what an input holds. Hashes are binaries of 32 bytes.
%%
%% What can take longer than a millisecond within the limits runs on dirty schedulers: batches,
%% heads maps, tiles that are given, whatever verifies many signatures, and envelopes (of up to a
%% mebibyte). Proofs, checkpoints and notes are bounded by 64 hashes and 64 signature lines, entry
%% bundles by a mebibyte: they run on ordinary ones. SQLite runs on those for input and output.
-module(hex_provenance_log_nif).

-export([
    log_key/1,
    log_new_seed/0,
    log_vkey/1,
    log_spki/1,
    log_checkpoint/4,
    log_key_change_message/4,
    log_key_change/4,
    log_sequence/4,
    log_statement_packages/2,
    log_envelope/2,
    log_prover/1,
    log_inclusion/3,
    log_consistency/3,
    log_root/2,
    log_edge/2,
    log_give/2,
    log_consistent/5,
    log_tile/1,
    log_tile_cut/2,
    log_entry_bundle/1,
    log_heads/2,
    log_heads_leaf/1,
    log_heads_prove/2,
    log_tlog_proof/3,
    log_note/1,
    log_witness_request/3,
    log_witness_answer/5,
    log_policy/1,
    log_policy_info/1,
    log_policy_check/3,
    sqlite_open/2,
    sqlite_close/1,
    sqlite_query/3,
    sqlite_transaction/2,
    test_hook/1
]).

-export_type([
    key/0,
    prover/0,
    heads/0,
    policy/0,
    sqlite/0,
    hash/0,
    head/0,
    item/0,
    batch/0,
    entry/0,
    chain_head/0,
    tile_row/0,
    tile_place/0,
    head_proof/0,
    place/0,
    param/0,
    value/0,
    step/0
]).

-on_load(load/0).

-type result(T) :: {ok, T} | {error, hex_provenance_error:error()}.

-opaque key() :: reference().
-opaque prover() :: reference().
-opaque heads() :: reference().
-opaque policy() :: reference().
-opaque sqlite() :: reference().

-type hash() :: <<_:256>>.

-type head() :: #{size := non_neg_integer(), edge := binary(), root => hash()}.
%% The edge is the roots of the perfect subtrees, the largest first. A root that is stated must be
%% the edge's.

-type item() :: {event, Statement :: binary(), Signature :: binary()} | {leaf, binary()}.

-type chain_head() :: {Index :: non_neg_integer(), LeafHash :: hash(), Seq :: non_neg_integer()}.
%% Where the chain of a package ends.

-type batch() :: #{
    size := non_neg_integer(),
    edge := binary(),
    root := hash(),
    entries := [entry()],
    heads := #{Package :: binary() => chain_head()},
    tiles := [tile_row()]
}.

-type entry() :: #{
    index := non_neg_integer(),
    leaf := binary(),
    hash := hash(),
    event := atom(),
    id := binary() | undefined,
    package := binary() | undefined,
    version := binary() | undefined,
    seq := non_neg_integer() | undefined,
    subjects := [hash()],
    linked := [hash()],
    envelope := hash() | undefined,
    time := non_neg_integer() | undefined
}.
%% Of a `{leaf, _}' only index, leaf and hash are known.

-type tile_row() ::
    {
        Level :: 0..7,
        Index :: non_neg_integer(),
        Offset :: 0..255,
        Hashes :: binary()
    }.
%% What the tile gains behind the `Offset' hashes it has.

-type tile_place() :: {entries | 0..7, Index :: non_neg_integer(), Width :: 1..256}.

-type head_proof() ::
    #{present := place()} | #{before := place() | undefined, 'after' := place() | undefined}.

-type place() :: #{
    position := non_neg_integer(),
    package := binary(),
    index := non_neg_integer(),
    leaf := hash(),
    seq := non_neg_integer(),
    path := [hash()]
}.

-type param() :: integer() | float() | binary() | {text, binary()} | {blob, binary()} | null.
%% A plain binary is text, which is UTF-8 without zero bytes.

-type value() :: integer() | float() | binary() | null.

-type step() ::
    {Sql :: binary(), [param()], expect()} | {many, Sql :: binary(), [[param()]], expect()}.

-type expect() :: any | non_neg_integer().
%% How many rows a step must change (all of `many' together), or answer.

%% A seed, or an unencrypted PKCS#8 key in PEM. The key is wiped when nobody holds it, and nothing
%% shows it.
-spec log_key(#{seed := hash(), origin := binary()} | #{pem := binary(), origin := binary()}) ->
    result(key()).
log_key(_Source) -> not_loaded().

-spec log_new_seed() -> result(hash()).
log_new_seed() -> not_loaded().

-spec log_vkey(key()) -> result(binary()).
log_vkey(_Key) -> not_loaded().

%% The public key as a SubjectPublicKeyInfo in DER.
-spec log_spki(key()) -> result(binary()).
log_spki(_Key) -> not_loaded().

%% A signed note. With `Last' only when the proof shows that this tree extends that one.
-spec log_checkpoint(
    key(),
    Size :: non_neg_integer(),
    Root :: hash(),
    Last :: undefined | {Size :: non_neg_integer(), Root :: hash(), Proof :: [hash()]}
) -> result(Note :: binary()).
log_checkpoint(_Key, _Size, _Root, _Last) -> not_loaded().

%% What both keys of a key change sign.
-spec log_key_change_message(
    Origin :: binary(), registry | log, OldSpki :: binary(), NewSpki :: binary()
) ->
    result(binary()).
log_key_change_message(_Origin, _Purpose, _OldSpki, _NewSpki) -> not_loaded().

%% The leaf of a key change, each key held here or given with the signature it made.
-spec log_key_change(
    Origin :: binary(),
    registry | log,
    Old :: key() | {Spki :: binary(), Signature :: binary()},
    New :: key() | {Spki :: binary(), Signature :: binary()}
) -> result(Leaf :: binary()).
log_key_change(_Origin, _Purpose, _Old, _New) -> not_loaded().

%% At most 256 events. `Heads' are where the chains of their packages end; a package that is not
%% there has no entries yet. Signatures are not verified.
-spec log_sequence(head(), [item()], #{Package :: binary() => chain_head()}, Prefix :: binary()) ->
    result(batch()).
log_sequence(_Head, _Events, _Heads, _Prefix) -> not_loaded().

%% The packages of those statements, each once, in order.
-spec log_statement_packages([Statement :: binary()], Prefix :: binary()) -> result([binary()]).
log_statement_packages(_Statements, _Prefix) -> not_loaded().

%% The canonical envelope: what `/api/blobs' serves and the leaf names by its SHA-256.
-spec log_envelope(Statement :: binary(), Signature :: binary()) -> result(binary()).
log_envelope(_Statement, _Signature) -> not_loaded().

%% A prover that keeps up to so many tiles, 16 KiB each, with their inner nodes.
-spec log_prover(Tiles :: non_neg_integer()) -> result(prover()).
log_prover(_Tiles) -> not_loaded().

%% The proof, or the tiles to be given first, as wide as needed or wider.
-spec log_inclusion(prover(), Index :: non_neg_integer(), Size :: non_neg_integer()) ->
    result({hashes, [hash()]} | {missing, [tile_place()]}).
log_inclusion(_Prover, _Index, _Size) -> not_loaded().

-spec log_consistency(prover(), Old :: non_neg_integer(), New :: non_neg_integer()) ->
    result({hashes, [hash()]} | {missing, [tile_place()]}).
log_consistency(_Prover, _Old, _New) -> not_loaded().

-spec log_root(prover(), Size :: non_neg_integer()) ->
    result({hash, hash()} | {missing, [tile_place()]}).
log_root(_Prover, _Size) -> not_loaded().

-spec log_edge(prover(), Size :: non_neg_integer()) ->
    result({hashes, [hash()]} | {missing, [tile_place()]}).
log_edge(_Prover, _Size) -> not_loaded().

%% Tiles as the store has them: all hashes so far, one behind the other.
-spec log_give(prover(), [{Level :: 0..7, Index :: non_neg_integer(), binary()}]) ->
    result(undefined).
log_give(_Prover, _Tiles) -> not_loaded().

-spec log_consistent(
    Old :: non_neg_integer(),
    OldRoot :: hash(),
    New :: non_neg_integer(),
    NewRoot :: hash(),
    Proof :: [hash()]
) -> result(true).
log_consistent(_Old, _OldRoot, _New, _NewRoot, _Proof) -> not_loaded().

%% Which tile a path such as `tile/0/x001/234.p/5' names.
-spec log_tile(Path :: binary()) -> result(tile_place()).
log_tile(_Path) -> not_loaded().

%% The exact bytes of a tile or bundle out of those of a wider one.
-spec log_tile_cut(tile_place(), binary()) -> result(binary()).
log_tile_cut(_Tile, _Bytes) -> not_loaded().

-spec log_entry_bundle([Leaf :: binary()]) -> result(binary()).
log_entry_bundle(_Leaves) -> not_loaded().

%% The heads of all packages in the log of size `Covers', in the order of the packages' bytes.
-spec log_heads(
    Covers :: non_neg_integer(),
    [
        {
            Package :: binary(),
            Index :: non_neg_integer(),
            LeafHash :: hash(),
            Seq :: non_neg_integer()
        }
    ]
) -> result(heads()).
log_heads(_Covers, _Heads) -> not_loaded().

-spec log_heads_leaf(heads()) -> result(Leaf :: binary()).
log_heads_leaf(_Heads) -> not_loaded().

-spec log_heads_prove(heads(), Package :: binary()) -> result(head_proof()).
log_heads_prove(_Heads, _Package) -> not_loaded().

%% `c2sp.org/tlog-proof@v1'.
-spec log_tlog_proof(Index :: non_neg_integer(), [hash()], Note :: binary()) -> result(binary()).
log_tlog_proof(_Index, _Hashes, _Note) -> not_loaded().

%% A checkpoint taken apart, with nothing verified.
-spec log_note(Note :: binary()) ->
    result(#{
        origin := binary(),
        size := non_neg_integer(),
        root := hash(),
        signatures := [#{name := binary(), key_id := <<_:32>>}]
    }).
log_note(_Note) -> not_loaded().

%% The body of `add-checkpoint'.
-spec log_witness_request(OldSize :: non_neg_integer(), Proof :: [hash()], Note :: binary()) ->
    result(binary()).
log_witness_request(_OldSize, _Proof, _Note) -> not_loaded().

%% The note with the witness's cosignature, or the size at which it cosigned last.
-spec log_witness_answer(
    Status :: non_neg_integer(),
    ContentType :: binary(),
    Body :: binary(),
    Note :: binary(),
    Vkeys :: [binary()]
) -> result({cosigned, Note :: binary()} | {conflict, Size :: non_neg_integer()}).
log_witness_answer(_Status, _ContentType, _Body, _Note, _Vkeys) -> not_loaded().

%% Reads a policy file of `c2sp.org/tlog-policy'.
-spec log_policy(File :: binary()) -> result(policy()).
log_policy(_File) -> not_loaded().

-spec log_policy_info(policy()) ->
    result(#{
        logs := [#{name := binary(), vkey := binary(), url := binary() | undefined}],
        witnesses := [#{name := binary(), vkey := binary(), url := binary() | undefined}]
    }).
log_policy_info(_Policy) -> not_loaded().

%% `quorum_missing' when too few cosigned; `quorum' is false when the policy demands none.
-spec log_policy_check(
    policy(),
    Note :: binary(),
    Fresh :: undefined | {Now :: non_neg_integer(), MaxAge :: non_neg_integer()}
) ->
    result(#{quorum := boolean(), witnesses := [#{name := binary(), time := non_neg_integer()}]}).
log_policy_check(_Policy, _Note, _Fresh) -> not_loaded().

%% A database file. Reading and one writer go on at the same time; each commit is on the disk when
%% it is answered.
-spec sqlite_open(
    Path :: file:filename_all(),
    #{
        create => boolean(),
        busy_timeout => non_neg_integer(),
        max_pages => pos_integer(),
        max_rows => pos_integer(),
        max_bytes => pos_integer()
    }
) -> result(sqlite()).
sqlite_open(_Path, _Options) -> not_loaded().

-spec sqlite_close(sqlite()) -> result(undefined).
sqlite_close(_Db) -> not_loaded().

%% One statement. The count is of the rows it answers, or else changes.
-spec sqlite_query(sqlite(), Sql :: binary(), [param()]) ->
    result({Rows :: [[value()]], Count :: non_neg_integer()}).
sqlite_query(_Db, _Sql, _Params) -> not_loaded().

%% A whole transaction: all of it, or after an error or an unmet expectation nothing of it. Steps
%% count from one.
-spec sqlite_transaction(sqlite(), [step()]) ->
    result(
        [{Rows :: [[value()]], Count :: non_neg_integer()}] | {conflict, Step :: pos_integer()}
    ).
sqlite_transaction(_Db, _Steps) -> not_loaded().

%% Registered by builds with the cargo feature `test-hooks' only.
-spec test_hook(term()) -> result(term()).
test_hook(_What) -> not_loaded().

%% What dialyzer must not conclude anything from.
-spec not_loaded() -> term().
not_loaded() -> hex_provenance_library:not_loaded(?MODULE).

load() ->
    Path = hex_provenance_library:path("hex_provenance_log_nif"),
    case erlang:load_nif(Path, 0) of
        ok -> ok;
        {error, {_, Reason}} -> hex_provenance_library:failed(?MODULE, Path, Reason)
    end.
