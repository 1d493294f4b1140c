%% @doc Who may write, for services that have no accounts of their own: bearer tokens, of which only
%% hashes are kept.
%%
%% A service inside a host (hexpm) gives a function of its own instead: `authorise' in {@link
%% hex_provenance_api:state()}.
-module(hex_provenance_api_token).

-export([new/0, hash/1, authorise/1]).

-export_type([grant/0]).

-type grant() :: #{
    hash := <<_:256>>,
    name := binary(),
    may := [record_events | attest],
    packages => all | [binary()]
}.
%% What the token with that hash may do: record the registry's events, hand in attestations (of all
%% packages or those named).

%% @doc A new token: 256 random bits.
-spec new() -> binary().
new() ->
    string:lowercase(binary:encode_hex(crypto:strong_rand_bytes(32))).

%% @doc What is kept of a token. Tokens are random, so a plain hash is enough.
-spec hash(binary()) -> <<_:256>>.
hash(Token) -> crypto:hash(sha256, Token).

%% @doc The function that lets those tokens in. All of them are compared, each in constant time.
-spec authorise([grant()]) -> hex_provenance_api:authorise().
authorise(Grants) ->
    fun(Action, Request) ->
        case [Grant || Grant <- Grants, is_token(Grant, bearer(Request))] of
            [] -> {error, 401};
            [Grant | _] -> allowed(is_granted(Action, Grant), Grant)
        end
    end.

allowed(true, #{name := Name}) -> {ok, Name};
allowed(false, _) -> {error, 403}.

is_token(_, undefined) -> false;
is_token(#{hash := Hash}, Token) -> crypto:hash_equals(Hash, hash(Token)).

is_granted(record_events, #{may := May}) ->
    lists:member(record_events, May);
is_granted({attest, Package, _}, #{may := May} = Grant) ->
    lists:member(attest, May) andalso covers(maps:get(packages, Grant, all), Package).

covers(all, _) -> true;
covers(Packages, Package) -> lists:member(Package, Packages).

bearer(Request) ->
    case hex_provenance_api_request:header(<<"authorization">>, Request) of
        <<Scheme:7/binary, Token/binary>> when Token =/= <<>> ->
            case string:lowercase(Scheme) of
                <<"bearer ">> -> Token;
                _ -> undefined
            end;
        _ ->
            undefined
    end.
