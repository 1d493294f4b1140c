%% @doc Where a log keeps, outside its database, the size and root that it signed last.
%%
%% A database that is restored from a backup, or a standby that takes over without the last batches,
%% knows less than was signed. What is kept here is not rolled back with it, so the log stops with
%% an error instead of signing a second history. All nodes of a log share one record: a folder
%% that all of them see ({@link hex_provenance_last_signed_file}), or a module of this behaviour
%% that keeps it where a compare-and-set is to be had, such as an object store with conditional
%% writes.
-module(hex_provenance_last_signed).

-export([read/1, swap/3]).

-export_type([place/0, last/0]).

-type place() :: {module(), Argument :: term()}.

-type last() :: {Size :: non_neg_integer(), Root :: <<_:256>>}.

-type error() :: {error, hex_provenance_error:error()}.

-callback read(Argument :: term()) -> {ok, last() | undefined} | error().
-callback swap(Argument :: term(), Old :: last() | undefined, New :: last()) ->
    ok | {conflict, last() | undefined} | error().

%% @doc What was signed last; undefined when nothing was.
-spec read(place()) -> {ok, last() | undefined} | error().
read({Module, Argument}) -> Module:read(Argument).

%% @doc Replaces it if it still is `Old'. When this answers `ok' it is on the disk, and whoever
%% reads later sees `New' or what replaced it.
-spec swap(place(), last() | undefined, last()) -> ok | {conflict, last() | undefined} | error().
swap({Module, Argument}, Old, New) -> Module:swap(Argument, Old, New).
