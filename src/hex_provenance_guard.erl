%% @private
%% @doc Whether a log's tree extends all that was signed before: asked before every signature, and
%% before anything is entered behind a tree that this node did not make itself.
%%
%% A database that forgot something, and grows again, cannot pass: the consistency of two trees is
%% proven from their roots alone.
-module(hex_provenance_guard).

-export([new/2, proven/2, extends/3, claim/3]).

-export_type([guard/0, seen/0]).

-type guard() :: #{
    db := hex_provenance_sql:db(),
    prover := hex_provenance_log_nif:prover(),
    last_signed := hex_provenance_last_signed:place() | none
}.

-type last() :: hex_provenance_last_signed:last().
-type seen() :: #{inside := last(), outside := last() | undefined, proof := [<<_:256>>]}.
%% What was signed last by the database's word and by the record outside, and the proof that the
%% tree extends the latter.

-type failure() ::
    {halt, hex_provenance_error:error()} | {error, hex_provenance_error:error()}.
%% `halt' when the two cannot both be true.

%% Tiles of the right edge and of one older size.
-define(TILES, 64).

%% @doc For a log's database, and the record outside of it.
-spec new(hex_provenance_sql:db(), hex_provenance_last_signed:place() | none) ->
    {ok, guard()} | {error, hex_provenance_error:error()}.
new(Db, LastSigned) ->
    case hex_provenance_log_nif:log_prover(?TILES) of
        {ok, Prover} -> {ok, #{db => Db, prover => Prover, last_signed => LastSigned}};
        {error, _} = Error -> Error
    end.

%% @doc That the tree extends what was signed last.
-spec proven(guard(), hex_provenance_log_store:head()) -> {ok, seen()} | failure().
proven(#{db := Db} = Guard, Head) ->
    case {hex_provenance_log_store:signed(Db), outside(Guard)} of
        {{ok, Inside}, {ok, Outside}} -> both(Guard, Inside, Outside, Head);
        {{error, Error}, _} -> {error, Error};
        {_, {error, Error}} -> {error, Error}
    end.

outside(#{last_signed := none, db := Db}) -> hex_provenance_log_store:signed(Db);
outside(#{last_signed := Record}) -> hex_provenance_last_signed:read(Record).

both(_, {Size, _}, undefined, _) when Size > 0 ->
    {halt, record_missing(Size)};
both(Guard, Inside, undefined, Head) ->
    case extends(Guard, Inside, Head) of
        {ok, _} -> {ok, #{inside => Inside, outside => undefined, proof => []}};
        Failure -> Failure
    end;
both(Guard, Inside, Outside, Head) ->
    case {extends(Guard, Outside, Head), extends(Guard, Inside, Head)} of
        {{ok, Proof}, {ok, _}} -> {ok, #{inside => Inside, outside => Outside, proof => Proof}};
        {{ok, _}, Failure} -> Failure;
        {Failure, _} -> Failure
    end.

%% @doc The proof that a tree extends an older one.
-spec extends(guard(), last(), hex_provenance_log_store:head()) -> {ok, [<<_:256>>]} | failure().
extends(Guard, {OldSize, OldRoot}, #{size := Size, root := Root}) ->
    case consistency(Guard, OldSize, Size) of
        {ok, Proof} ->
            case hex_provenance_log_nif:log_consistent(OldSize, OldRoot, Size, Root, Proof) of
                {ok, true} -> {ok, Proof};
                {error, Error} -> failure(Error)
            end;
        {error, Error} ->
            failure(Error)
    end.

consistency(#{db := Db, prover := Prover}, OldSize, Size) ->
    hex_provenance_log_entries:proof({Db, Prover}, fun(Asked) ->
        hex_provenance_log_nif:log_consistency(Asked, OldSize, Size)
    end).

failure(#{code := consistency_broken} = Error) -> {halt, Error};
failure(Error) -> {error, Error}.

%% @doc Records a tree as the last one that was signed, in the database first. `conflict' when
%% another node did so meanwhile: then nothing may be signed before all is proven again.
-spec claim(guard(), seen(), last()) -> ok | conflict | {error, hex_provenance_error:error()}.
claim(#{db := Db} = Guard, #{inside := Inside, outside := Outside}, New) ->
    case hex_provenance_log_store:put_signed(Db, Inside, New) of
        ok -> claim_outside(Guard, Outside, New);
        conflict -> conflict;
        {error, _} = Error -> Error
    end.

claim_outside(#{last_signed := none}, _, _) ->
    ok;
claim_outside(#{last_signed := Record}, Outside, New) ->
    case hex_provenance_last_signed:swap(Record, Outside, New) of
        ok -> ok;
        {conflict, _} -> conflict;
        {error, _} = Error -> Error
    end.

record_missing(Size) ->
    Reason = io_lib:format(
        "there is none, but the database has a checkpoint of size ~b: bring the record back from "
        "where it was; when it is lost for good, record the size and root that the witnesses and "
        "monitors saw last",
        [Size]
    ),
    hex_provenance_error:storage_failed(<<"the record of what was signed last">>, Reason).
