%% @private
%% @doc What the log holds, as the API writes it: terms that stand for JSON.
%%
%% Hashes of proofs and leaves are base64; digests that name something are `sha256:HEX'.
-module(hex_provenance_api_json).

-export([list/1, item/1, entry/1, linked/1, head/1, heads/1, proof/1]).
-export([hashes/1, digest/1, bundle/1]).

-define(MEDIA_TYPE, <<"application/vnd.dev.sigstore.bundle.v0.3+json">>).
-define(PAYLOAD_TYPE, <<"application/vnd.in-toto+json">>).

%% @doc A list of entries with everything that verifies them.
-spec list(hex_provenance_log_reader:listing()) -> map().
list(#{checkpoint := #{note := Note, size := Size}, items := Items} = Listing) ->
    #{
        checkpoint => Note,
        size => Size,
        items => [item(Item) || Item <- Items],
        linked => [linked(Linked) || Linked <- maps:get(linked, Listing, [])],
        head => head(maps:get(head, Listing, undefined)),
        next_after => maps:get(next_after, Listing, undefined)
    }.

%% @doc An entry with its path to the root.
-spec item(hex_provenance_log_reader:item()) -> map().
item(#{inclusion := Inclusion} = Item) ->
    (entry(Item))#{inclusion => hashes(Inclusion)}.

%% @doc An entry alone, as whoever reads the whole log needs it.
-spec entry(hex_provenance_log_reader:item()) -> map().
entry(#{index := Index, leaf := Leaf, event := Event} = Item) ->
    #{
        index => Index,
        leaf => base64:encode(Leaf),
        event => Event,
        bundle => bundle(Item)
    }.

%% @doc The signed statement as a Sigstore bundle; `undefined' when it was redacted, or for entries
%% that are no events.
-spec bundle(hex_provenance_log_reader:item()) -> map() | undefined.
bundle(#{statement := Statement, signature := Signature, hint := Hint}) when
    is_binary(Statement), is_binary(Signature)
->
    #{
        mediaType => ?MEDIA_TYPE,
        verificationMaterial => #{publicKey => #{hint => Hint}},
        dsseEnvelope => #{
            payload => base64:encode(Statement),
            payloadType => ?PAYLOAD_TYPE,
            signatures => [#{sig => base64:encode(Signature)}]
        }
    };
bundle(_) ->
    undefined.

%% @doc A bundle that an entry links, such as the publisher's provenance.
-spec linked({<<_:256>>, binary() | undefined}) -> map().
linked({Digest, undefined}) ->
    #{digest => digest(Digest), bundle => undefined};
linked({Digest, Bytes}) ->
    {ok, Bundle} = hex_provenance_nif:json_decode(Bytes),
    #{digest => digest(Digest), bundle => Bundle}.

%% @doc Where a package's chain ends, provably.
-spec head(hex_provenance_log_reader:head() | undefined) -> map() | undefined.
head(undefined) ->
    undefined;
head(#{package := Package, proof := Proof} = Head) ->
    (heads(maps:with([map, edge, tail], Head)))#{package => Package, proof => proof(Proof)}.

%% @doc The heads map's leaf, and the log from the size that it covers.
-spec heads(hex_provenance_log_reader:heads() | undefined) -> map() | undefined.
heads(undefined) ->
    undefined;
heads(#{map := Map, edge := Edge, tail := Tail}) ->
    #{
        map => map_leaf(Map),
        tail => #{edge => hashes(Edge), entries => [base64:encode(Leaf) || Leaf <- Tail]}
    }.

map_leaf(undefined) -> undefined;
map_leaf(#{index := Index, leaf := Leaf}) -> #{index => Index, leaf => base64:encode(Leaf)}.

%% @doc What a heads map says of a package.
-spec proof(hex_provenance_log_reader:head_proof() | undefined) -> map() | undefined.
proof(undefined) -> undefined;
proof(#{present := Place}) -> #{present => place(Place)};
proof(#{before := Before, 'after' := After}) ->
    #{absent => #{before => place(Before), 'after' => place(After)}}.

place(undefined) ->
    undefined;
place(#{leaf := Leaf, path := Path} = Place) ->
    (maps:with([position, package, index, seq], Place))#{leaf => hex(Leaf), path => hashes(Path)}.

%% @doc Hashes of a proof.
-spec hashes([<<_:256>>] | binary()) -> [binary()].
hashes(Hashes) when is_list(Hashes) -> [base64:encode(Hash) || Hash <- Hashes];
hashes(Hashes) -> [base64:encode(Hash) || <<Hash:32/binary>> <= Hashes].

%% @doc A digest by its name.
-spec digest(<<_:256>>) -> binary().
digest(Digest) -> <<"sha256:", (hex(Digest))/binary>>.

hex(Bytes) -> string:lowercase(binary:encode_hex(Bytes)).
