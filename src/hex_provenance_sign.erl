%% @private
%% @doc Signing from the BEAM's side: waits for the core, and has the caller's key asked when the
%% core asks.
-module(hex_provenance_sign).

-export([sign/2]).

%% What is of use to a person of a callback's failure, at most.
-define(MOST_REASON, 300).

-spec sign(term(), term()) -> {ok, map()} | {error, hex_provenance_error:error()}.
sign(Payload, Options) ->
    %% Token and key may be on this process's heap: no crash dump made meanwhile shows it.
    Before = process_flag(sensitive, true),
    try
        begun(Payload, Options)
    after
        process_flag(sensitive, Before)
    end.

begun(Payload, Options) ->
    Reachable = hex_provenance_network:options(Options),
    {Callback, Native} = callback(hex_provenance_token:option(Reachable)),
    case hex_provenance_nif:sigstore_sign(Payload, Native) of
        {ok, Job} -> await(Job, Callback);
        {error, _} = Error -> Error
    end.

%% The callback stays here; all else is for the core to judge.
callback(#{external_key := #{sign := Sign} = Key} = Options) when is_function(Sign, 1) ->
    {Sign, Options#{external_key := maps:remove(sign, Key)}};
callback(Options) ->
    {none, Options}.

await(Job, Callback) ->
    receive
        {Job, {sign, Request}} -> ask(Job, Callback, Request);
        {Job, Result} -> Result
    end.

%% The callback runs in a process of its own: it may hang, and the core's deadline still holds.
ask(Job, Callback, Request) ->
    Caller = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Watcher = watch(Caller, self()),
        Answer = answer(Callback, Request),
        unlink(Watcher),
        exit(Watcher, kill),
        _ = hex_provenance_nif:sigstore_sign_reply(Job, Answer)
    end),
    await_signature(Job, Callback, Pid, Monitor).

await_signature(Job, Callback, Pid, Monitor) ->
    receive
        {Job, {sign, Request}} ->
            demonitor(Monitor, [flush]),
            ask(Job, Callback, Request);
        {Job, Result} ->
            demonitor(Monitor, [flush]),
            exit(Pid, kill),
            Result;
        {'DOWN', Monitor, process, Pid, normal} ->
            await(Job, Callback);
        {'DOWN', Monitor, process, Pid, _} ->
            _ = hex_provenance_nif:sigstore_sign_reply(Job, {error, <<"the callback was killed">>}),
            await(Job, Callback)
    end.

%% Ends a callback whose caller is gone.
watch(Caller, Callee) ->
    spawn_link(fun() ->
        Monitor = monitor(process, Caller),
        receive
            {'DOWN', Monitor, process, Caller, _} -> exit(Callee, kill)
        end
    end).

answer(none, _) ->
    {error, <<"no callback was given">>};
answer(Callback, Request) ->
    try Callback(Request) of
        {ok, Signature} when is_binary(Signature) -> {ok, Signature};
        {error, Reason} -> {error, reason("it answered an error", Reason)};
        _ -> {error, <<"the callback answered neither {ok, Binary} nor {error, Reason}">>}
    catch
        %% The stack would hold the request, and what raised may hold secrets.
        Class:Reason -> {error, reason(io_lib:format("it raised ~s", [Class]), Reason)}
    end.

%% Only words are repeated: a term may hold anything.
reason(What, Reason) when is_atom(Reason) ->
    unicode:characters_to_binary(io_lib:format("~ts: ~ts", [What, Reason]));
reason(What, Reason) when is_binary(Reason) ->
    case unicode:characters_to_binary(Reason) of
        Text when is_binary(Text) ->
            unicode:characters_to_binary([What, ": ", string:slice(Text, 0, ?MOST_REASON)]);
        _ ->
            unicode:characters_to_binary(What)
    end;
reason(What, _) ->
    unicode:characters_to_binary(What).
