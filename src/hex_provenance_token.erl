%% @private
%% @doc Where an identity token is found when none is given.
%%
%% The environment only says where a token is. What it claims it says itself.
-module(hex_provenance_token).

-export([option/1]).

-define(TOKEN, "SIGSTORE_ID_TOKEN").
-define(GITHUB_URL, "ACTIONS_ID_TOKEN_REQUEST_URL").
-define(GITHUB_TOKEN, "ACTIONS_ID_TOKEN_REQUEST_TOKEN").

%% @doc Options in which `token' is what the core takes.
-spec option(term()) -> term().
option(#{token := environment} = Options) ->
    Options#{token := find()};
option(#{token := {environment, Name}} = Options) ->
    Options#{token := variable(Name)};
option(#{token := Fun} = Options) when is_function(Fun, 0) ->
    Options#{token := Fun()};
option(#{token := _} = Options) ->
    Options;
option(#{key := _} = Options) ->
    Options;
option(#{external_key := _} = Options) ->
    Options;
option(Options) when is_map(Options) ->
    Options#{token => find()};
option(Options) ->
    Options.

find() ->
    case {getenv(?TOKEN), getenv(?GITHUB_URL), getenv(?GITHUB_TOKEN)} of
        {none, none, _} -> {unavailable, looked_for()};
        {none, _, none} -> {unavailable, looked_for()};
        {none, Url, Bearer} -> {github, Url, Bearer};
        {Token, _, _} -> Token
    end.

variable(Name) ->
    case unicode:characters_to_list(Name) of
        Text when is_list(Text) ->
            case getenv(Text) of
                none ->
                    {unavailable, text(["the environment variable ", Text, " is not set"])};
                Token ->
                    Token
            end;
        _ ->
            Name
    end.

looked_for() ->
    text([
        "looked in the environment for " ?TOKEN ", and for " ?GITHUB_URL " with " ?GITHUB_TOKEN,
        case {getenv("GITHUB_ACTIONS"), getenv("GITLAB_CI")} of
            {<<"true">>, _} -> "; this GitHub job lacks the permission id-token: write";
            {_, <<"true">>} -> "; this GitLab job has no id_tokens entry called " ?TOKEN;
            _ -> ""
        end
    ]).

getenv(Name) ->
    case os:getenv(Name, "") of
        "" -> none;
        Value -> text(Value)
    end.

text(Characters) ->
    unicode:characters_to_binary(Characters).
