%% @doc A registry's transparency log, from the outside: is this entry in it, what does it say of a
%% version, and is anything kept back.
%%
%% ```
%%     {ok, Trust} = hex_provenance_log:trust({file, "hex.pm.trust.json"}),
%%     Service = #{url => <<"https://provenance.example">>},
%%     {ok, #{state := State}} = hex_provenance_log:check(
%%         Service, <<"phoenix">>, <<"1.7.0">>, Sha256OfTheTarball, #{trust => Trust}
%%     ).
%% '''
%%
%% Whom to trust is in a trust file: the log's name and keys, the registry's keys, each with the
%% entries it counts for, and the witnesses. It comes from the caller, never from the service.
%%
%% Everything but {@link fetch/3} and {@link check/5} is offline. Following a whole log is what
%% {@link hex_provenance_monitor} is for.
-module(hex_provenance_log).

-export([trust/1, trust_info/1, trust_json/1, rotate/2]).
-export([verify_checkpoint/2, verify_entry/2, verify_list/2, verify_proof/3]).
-export([verify_inclusion/4, verify_consistency/3]).
-export([state/3, state/4]).
-export([fetch/3, check/5]).
-export([leaf/1, default_options/0]).

-export_type([
    trust/0,
    trust_source/0,
    trust_info/0,
    trusted_key/0,
    options/0,
    hash/0,
    item/0,
    event/0,
    event_name/0,
    subjects/0,
    head/0,
    checkpoint/0,
    entries/0,
    answer/0,
    state/0,
    key_change/0,
    service/0,
    asked/0,
    checked/0
]).

-opaque trust() :: reference().
%% A trust file, prepared: immutable and cheap to send to other processes.

-type trust_source() :: {json, binary()} | {file, file:filename_all()}.

-type hash() :: <<_:256>>.

-type trust_info() :: #{
    origin := binary(),
    keys := [trusted_key()],
    policy := [binary()],
    earlier_logs := [#{origin := binary(), size := non_neg_integer(), root := hash()}]
}.
%% `policy' has the lines that name the witnesses and the quorum.

-type trusted_key() :: #{
    purpose := registry | log,
    der := binary(),
    key_id := hash(),
    vkey := binary() | undefined,
    first_index := non_neg_integer(),
    last_index := non_neg_integer() | undefined,
    revoked_from_index := non_neg_integer() | undefined
}.
%% `key_id' is the SHA-256 of the key (`der'): the fingerprint to compare. `vkey' is a log's key as
%% other tools for logs take it.

-type options() :: #{
    trust := trust(),
    prefix => binary(),
    max_age => non_neg_integer(),
    now => non_neg_integer(),
    package => binary(),
    withheld => refuse | report
}.
%% <ul>
%% <li>`prefix': what the registry's predicate types begin with, by default hex.pm's.</li>
%% <li>`max_age': how many seconds old a witness's cosignature may be to count; by default any
%%     age. `now' (Unix seconds) is by default the system's time.</li>
%% <li>`package': the package (a purl) that was asked for: an answer about another is refused.</li>
%% <li>`withheld': whether a list is refused when an entry in it links a bundle that was not handed
%%     out with it, or only reports that.</li>
%% </ul>

-type item() :: #{
    index := non_neg_integer(),
    leaf := binary(),
    inclusion := [hash()],
    checkpoint => binary(),
    bundle => binary(),
    envelope => binary(),
    origin => binary()
}.
%% One entry as a service hands it out. `bundle' is a Sigstore bundle (JSON), `envelope' the
%% canonical DSSE envelope; exactly one of them is needed. `checkpoint' is a signed note; instead of
%% it, `origin' names an earlier log, for which the root that the trust file pins counts.

-type event_name() :: hex_provenance_registry:event_name().

-type event() :: #{
    index := non_neg_integer(),
    hash := hash(),
    leaf := binary(),
    event := event_name(),
    id := binary(),
    package := binary(),
    version := binary() | undefined,
    seq := non_neg_integer(),
    previous := #{index := non_neg_integer(), hash := hash()} | undefined,
    subjects := subjects(),
    time := non_neg_integer(),
    envelope := hash(),
    statement := binary() | undefined,
    links := [hash()] | undefined,
    key_id := hash() | undefined
}.
%% An event that is in the log. `seq' is its number within its package, `previous' the package's
%% entry before it. `statement' is the signed statement (JSON), which the leaf repeats; it is
%% `undefined' when the service had to delete it: then the log's word alone is left. `links' are the
%% digests of the bundles that the statement links; `key_id' is the registry key that signed.

-type subjects() :: [hash()] | #{count := pos_integer(), sha256 := hash()}.
%% SHA-256 of what the event is about; of more than sixteen, how many and a digest of their list.

-type head() :: #{seq := non_neg_integer(), index := non_neg_integer(), hash := hash()}.
%% Where a package's chain of entries ends.

-type checkpoint() :: #{
    origin := binary(),
    size := non_neg_integer(),
    root := hash(),
    witnessed := boolean(),
    cosignatures := [#{name := binary(), time := non_neg_integer()}],
    note := binary()
}.
%% What the log signed. `witnessed': whether the trust file demands a quorum of witnesses, and it
%% was there; otherwise the log's word stands alone.

-type entries() :: #{
    package := binary() | undefined,
    version := binary() | undefined,
    digest := hash() | undefined,
    items := [event()],
    head := head() | absent | undefined,
    whole := boolean()
}.
%% The entries of a package, a release or an artifact. `head' is proven, `absent' when the package
%% provably has no entry, `undefined' when the answer proves nothing. `whole': whether the items are
%% the package's whole chain, from its first entry to the head.

-type answer() :: #{
    checkpoint := checkpoint(),
    lists := [entries()],
    linked := #{hash() => binary()},
    withheld := [#{index := non_neg_integer(), digest := hash()}],
    next_after := non_neg_integer() | undefined
}.
%% A service's answer, all of it verified: one list, or one for each release of a query. `linked'
%% are the bundles that entries link: they are what their digests say, and not verified otherwise.

-type state() :: #{
    published := #{index := non_neg_integer(), digest := hash()},
    retired := non_neg_integer() | undefined,
    provenance := [non_neg_integer()],
    advisories := [non_neg_integer()],
    of_several_versions := [non_neg_integer()]
}.
%% What the log says of a version that is published: indices of entries. Those of several versions
%% say in their statements whether they are about this one.

-type key_change() :: #{
    purpose := registry | log,
    old := #{der := binary(), key_id := hash()},
    new := #{der := binary(), key_id := hash()}
}.

-type service() :: #{url := binary(), http => hex_provenance_http:client()}.
%% Where a log is served, and with what it is asked.

-type asked() ::
    {package, binary()}
    | {release, binary(), binary()}
    | {digest, hash()}
    | {releases, [{Package :: binary(), Version :: binary(), hash() | undefined}]}.
%% A package by its name or purl, with its whole history; a release; everything about an artifact;
%% the releases of a lock file (at most 300).

-type checked() :: #{state := state(), checkpoint := checkpoint(), items := [event()]}.

-type result(Value) :: {ok, Value} | {error, hex_provenance_error:error()}.

-define(MOST_PAGES, 1000).

%% @doc Reads and prepares a trust file.
%%
%% Errors: `trust_file_invalid', `malformed', `input_too_large', `storage_failed', `option_invalid'.
-spec trust(trust_source()) -> result(trust()).
trust(Source) ->
    hex_provenance_nif:log_trust(Source).

%% @doc What is trusted: to show, and to compare fingerprints with.
-spec trust_info(trust()) -> result(trust_info()).
trust_info(Trust) ->
    hex_provenance_nif:log_trust_info(Trust).

%% @doc The trust file again, in a stable form for people to review.
-spec trust_json(trust()) -> result(binary()).
trust_json(Trust) ->
    hex_provenance_nif:log_trust_json(Trust).

%% @doc Trust after a key change that is in the log: the old key ends at that entry, the new one
%% begins. The item is the entry with its proof; both keys must have signed the change.
%%
%% Errors: `signature_mismatch', `key_invalid', `key_unknown', `key_revoked' (a key that is revoked
%% names no successor), and those of {@link verify_checkpoint/2} and `inclusion_mismatch'.
-spec rotate(item(), options()) -> result(trust()).
rotate(Item, Options) ->
    hex_provenance_nif:log_rotate(Item, Options).

%% @doc Verifies a checkpoint: the log's name and signature, and the quorum of witnesses.
%%
%% Errors: `checkpoint_untrusted', `quorum_missing', `malformed', `input_too_large'.
-spec verify_checkpoint(binary(), options()) -> result(checkpoint()).
verify_checkpoint(Note, Options) ->
    hex_provenance_nif:log_verify_checkpoint(Note, Options).

%% @doc Verifies one event: that the registry signed its statement, that the leaf repeats it, and
%% that the leaf is in the log that the checkpoint is of.
%%
%% Errors: `checkpoint_untrusted', `quorum_missing', `inclusion_mismatch', `signature_mismatch',
%% `key_unknown', `key_revoked', `statement_invalid', `leaf_mismatch', `malformed',
%% `input_too_large', `option_invalid'.
-spec verify_entry(item(), options()) -> result(event()).
verify_entry(Item, Options) ->
    hex_provenance_nif:log_verify_entry(Item, Options).

%% @doc Verifies all that a service answered, given as it came (JSON) or decoded: every bundle and
%% leaf, their places under the checkpoint, its signatures, how entries of one package follow each
%% other, and where the package's chain ends.
%%
%% Errors: those of {@link verify_entry/2}, `chain_broken', `heads_mismatch', `consistency_broken',
%% `attestation_withheld'.
-spec verify_list(binary() | #{binary() => hex_provenance_sigstore:json()}, options()) ->
    result(answer()).
verify_list(Answer, Options) when is_map(Answer) ->
    case hex_provenance_nif:json_encode(Answer) of
        {ok, Json} -> verify_list(Json, Options);
        {error, _} = Error -> Error
    end;
verify_list(Answer, Options) ->
    hex_provenance_nif:log_verify_answer(Answer, Options).

%% @doc Verifies a textual proof (c2sp.org/tlog-proof) that `Leaf' is in the log.
%%
%% What the leaf says is not compared with the statement: that needs {@link verify_entry/2}.
-spec verify_proof(binary(), Leaf :: binary(), options()) ->
    result(#{
        index := non_neg_integer(), extra := binary() | undefined, checkpoint := checkpoint()
    }).
verify_proof(Text, Leaf, Options) ->
    hex_provenance_nif:log_verify_proof(Text, Leaf, Options).

%% @doc Verifies that `Leaf' is entry `Index' of the tree of that size and root (RFC 6962).
-spec verify_inclusion(
    Leaf :: binary(), Index :: non_neg_integer(), [hash()], {non_neg_integer(), hash()}
) -> ok | {error, hex_provenance_error:error()}.
verify_inclusion(Leaf, Index, Path, Tree) ->
    done(hex_provenance_nif:log_verify_inclusion(Leaf, Index, Path, Tree)).

%% @doc Verifies that the tree `New' begins with the tree `Old', each a size and a root (RFC 6962).
-spec verify_consistency({non_neg_integer(), hash()}, {non_neg_integer(), hash()}, [hash()]) ->
    ok | {error, hex_provenance_error:error()}.
verify_consistency(Old, New, Path) ->
    done(hex_provenance_nif:log_verify_consistency(Old, New, Path)).

done({ok, undefined}) -> ok;
done({error, _} = Error) -> Error.

%% @doc As {@link state/4}, from a package's whole chain.
-spec state(entries() | [entries(), ...], binary(), hash() | undefined) -> result(state()).
state(Lists, Version, Locked) ->
    state(Lists, Version, Locked, whole).

%% @doc What verified entries of a package say of one of its versions.
%%
%% `Lists' are one list or the pages of one. With `whole' they must be the package's chain from its
%% first entry to the proven head: nothing can be left out. With `handed_out' they are taken as they
%% are, which is all that one answer about a release allows: an entry that was left out is then
%% found by monitors only. `Locked' is the SHA-256 that the version must have.
%%
%% Errors: `attestation_missing', `release_unpublished', `release_replaced', `attestation_withheld'
%% (the statement that published it was deleted), `chain_broken', `option_invalid'.
-spec state(entries() | [entries(), ...], binary(), hash() | undefined, whole | handed_out) ->
    result(state()).
state(#{items := _} = List, Version, Locked, Chain) ->
    state([List], Version, Locked, Chain);
state([#{package := Package} | _] = Lists, Version, Locked, Chain) ->
    #{head := Head} = lists:last(Lists),
    Items = lists:append([Items || #{items := Items} <- Lists]),
    Asked = #{package => Package, version => Version, locked => Locked},
    case {Chain, Head} of
        {handed_out, _} -> hex_provenance_nif:log_state(Items, Asked#{head => handed_out});
        {whole, undefined} -> {error, unproven(Package)};
        {whole, Head} -> hex_provenance_nif:log_state(Items, Asked#{head => Head})
    end.

unproven(Package) ->
    Reason = <<"the answer does not prove where its chain ends">>,
    Message = ["the heads map says nothing certain about ", text(Package), ": ", Reason],
    Details = #{package => text(Package), reason => Reason},
    hex_provenance_error:make(heads_mismatch, Message, Details).

text(undefined) -> <<"(no package)">>;
text(Text) -> Text.

%% @doc Asks a service, and verifies what it answers: that, and nothing else, is returned. A
%% package's history comes in as many answers as it has pages.
%%
%% Errors: those of {@link verify_list/2}, `transport_failed', `budget_exhausted', `option_invalid'.
-spec fetch(service(), asked(), options()) -> result([answer(), ...]).
fetch(Service, Asked, Options) ->
    case hex_provenance_log_request:of_asked(Asked) of
        {ok, Request, Package} -> pages(Service, Request, about(Package, Options), undefined, []);
        {error, _} = Error -> Error
    end.

about(undefined, Options) -> Options;
about(Package, Options) when is_map(Options) -> Options#{package => Package};
about(_, Options) -> Options.

pages(_, _, _, _, Pages) when length(Pages) >= ?MOST_PAGES ->
    Message = io_lib:format("pages of an answer used up its budget of ~b", [?MOST_PAGES]),
    Details = #{what => <<"pages of an answer">>, limit => ?MOST_PAGES},
    {error, hex_provenance_error:make(budget_exhausted, Message, Details)};
pages(Service, Request, Options, From, Pages) ->
    case page(Service, Request, Options, From) of
        {ok, #{next_after := undefined} = Page} ->
            {ok, lists:reverse([Page | Pages])};
        {ok, #{next_after := After, checkpoint := #{size := Size}} = Page} ->
            case goes_on(Page, From) of
                true -> pages(Service, Request, Options, {After, Size}, [Page | Pages]);
                false -> {error, hex_provenance_log_request:stuck(Service)}
            end;
        {error, _} = Error ->
            Error
    end.

%% Each page but the last must bring entries behind those of the page before it.
goes_on(#{lists := [#{items := [_ | _]}]}, undefined) -> true;
goes_on(#{lists := [#{items := [#{index := First} | _]}]}, {After, _}) -> First > After;
goes_on(_, _) -> false.

page(Service, Request, Options, From) ->
    case hex_provenance_log_request:send(Service, Request, From) of
        {ok, Body} -> matching(Request, verify_list(Body, Options));
        {error, _} = Error -> Error
    end.

%% An answer to a query must be about the very releases that were asked for.
matching(#{releases := Releases}, {ok, #{lists := Lists}} = Answer) ->
    Answered = [{Package, Version} || #{package := Package, version := Version} <- Lists],
    case Answered =:= [{Package, Version} || {Package, Version, _} <- Releases] of
        true -> Answer;
        false -> {error, hex_provenance_log_request:of_other_releases()}
    end;
matching(_, Answer) ->
    Answer.

%% @doc Whether a version of a package is, by the log, published with the bytes of the SHA-256
%% `Locked', and what else is known of it. Reads the package's whole history.
%%
%% Errors: those of {@link fetch/3} and {@link state/4}.
-spec check(service(), Package :: binary(), Version :: binary(), hash() | undefined, options()) ->
    result(checked()).
check(Service, Package, Version, Locked, Options) ->
    case fetch(Service, {package, Package}, Options) of
        {ok, Answers} ->
            Lists = lists:append([Of || #{lists := Of} <- Answers]),
            #{checkpoint := Checkpoint} = lists:last(Answers),
            Items = lists:append([Of || #{items := Of} <- Lists]),
            case state(Lists, Version, Locked) of
                {ok, State} ->
                    {ok, #{state => State, checkpoint => Checkpoint, items => Items}};
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

%% @doc What a leaf says. Nothing in it is verified: neither that it is in a log, nor that anyone
%% signed it.
-spec leaf(binary()) ->
    result(
        {event, event()}
        | {heads_map, #{count := non_neg_integer(), covers := non_neg_integer(), root := hash()}}
        | {key_change, key_change()}
    ).
leaf(Leaf) ->
    hex_provenance_nif:log_leaf(Leaf).

%% @doc What is used for options that are not given; `trust' has no default.
-spec default_options() -> map().
default_options() ->
    #{prefix => <<"https://hex.pm/attestation">>, withheld => refuse}.
