%% @private
%% @doc Signs recorded events, after their commit and outside of any transaction.
%%
%% What {@link hex_provenance_registry:sign/2} answers it has verified itself; here it is compared
%% with the statement once more, and stored where there is no signature yet: when several nodes sign
%% an event, the first signature stays.
-module(hex_provenance_signer).

-export([work/1]).

-export_type([signer/0]).

-type signer() :: #{
    db := hex_provenance_sql:db(),
    options := map(),
    batch := pos_integer(),
    report := fun((term()) -> term()),
    paused := boolean()
}.
%% `options' are those of {@link hex_provenance_registry:sign/2}. `report' is told `{signed, Count,
%% Milliseconds}' and `{failed, sign, Error}'.

%% @doc Signs a batch of what is not signed yet.
-spec work(signer()) -> hex_provenance_worker:next(signer()).
work(#{paused := true} = Signer) ->
    {idle, Signer};
work(#{db := Db, batch := Batch} = Signer) ->
    case hex_provenance_log_store:unsigned(Db, Batch) of
        {ok, []} -> {idle, Signer};
        {ok, Events} -> sign(Signer, Events);
        {error, Error} -> failed(Signer, Error)
    end.

sign(#{db := Db, options := Options, report := Report} = Signer, Events) ->
    Began = erlang:monotonic_time(millisecond),
    Signed = hex_provenance_parallel:map(fun(Event) -> signature(Event, Options) end, Events),
    Signatures = [Signature || {ok, Signature} <- Signed],
    case hex_provenance_log_store:put_signatures(Db, Signatures) of
        {ok, Count} ->
            Report({signed, Count, erlang:monotonic_time(millisecond) - Began}),
            next(Signer, [Error || {error, Error} <- Signed]);
        {error, Error} ->
            failed(Signer, Error)
    end.

next(Signer, []) -> {again, Signer};
next(Signer, [Error | _]) -> failed(Signer, Error).

failed(#{report := Report} = Signer, Error) ->
    Report({failed, sign, Error}),
    {retry, Error, Signer}.

signature(#{ref := Ref, statement := Statement}, Options) ->
    case hex_provenance_registry:sign(Statement, Options) of
        {ok, #{signature := Signature, envelope := Envelope}} ->
            case hex_provenance_log_nif:log_envelope(Statement, Signature) of
                {ok, Envelope} -> {ok, {Ref, Signature}};
                {ok, _} -> {error, hex_provenance_error:storage_failed(<<"signature">>, other())};
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

other() -> <<"what was signed is not the statement that was recorded">>.
