%% @private
%% @doc What the environment says about reaching services, beyond what the core reads itself
%% (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY): what is set up for Hex counts here too.
-module(hex_provenance_network).

-export([options/1]).

%% @doc Options in which `proxy' and `ca_files' are what Hex's variables say, unless something else
%% is stated.
-spec options(term()) -> term().
options(Options) when is_map(Options) ->
    proxy(authorities(Options));
options(Options) ->
    Options.

authorities(#{ca_files := _} = Options) ->
    Options;
authorities(Options) ->
    case is_set("HEX_CACERTS_PATH") of
        true -> Options#{ca_files => [os:getenv("HEX_CACERTS_PATH")]};
        false -> Options
    end.

proxy(#{proxy := Stated} = Options) when Stated =/= environment ->
    Options;
proxy(Options) ->
    case [os:getenv(Name) || Name <- ["HEX_HTTPS_PROXY", "HEX_HTTP_PROXY"], is_set(Name)] of
        [] -> Options;
        [Url | _] -> Options#{proxy => unicode:characters_to_binary(Url)}
    end.

is_set(Name) -> os:getenv(Name, "") =/= "".
