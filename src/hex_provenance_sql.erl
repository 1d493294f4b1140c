%% @doc A database that keeps a log: SQLite inside this library, or PostgreSQL through whatever the
%% host already talks to it with.
%%
%% Parameters are written `$1', `$2' and so on, and stand in this order in the statement, where each
%% may be repeated: then both number them alike. A transaction is a list of steps, run as a whole:
%% none is open between two calls, so that a process that ends leaves none behind. What was read
%% before is guarded by a step that expects it still to be so:
%%
%% ```
%% [{<<"UPDATE head SET size = $1 WHERE size = $2">>, [New, Old], 1}, ...]
%% '''
%%
%% Such a guard comes first: in PostgreSQL it waits there for another writer, and then answers
%% `{conflict, 1}'.
-module(hex_provenance_sql).

-export([query/3, transaction/2, dialect/1, close/1]).

-export_type([db/0, handle/0, dialect/0, param/0, value/0, row/0, step/0, expect/0, answer/0]).

-type db() :: {module(), handle()}.
%% A module of this behaviour and what it works on.

-type handle() :: term().

-type dialect() :: sqlite | postgres.

-type param() :: integer() | float() | binary() | {text, binary()} | {blob, binary()} | null.
%% A plain binary is text. Text is UTF-8 without zero bytes, integers are of 64 bits.

-type value() :: integer() | float() | binary() | null.
%% Text and blobs are binaries alike.

-type row() :: [value()].

-type step() ::
    {Sql :: binary(), [param()], expect()} | {many, Sql :: binary(), [[param()]], expect()}.
%% `many' runs the statement once for each list of parameters; its rows and counts are added up.

-type expect() :: any | non_neg_integer().
%% Which count a step must have.

-type answer() :: {Rows :: [row()], Count :: non_neg_integer()}.
%% The count is of the rows that are answered, or else changed.

-type error() :: {error, hex_provenance_error:error()}.

-callback query(handle(), Sql :: binary(), [param()]) ->
    {ok, [row()], Count :: non_neg_integer()} | error().
-callback transaction(handle(), [step()]) ->
    {ok, [answer()]} | {conflict, Step :: pos_integer()} | error().
-callback dialect(handle()) -> dialect().
-callback close(handle()) -> ok.

%% @doc Runs one statement, in a transaction of its own.
-spec query(db(), binary(), [param()]) -> {ok, [row()], non_neg_integer()} | error().
query({Module, Handle}, Sql, Params) -> Module:query(Handle, Sql, Params).

%% @doc Runs all steps, or none of them: after an error nothing is changed, nor after a step with
%% another count than it expects, whose number is then answered (the first is 1). Another writer
%% that came first is a conflict as well.
-spec transaction(db(), [step()]) -> {ok, [answer()]} | {conflict, pos_integer()} | error().
transaction({Module, Handle}, Steps) -> Module:transaction(Handle, Steps).

%% @doc Which SQL the database speaks where the two differ.
-spec dialect(db()) -> dialect().
dialect({Module, Handle}) -> Module:dialect(Handle).

%% @doc Closes what this library opened; what the host opened stays its own.
-spec close(db()) -> ok.
close({Module, Handle}) -> Module:close(Handle).
