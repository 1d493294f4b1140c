%% @doc Build provenance for Hex packages.
%%
%% This release verifies Sigstore bundles: see {@link hex_provenance_sigstore}.
-module(hex_provenance).

-export([version/0, ready/0]).

%% @doc The version of this library, such as `<<"0.1.0">>'.
-spec version() -> binary().
version() ->
    _ = application:load(hex_provenance),
    {ok, Version} = application:get_key(hex_provenance, vsn),
    unicode:characters_to_binary(Version).

%% @doc Whether the native library is loaded; if not, the error says why and what to do. Good to ask
%% at start.
-spec ready() -> ok | {error, hex_provenance_error:error()}.
ready() ->
    case hex_provenance_nif:sigstore_catalogue() of
        {ok, _} -> ok;
        {error, _} = Error -> Error
    end.
