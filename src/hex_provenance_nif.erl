%% @private
%% @doc The native library's functions. Use {@link hex_provenance_sigstore}.
%%
%% Loading never fails, since callers would then meet `undef': without the library each function
%% answers `nif_not_loaded'. The functions are a superset of what any build of the library
%% registers.
-module(hex_provenance_nif).

-export([
    sigstore_verify/3,
    sigstore_verify_here/3,
    sigstore_verify_several/2,
    sigstore_verifier/1,
    sigstore_bundle_info/1,
    sigstore_trust_root/1,
    sigstore_trust_root_info/1,
    sigstore_catalogue/0,
    sigstore_refresh/2,
    sigstore_refresh_services/2,
    sigstore_cancel/1,
    sigstore_sign/2,
    sigstore_sign_reply/2,
    sigstore_signing_key/1,
    sigstore_public_key/1,
    slsa_judge/2,
    slsa_judge_here/2,
    slsa_judge_unverified/2,
    slsa_rules/1,
    slsa_statement/1,
    slsa_builders/0,
    slsa_catalogue/0,
    slsa_changes/2,
    slsa_expectations/1,
    slsa_summarise/3,
    slsa_verify_summary/2,
    slsa_provenance/3,
    registry_statement/2,
    registry_statement_from_json/2,
    registry_statements_from_json/2,
    registry_read/2,
    registry_attestation/2,
    registry_envelope/1,
    registry_bundle/3,
    registry_catalogue/0,
    log_trust/1,
    log_trust_info/1,
    log_trust_json/1,
    log_rotate/2,
    log_verify_checkpoint/2,
    log_verify_entry/2,
    log_verify_answer/2,
    log_verify_proof/3,
    log_verify_inclusion/4,
    log_verify_consistency/3,
    log_state/2,
    log_leaf/1,
    log_bundle_envelope/1,
    log_links/2,
    log_tile_path/3,
    log_tile_entries/2,
    log_tile_consistency/3,
    log_monitor/1,
    log_monitor_info/1,
    log_monitor_checkpoint/4,
    log_monitor_wanted/2,
    log_monitor_page/5,
    log_monitor_save/1,
    log_catalogue/0,
    json_encode/1,
    json_decode/1,
    test_hook/1
]).

-on_load(load/0).

-type result() :: {ok, term()} | {error, hex_provenance_error:error()}.

-spec sigstore_verify(term(), term(), term()) -> result().
sigstore_verify(_Bundle, _Artifact, _OptionsOrVerifier) -> not_loaded().

%% As sigstore_verify/3 on an ordinary scheduler, or `elsewhere' when that is not the place for it.
-spec sigstore_verify_here(term(), term(), term()) -> result() | elsewhere.
sigstore_verify_here(_Bundle, _Artifact, _OptionsOrVerifier) -> not_loaded().

%% As sigstore_verify/3 for each item of a short list.
-spec sigstore_verify_several(term(), term()) -> [result()] | result().
sigstore_verify_several(_Items, _Verifier) -> not_loaded().

-spec sigstore_verifier(term()) -> result().
sigstore_verifier(_Options) -> not_loaded().

-spec sigstore_bundle_info(term()) -> result().
sigstore_bundle_info(_Bundle) -> not_loaded().

-spec sigstore_trust_root(term()) -> result().
sigstore_trust_root(_Source) -> not_loaded().

-spec sigstore_trust_root_info(term()) -> result().
sigstore_trust_root_info(_TrustRoot) -> not_loaded().

-spec sigstore_catalogue() -> result().
sigstore_catalogue() -> not_loaded().

%% Answers `{ok, Job}'; the caller then gets exactly one message `{Job, Result}', unless it cancels.
-spec sigstore_refresh(term(), term()) -> result().
sigstore_refresh(_Repository, _Options) -> not_loaded().

-spec sigstore_refresh_services(term(), term()) -> result().
sigstore_refresh_services(_Repository, _Options) -> not_loaded().

-spec sigstore_cancel(term()) -> result().
sigstore_cancel(_Job) -> not_loaded().

%% Answers `{ok, Job}'; the caller then gets exactly one message `{Job, {ok | error, Result}}',
%% unless it cancels. A key elsewhere is asked by `{Job, {sign, Request}}' before.
-spec sigstore_sign(term(), term()) -> result().
sigstore_sign(_Payload, _Options) -> not_loaded().

-spec sigstore_sign_reply(term(), term()) -> result().
sigstore_sign_reply(_Job, _Answer) -> not_loaded().

-spec sigstore_signing_key(term()) -> result().
sigstore_signing_key(_Source) -> not_loaded().

-spec sigstore_public_key(term()) -> result().
sigstore_public_key(_SigningKey) -> not_loaded().

-spec slsa_judge(term(), term()) -> result().
slsa_judge(_Evidence, _OptionsOrRules) -> not_loaded().

%% As slsa_judge/2 on an ordinary scheduler, or `elsewhere' when that is not the place for it.
-spec slsa_judge_here(term(), term()) -> result() | elsewhere.
slsa_judge_here(_Evidence, _OptionsOrRules) -> not_loaded().

-spec slsa_judge_unverified(term(), term()) -> result().
slsa_judge_unverified(_Statement, _OptionsOrRules) -> not_loaded().

-spec slsa_rules(term()) -> result().
slsa_rules(_Options) -> not_loaded().

-spec slsa_statement(term()) -> result().
slsa_statement(_Json) -> not_loaded().

-spec slsa_catalogue() -> result().
slsa_catalogue() -> not_loaded().

-spec slsa_builders() -> result().
slsa_builders() -> not_loaded().

-spec slsa_changes(term(), term()) -> result().
slsa_changes(_Before, _After) -> not_loaded().

-spec slsa_expectations(term()) -> result().
slsa_expectations(_Record) -> not_loaded().

-spec slsa_summarise(term(), term(), term()) -> result().
slsa_summarise(_Evidence, _OptionsOrRules, _About) -> not_loaded().

-spec slsa_verify_summary(term(), term()) -> result().
slsa_verify_summary(_Evidence, _Expectations) -> not_loaded().

-spec slsa_provenance(term(), term(), term()) -> result().
slsa_provenance(_Platform, _Claims, _Production) -> not_loaded().

-spec registry_statement(term(), term()) -> result().
registry_statement(_Event, _Options) -> not_loaded().

-spec registry_statement_from_json(term(), term()) -> result().
registry_statement_from_json(_Event, _Options) -> not_loaded().

-spec registry_statements_from_json(term(), term()) -> result().
registry_statements_from_json(_Request, _Options) -> not_loaded().

-spec registry_read(term(), term()) -> result().
registry_read(_Statement, _Options) -> not_loaded().

-spec registry_attestation(term(), term()) -> result().
registry_attestation(_Evidence, _Options) -> not_loaded().

-spec registry_envelope(term()) -> result().
registry_envelope(_Bundle) -> not_loaded().

-spec registry_bundle(term(), term(), term()) -> result().
registry_bundle(_Statement, _Signature, _Hint) -> not_loaded().

-spec registry_catalogue() -> result().
registry_catalogue() -> not_loaded().
-spec log_trust(term()) -> result().
log_trust(_Source) -> not_loaded().

-spec log_trust_info(term()) -> result().
log_trust_info(_Trust) -> not_loaded().

-spec log_trust_json(term()) -> result().
log_trust_json(_Trust) -> not_loaded().

-spec log_rotate(term(), term()) -> result().
log_rotate(_Change, _Options) -> not_loaded().

-spec log_verify_checkpoint(term(), term()) -> result().
log_verify_checkpoint(_Note, _Options) -> not_loaded().

-spec log_verify_entry(term(), term()) -> result().
log_verify_entry(_Item, _Options) -> not_loaded().

-spec log_verify_answer(term(), term()) -> result().
log_verify_answer(_Json, _Options) -> not_loaded().

-spec log_verify_proof(term(), term(), term()) -> result().
log_verify_proof(_Text, _Leaf, _Options) -> not_loaded().

-spec log_verify_inclusion(term(), term(), term(), term()) -> result().
log_verify_inclusion(_Leaf, _Index, _Path, _Tree) -> not_loaded().

-spec log_verify_consistency(term(), term(), term()) -> result().
log_verify_consistency(_Old, _New, _Path) -> not_loaded().

-spec log_state(term(), term()) -> result().
log_state(_Items, _Asked) -> not_loaded().

-spec log_leaf(term()) -> result().
log_leaf(_Leaf) -> not_loaded().

-spec log_bundle_envelope(term()) -> result().
log_bundle_envelope(_Bundle) -> not_loaded().

-spec log_links(term(), term()) -> result().
log_links(_Envelope, _Prefix) -> not_loaded().

-spec log_tile_path(term(), term(), term()) -> result().
log_tile_path(_Kind, _Index, _Size) -> not_loaded().

-spec log_tile_entries(term(), term()) -> result().
log_tile_entries(_Path, _Bytes) -> not_loaded().

-spec log_tile_consistency(term(), term(), term()) -> result().
log_tile_consistency(_Old, _New, _Tiles) -> not_loaded().

-spec log_monitor(term()) -> result().
log_monitor(_Options) -> not_loaded().

-spec log_monitor_info(term()) -> result().
log_monitor_info(_Monitor) -> not_loaded().

-spec log_monitor_checkpoint(term(), term(), term(), term()) -> result().
log_monitor_checkpoint(_Monitor, _Note, _Proof, _Options) -> not_loaded().

-spec log_monitor_wanted(term(), term()) -> result().
log_monitor_wanted(_Monitor, _Entries) -> not_loaded().

-spec log_monitor_page(term(), term(), term(), term(), term()) -> result().
log_monitor_page(_Monitor, _Start, _Entries, _Proof, _Blobs) -> not_loaded().

-spec log_monitor_save(term()) -> result().
log_monitor_save(_Monitor) -> not_loaded().

-spec log_catalogue() -> result().
log_catalogue() -> not_loaded().

-spec json_encode(term()) -> result().
json_encode(_Term) -> not_loaded().

%% Strict: an object with a key twice is `malformed'. Texts and keys are binaries, null is `null'.
-spec json_decode(term()) -> result().
json_decode(_Text) -> not_loaded().

%% Registered by builds with the cargo feature `test-hooks' only.
-spec test_hook(term()) -> result().
test_hook(_What) -> not_loaded().

%% What dialyzer must not conclude anything from.
-spec not_loaded() -> term().
not_loaded() -> hex_provenance_library:not_loaded(?MODULE).

load() ->
    Path = hex_provenance_library:path("hex_provenance_nif"),
    case erlang:load_nif(Path, 0) of
        ok -> ok;
        {error, {_, Reason}} -> hex_provenance_library:failed(?MODULE, Path, Reason)
    end.
