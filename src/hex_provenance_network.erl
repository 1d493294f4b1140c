%% @private
%% @doc What the environment says about reaching services, beyond what the core reads itself
%% (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY): what is set up for Hex counts here too.
-module(hex_provenance_network).

-export([options/1, proxy/2]).

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

%% @doc How `Url' is reached: by what the options say, else by what the environment says. Where the
%% core makes the requests, it reads the same variables itself.
-spec proxy(binary(), #{proxy => environment | direct | binary(), _ => _}) ->
    {ok, direct | #{host := string(), port := 1..65535, auth => {string(), string()}}}
    | {error, unicode:chardata()}.
proxy(_, #{proxy := direct}) ->
    {ok, direct};
proxy(Url, #{proxy := Stated}) when is_binary(Stated) ->
    through(Url, unicode:characters_to_list(Stated));
proxy(Url, _) ->
    case [os:getenv(Name) || Name <- variables(Url), is_set(Name)] of
        [] -> {ok, direct};
        [Proxy | _] -> through(Url, Proxy)
    end.

%% Programs run by a web server get a client's header Proxy as HTTP_PROXY.
variables(<<"https:", _/binary>>) -> ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
variables(_) -> [Name || Name <- ["HTTP_PROXY"], not is_set("REQUEST_METHOD")] ++
    ["http_proxy", "ALL_PROXY", "all_proxy"].

through(Url, Proxy) ->
    Exempt = string:lexemes(os:getenv("NO_PROXY", os:getenv("no_proxy", "")), ", "),
    case uri_string:parse(Url) of
        #{host := Host} ->
            case lists:any(fun(One) -> is_exempt(binary_to_list(Host), One) end, Exempt) of
                true -> {ok, direct};
                false -> parsed(Proxy)
            end;
        _ ->
            {error, <<"it is no URL">>}
    end.

parsed(Proxy) ->
    Whole =
        case string:find(Proxy, "://") of
            nomatch -> "http://" ++ Proxy;
            _ -> Proxy
        end,
    case uri_string:parse(Whole) of
        #{scheme := "http", host := Host} = Uri when Host =/= "" ->
            Found = #{host => Host, port => maps:get(port, Uri, 80)},
            {ok, maps:merge(Found, user(maps:get(userinfo, Uri, "")))};
        _ ->
            {error, <<"its proxy is no http URL">>}
    end.

user("") -> #{};
user(Info) ->
    [User | Password] = string:split(Info, ":"),
    #{auth => {uri_string:unquote(User), uri_string:unquote(lists:append(Password))}}.

%% A domain stands for all below it, an address for itself, a network for its addresses.
is_exempt(_, "*") -> true;
is_exempt(Host, One) ->
    case {inet:parse_address(string:trim(Host, both, "[]")), string:split(One, "/")} of
        {{ok, Address}, [Network, Bits]} -> is_in(Address, Network, Bits);
        {{ok, Address}, [Other]} -> inet:parse_address(Other) =:= {ok, Address};
        {{error, _}, _} ->
            Domain = string:lowercase(string:trim(One, leading, "*.")),
            Name = string:lowercase(Host),
            Domain =/= "" andalso (Name =:= Domain orelse lists:suffix("." ++ Domain, Name))
    end.

is_in(Address, Network, Bits) ->
    case {inet:parse_address(Network), string:to_integer(Bits)} of
        {{ok, Other}, {Length, ""}} when tuple_size(Other) =:= tuple_size(Address), Length >= 0 ->
            prefix(Address, Length) =:= prefix(Other, Length);
        _ ->
            false
    end.

prefix(Address, Length) ->
    Size =
        case tuple_size(Address) of
            4 -> 8;
            8 -> 16
        end,
    All = << <<Part:Size>> || Part <- tuple_to_list(Address) >>,
    Known = min(Length, bit_size(All)),
    <<Prefix:Known/bitstring, _/bitstring>> = All,
    Prefix.

is_set(Name) -> os:getenv(Name, "") =/= "".
