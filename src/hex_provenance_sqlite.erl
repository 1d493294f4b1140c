%% @doc SQLite, inside the native library with which a log is run.
%%
%% One file and what SQLite puts beside it (`-wal', `-shm'), on a local file system. Every commit is
%% on the disk when it is answered. Processes read while one writes; a transaction is one call,
%% which no process's death can cut short. After a failed synchronisation of the disk the database
%% is closed, since nobody knows what of it the disk has: open it again.
-module(hex_provenance_sqlite).

-behaviour(hex_provenance_sql).

-export([open/1, open/2]).
-export([query/3, transaction/2, dialect/1, close/1]).

-export_type([options/0]).

-type options() :: #{
    create => boolean(),
    busy_timeout => non_neg_integer(),
    max_pages => pos_integer(),
    max_rows => pos_integer(),
    max_bytes => pos_integer()
}.
%% `create' (true): whether a missing file is made. `busy_timeout' (5000): milliseconds to wait for
%% another program's lock. `max_pages': how large the file may become, in pages of 8 KiB. `max_rows'
%% (2^20) and `max_bytes' (2^28): what one call answers at most.

%% @equiv open(Path, #{})
-spec open(file:filename_all()) ->
    {ok, hex_provenance_sql:db()} | {error, hex_provenance_error:error()}.
open(Path) -> open(Path, #{}).

%% @doc Opens a database file.
-spec open(file:filename_all(), options()) ->
    {ok, hex_provenance_sql:db()} | {error, hex_provenance_error:error()}.
open(Path, Options) ->
    case hex_provenance_log_nif:sqlite_open(Path, Options) of
        {ok, Handle} -> {ok, {?MODULE, Handle}};
        {error, _} = Error -> Error
    end.

%% @private
-spec query(hex_provenance_sql:handle(), binary(), [hex_provenance_sql:param()]) ->
    {ok, [hex_provenance_sql:row()], non_neg_integer()} | {error, hex_provenance_error:error()}.
query(Handle, Sql, Params) ->
    case hex_provenance_log_nif:sqlite_query(Handle, Sql, Params) of
        {ok, {Rows, Count}} -> {ok, Rows, Count};
        {error, _} = Error -> Error
    end.

%% @private
-spec transaction(hex_provenance_sql:handle(), [hex_provenance_sql:step()]) ->
    {ok, [hex_provenance_sql:answer()]}
    | {conflict, pos_integer()}
    | {error, hex_provenance_error:error()}.
transaction(Handle, Steps) ->
    case hex_provenance_log_nif:sqlite_transaction(Handle, Steps) of
        {ok, {conflict, _} = Conflict} -> Conflict;
        {ok, Answers} -> {ok, Answers};
        {error, _} = Error -> Error
    end.

%% @private
-spec dialect(hex_provenance_sql:handle()) -> sqlite.
dialect(_Handle) -> sqlite.

%% @private
-spec close(hex_provenance_sql:handle()) -> ok.
close(Handle) ->
    _ = hex_provenance_log_nif:sqlite_close(Handle),
    ok.
