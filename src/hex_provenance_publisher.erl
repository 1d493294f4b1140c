%% @private
%% @doc Signs checkpoints, has witnesses cosign them, and stores them for whoever serves them.
%%
%% Before every signature the tree is proven to extend what was signed last, and is recorded as
%% that, inside the database and outside of it: see {@link hex_provenance_guard}.
-module(hex_provenance_publisher).

-export([work/1, succeed/2]).

-export_type([publisher/0]).

-type publisher() :: #{
    guard := hex_provenance_guard:guard(),
    key := hex_provenance_log_nif:key(),
    successors := [hex_provenance_log_nif:key()],
    witnesses := hex_provenance_witness:witnesses(),
    again_every := pos_integer(),
    retry_every := pos_integer(),
    report := fun((term()) -> term()),
    own := integer(),
    published := undefined | #{size := non_neg_integer(), at := integer(), quorum := boolean()},
    count := non_neg_integer()
}.
%% `successors' are keys that may take the key's place, once the log's own entries say so.
%% `again_every' is after how many milliseconds an idle log is signed and cosigned again,
%% `retry_every' after how many a checkpoint without its quorum is. `own' is the last of the log's
%% own entries that was looked at for key changes. `report' is told `{published, Facts}', `{witness,
%% Name, Result}', `{failed, checkpoint, Error}' and `{halted, Error}'.

-define(OWN_PAGE, 256).
%% Checkpoints of the last so many entries are all kept.
-define(KEPT, 4096).
-define(PRUNE_EVERY, 256).

%% @doc Has another key ready, for when a key change puts it in the present one's place.
-spec succeed(hex_provenance_log_nif:key(), publisher()) -> publisher().
succeed(Key, #{successors := Keys} = State) -> State#{successors := [Key | Keys]}.

%% @doc Publishes a checkpoint if one is due.
-spec work(publisher()) -> hex_provenance_worker:next(publisher()).
work(#{guard := #{db := Db}} = State) ->
    case hex_provenance_log_store:head(Db) of
        {ok, Head} ->
            case is_due(Head, State) of
                true -> publish(Head, State);
                false -> {idle, State}
            end;
        {error, Error} ->
            failed(Error, State)
    end.

is_due(_, #{published := undefined}) ->
    true;
is_due(#{size := Size}, #{published := #{size := Published}}) when Size =/= Published ->
    true;
is_due(_, #{published := #{quorum := true, at := At}, again_every := Every}) ->
    now_ms() - At >= Every;
is_due(_, #{published := #{at := At}, retry_every := Every}) ->
    now_ms() - At >= Every.

publish(Head, State) ->
    case key_in_use(State) of
        {ok, Looked} -> claimed(Head, Looked);
        {halt, Error} -> halted(Error, State);
        {error, Error} -> failed(Error, State)
    end.

claimed(#{size := Size, root := Root} = Head, #{guard := Guard} = State) ->
    case hex_provenance_guard:proven(Guard, Head) of
        {ok, Seen} ->
            case hex_provenance_guard:claim(Guard, Seen, {Size, Root}) of
                ok -> signed(Head, Seen, State);
                conflict -> {again, State};
                {error, Error} -> failed(Error, State)
            end;
        {halt, Error} ->
            halted(Error, State);
        {error, Error} ->
            failed(Error, State)
    end.

signed(#{size := Size, root := Root}, #{outside := Outside, proof := Proof}, State) ->
    Last = last(Outside, Proof),
    case hex_provenance_log_nif:log_checkpoint(maps:get(key, State), Size, Root, Last) of
        {ok, Note} -> stored(Size, Root, Note, State);
        {error, #{code := consistency_broken} = Error} -> halted(Error, State);
        {error, Error} -> failed(Error, State)
    end.

last(undefined, _) -> undefined;
last({Size, Root}, Proof) -> {Size, Root, Proof}.

stored(Size, Root, Note, #{guard := #{db := Db}, witnesses := Witnesses} = State) ->
    Quorum = hex_provenance_witness:has_quorum(Witnesses, Note),
    case hex_provenance_log_store:put_checkpoint(Db, Size, Root, Note, Quorum) of
        ok when Quorum -> collect(Size, Root, Note, told(Size, true, State));
        ok -> collect(Size, Root, Note, State);
        {error, Error} -> failed(Error, State)
    end.

collect(Size, Root, Note, #{guard := Guard, witnesses := Witnesses, report := Report} = State) ->
    {Cosigned, Results, Learned} = hex_provenance_witness:collect(
        Witnesses, Note, Size, proofs(Guard)
    ),
    lists:foreach(fun({Name, Result}) -> Report({witness, Name, Result}) end, Results),
    cosigned(Size, Root, Note, Cosigned, State#{witnesses := Learned}).

proofs(#{db := Db, prover := Prover}) ->
    fun(Old, New) ->
        hex_provenance_log_entries:proof({Db, Prover}, fun(Asked) ->
            hex_provenance_log_nif:log_consistency(Asked, Old, New)
        end)
    end.

cosigned(Size, _, Note, Note, #{witnesses := Witnesses} = State) ->
    Quorum = hex_provenance_witness:has_quorum(Witnesses, Note),
    done(Size, Quorum, State);
cosigned(Size, Root, _, Cosigned, #{guard := #{db := Db}, witnesses := Witnesses} = State) ->
    Quorum = hex_provenance_witness:has_quorum(Witnesses, Cosigned),
    case hex_provenance_log_store:put_checkpoint(Db, Size, Root, Cosigned, Quorum) of
        ok -> done(Size, Quorum, State);
        {error, Error} -> failed(Error, State)
    end.

done(Size, Quorum, #{count := Count} = State) ->
    _ = [prune(Size, State) || Count rem ?PRUNE_EVERY =:= 0],
    Published = #{size => Size, at => now_ms(), quorum => Quorum},
    {again, (told(Size, Quorum, State))#{published := Published, count := Count + 1}}.

told(Size, Quorum, #{report := Report, published := Published} = State) ->
    case Published of
        #{size := Size, quorum := Quorum} ->
            State;
        _ ->
            Report({published, #{size => Size, quorum => Quorum}}),
            State#{published := #{size => Size, at => now_ms(), quorum => Quorum}}
    end.

prune(Size, #{guard := #{db := Db}}) when Size > ?KEPT ->
    hex_provenance_log_store:prune_checkpoints(Db, Size - ?KEPT);
prune(_, _) ->
    ok.

%%% Keys

%% A checkpoint is signed by the key that the log's own entries name for its last entry.
key_in_use(#{guard := #{db := Db}, own := Own} = State) ->
    case hex_provenance_log_entries:own_entries(Db, Own, ?OWN_PAGE) of
        {ok, []} -> {ok, State};
        {ok, Entries} -> after_changes(Entries, State);
        {error, Error} -> {error, Error}
    end.

after_changes([], State) ->
    key_in_use(State);
after_changes([{Index, key_change, Leaf} | Rest], #{key := Key, successors := Keys} = State) ->
    case names(Leaf, <<"old">>, Key) of
        true ->
            case [Next || Next <- Keys, names(Leaf, <<"new">>, Next)] of
                [Next | _] -> succeeded(Next, Index, Rest, State);
                [] -> {halt, replaced(Index)}
            end;
        false ->
            after_changes(Rest, State#{own := Index})
    end;
after_changes([{Index, heads, _} | Rest], State) ->
    after_changes(Rest, State#{own := Index}).

succeeded(Key, Index, Rest, #{witnesses := Witnesses} = State) ->
    {ok, Vkey} = hex_provenance_log_nif:log_vkey(Key),
    case hex_provenance_witness:for_log(Witnesses, Vkey) of
        {ok, Known} -> after_changes(Rest, State#{own := Index, key := Key, witnesses := Known});
        {error, Error} -> {error, Error}
    end.

%% Key changes are canonical JSON.
names(Leaf, Member, Key) ->
    {ok, Spki} = hex_provenance_log_nif:log_spki(Key),
    Text = <<"\"", Member/binary, "\":\"", (base64:encode(Spki))/binary, "\"">>,
    binary:match(Leaf, Text) =/= nomatch andalso
        binary:match(Leaf, <<"\"purpose\":\"log\"">>) =/= nomatch.

replaced(Index) ->
    Reason = io_lib:format(
        "entry ~b of the log put another key in the place of this one: start with that", [Index]
    ),
    hex_provenance_error:storage_failed(<<"the log's key">>, Reason).

halted(Error, #{report := Report} = State) ->
    Report({halted, Error}),
    {halt, Error, State}.

failed(Error, #{report := Report} = State) ->
    Report({failed, checkpoint, Error}),
    {retry, Error, State}.

now_ms() -> erlang:monotonic_time(millisecond).
