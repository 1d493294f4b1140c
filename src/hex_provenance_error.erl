%% @doc What every function of this library answers when it cannot do what was asked.
%%
%% An error is a map of five keys. `code' is stable and made to be matched on; `stage' says where in
%% the work it was found; `message' and `remedy' are for people; `details' holds the facts by name.
%% When more than one thing is wrong the most useful error is reported and the others are in its
%% details, under `also'.
-module(hex_provenance_error).

-export([format_error/1, catalogue/0]).
-export([make/3, nif_not_loaded/2, storage_failed/2, event_conflict/1]).

-export_type([error/0, code/0, stage/0, details/0, entry/0]).

-type error() :: #{
    code := code(),
    stage := stage(),
    message := binary(),
    remedy := binary(),
    details := details()
}.

-type details() :: #{atom() => binary() | integer() | [error()]}.
%% Facts by name: text is UTF-8, times are Unix seconds. {@link catalogue/0} lists the names of each
%% code.

-type stage() ::
    input
    | trust
    | certificate
    | time
    | log
    | signature
    | statement
    | policy
    | service
    | storage
    | system.

-type code() ::
    input_too_large
    | malformed
    | bundle_unsupported
    | option_invalid
    | algorithm_unsupported
    | trust_root_invalid
    | trust_root_expired
    | thresholds_unstated
    | trust_refresh_failed
    | key_unknown
    | key_invalid
    | certificate_untrusted
    | certificate_outside_validity
    | certificate_invalid
    | sct_invalid
    | timestamp_missing
    | timestamp_invalid
    | log_entry_missing
    | inclusion_proof_missing
    | inclusion_mismatch
    | checkpoint_untrusted
    | set_invalid
    | log_entry_mismatch
    | log_entry_unsupported
    | signature_mismatch
    | digest_mismatch
    | digest_unavailable
    | key_hint_mismatch
    | statement_invalid
    | subject_absent
    | identity_unstated
    | identity_refused
    | signer_kind_refused
    | transport_failed
    | token_unavailable
    | token_invalid
    | signing_config_invalid
    | service_missing
    | signer_failed
    | budget_exhausted
    | storage_failed
    | token_claim_invalid
    | signature_unverified
    | predicate_unsupported
    | predicate_invalid
    | claim_mismatch
    | claims_inconsistent
    | provenance_inconsistent
    | parameter_unrecognised
    | name_confusable
    | source_refused
    | ref_refused
    | commit_refused
    | workflow_refused
    | signer_refused
    | trigger_refused
    | runner_refused
    | build_type_refused
    | builder_refused
    | input_refused
    | level_too_low
    | verifier_refused
    | resource_refused
    | verification_failed
    | verified_level_missing
    | event_invalid
    | event_refused
    | event_conflict
    | key_revoked
    | trust_file_invalid
    | quorum_missing
    | consistency_broken
    | chain_broken
    | heads_mismatch
    | heads_map_wrong
    | leaf_mismatch
    | attestation_missing
    | attestation_withheld
    | release_unpublished
    | release_replaced
    | witness_refused
    | internal
    | nif_not_loaded.

-type entry() :: #{code := code(), stage := stage(), remedy := binary(), details := [atom()]}.

-define(NOT_LOADED_REMEDY, <<
    "Install Rust (cargo) and a C compiler and compile hex_provenance again (with Gleam: run "
    "script/build-nif in its folder), or put a library built for this machine in its priv/native "
    "folder; then restart the VM. What runs a log is a library of its own, which a dependency "
    "builds with HEX_PROVENANCE_BUILD_LOG=1 only."
>>).

-define(EVENT_CONFLICT_REMEDY, <<
    "Give each event an id of its own; to try again to record one, send exactly the same event."
>>).

%% @doc The error as text for people: what is wrong, what else is wrong, and what to do.
%%
%% Any other term is written as Erlang writes it, so this is safe on whatever a caller got.
-spec format_error(error() | term()) -> unicode:chardata().
format_error(#{code := Code, message := Message, remedy := Remedy, details := Details}) ->
    Also = [
        io_lib:format("~nalso: ~ts (~s)", [M, C])
     || #{code := C, message := M} <- maps:get(also, Details, [])
    ],
    io_lib:format("~ts (~s)~ts~n~ts", [Message, Code, Also, Remedy]);
format_error(Other) ->
    io_lib:format("~tp", [Other]).

%% @doc Every error that this build can answer, with its stage, its remedy and the names of its
%% details.
%%
%% Without the native libraries those are `event_conflict' and `nif_not_loaded'.
-spec catalogue() -> [entry()].
catalogue() ->
    Entry = #{
        code => nif_not_loaded,
        stage => system,
        remedy => ?NOT_LOADED_REMEDY,
        details => [path, reason]
    },
    Conflict = #{
        code => event_conflict,
        stage => storage,
        remedy => ?EVENT_CONFLICT_REMEDY,
        details => [event_id]
    },
    Libraries = [
        hex_provenance_nif:sigstore_catalogue(),
        hex_provenance_nif:slsa_catalogue(),
        hex_provenance_nif:registry_catalogue(),
        hex_provenance_nif:log_catalogue()
    ],
    lists:foldl(fun with_entries/2, [], Libraries) ++ [Conflict, Entry].

%% A code that two libraries have means the same in both.
with_entries(Library, Known) ->
    Codes = [Code || #{code := Code} <- Known],
    Known ++ [More || #{code := Code} = More <- entries(Library), not lists:member(Code, Codes)].

entries({ok, #{errors := Entries}}) -> Entries;
entries({error, #{code := nif_not_loaded}}) -> [].

%% @private
%% @doc An error that is found on this side of the native library: stage and remedy are those of the
%% catalogue.
-spec make(code(), unicode:chardata(), details()) -> error().
make(Code, Message, Details) ->
    case [Entry || #{code := Of} = Entry <- catalogue(), Of =:= Code] of
        [#{stage := Stage, remedy := Remedy}] ->
            Text = unicode:characters_to_binary(Message),
            #{code => Code, stage => Stage, message => Text, remedy => Remedy, details => Details};
        [] ->
            nif_not_loaded("", "it is needed for anything else")
    end.

%% @private
-spec nif_not_loaded(file:filename_all(), iodata()) -> error().
nif_not_loaded(Path, Reason) ->
    Text = unicode:characters_to_binary(Reason),
    #{
        code => nif_not_loaded,
        stage => system,
        message => <<"the native library is not loaded: ", Text/binary>>,
        remedy => ?NOT_LOADED_REMEDY,
        details => #{path => unicode:characters_to_binary(Path), reason => Text}
    }.

%% @private
%% The native libraries' error, for what fails outside of them.
-spec storage_failed(binary(), unicode:chardata()) -> error().
storage_failed(Path, Reason) ->
    Text = text(Reason),
    #{
        code => storage_failed,
        stage => storage,
        message => <<Path/binary, ": ", Text/binary>>,
        remedy => <<"Check that the file exists and that this process may use it.">>,
        details => #{path => Path, reason => Text}
    }.

%% @private
-spec event_conflict(binary()) -> error().
event_conflict(EventId) ->
    #{
        code => event_conflict,
        stage => storage,
        message => <<"another event was recorded under the id ", EventId/binary>>,
        remedy => ?EVENT_CONFLICT_REMEDY,
        details => #{event_id => EventId}
    }.

%% As much of a text from elsewhere as the native libraries repeat.
text(Chars) ->
    case unicode:characters_to_binary(Chars) of
        Text when is_binary(Text) -> string:slice(Text, 0, 256);
        {_, Text, _} -> string:slice(Text, 0, 256)
    end.
