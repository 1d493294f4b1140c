%% @private
%% @doc What the modules of native libraries share: where a library is, and what its functions
%% answer as long as it is not loaded.
%%
%% The loading itself is each module's own, since the VM has it so. It never fails, since callers
%% would then meet `undef'.
-module(hex_provenance_library).

-export([path/1, failed/3, not_loaded/1]).

-define(NOT_BUILT, "it was built without this function").

%% @doc The file of the library of that name, without its ending.
-spec path(string()) -> file:filename().
path(Name) -> filename:join([priv_dir(), "native", Name]).

%% The folder beside the one this module was loaded from, when the code path does not know the
%% application.
priv_dir() ->
    case code:priv_dir(hex_provenance) of
        {error, bad_name} ->
            Ebin = filename:dirname(code:which(?MODULE)),
            filename:join(filename:dirname(Ebin), "priv");
        Dir ->
            Dir
    end.

%% @doc Keeps why the library of `Module' was not loaded.
-spec failed(module(), file:filename(), iodata()) -> ok.
failed(Module, Path, Reason) ->
    persistent_term:put(Module, {error, hex_provenance_error:nif_not_loaded(Path, Reason)}).

%% @doc What a function of `Module' answers that no library has replaced. Dialyzer must not conclude
%% anything from it.
-spec not_loaded(module()) -> term().
not_loaded(Module) ->
    persistent_term:get(Module, {error, hex_provenance_error:nif_not_loaded("", ?NOT_BUILT)}).
