%% @doc A service in one command: a folder with a database and keys, made at the first start.
%%
%% What is made is made once: the log's seed, the registry's key and the hash of the token that may
%% write are kept in files that nobody else reads. The token itself is shown once, unless
%% HEX_PROVENANCE_TOKEN states one.
-module(hex_provenance_serve).

-export([main/0, start/1, usage/0]).

-type running() :: #{
    supervisor := pid(),
    port := inet:port_number(),
    data := file:filename(),
    vkey := binary(),
    token := binary() | undefined
}.
%% `token': one that was just made.

-type settings() :: #{
    port := inet:port_number(), data := file:filename(), address := string(), origin := string()
}.

%% @doc For script/serve: runs until the VM is told to stop, or the service ends.
-spec main() -> ok.
main() ->
    _ = spawn(fun() -> run_alone(start(init:get_plain_arguments())) end),
    ok.

-spec run_alone({ok, running()} | {error, unicode:chardata()}) -> no_return().
run_alone({ok, #{supervisor := Supervisor} = Running}) ->
    io:put_chars(told(Running)),
    Monitor = monitor(process, Supervisor),
    receive
        {'DOWN', Monitor, process, _, Reason} ->
            io:format(standard_error, "the service ended: ~tp~n", [Reason]),
            halt(1)
    end;
run_alone({error, Text}) ->
    io:put_chars(standard_error, [Text, $\n]),
    halt(2).

%% @doc What the command takes.
-spec usage() -> string().
usage() ->
    "usage: [--port PORT] [--data FOLDER] [--address ADDRESS] [--origin ORIGIN]\n"
    "  --port     where to listen, by default 4040; 0 for any that is free\n"
    "  --data     the folder with the database and keys, by default ./provenance-data\n"
    "  --address  the address to listen on, by default 127.0.0.1\n"
    "  --origin   the log's name for ever; by default localhost/attestations\n"
    "HEX_PROVENANCE_TOKEN states the token that may write; else one is made and shown once.".

%% @doc Starts a service as the command's arguments say.
-spec start([string()]) -> {ok, running()} | {error, unicode:chardata()}.
start(Arguments) ->
    Default = #{
        port => 4040,
        data => "provenance-data",
        address => "127.0.0.1",
        origin => "localhost/attestations"
    },
    case settings(Arguments, Default) of
        {ok, Settings} ->
            try
                {ok, run(Settings)}
            catch
                throw:{failed, Text} -> {error, Text}
            end;
        error ->
            {error, usage()}
    end.

settings([], Settings) ->
    {ok, Settings};
settings(["--port", Text | Rest], Settings) ->
    case string:to_integer(Text) of
        {Port, []} when Port >= 0, Port < 65536 -> settings(Rest, Settings#{port := Port});
        _ -> error
    end;
settings(["--data", Folder | Rest], Settings) ->
    settings(Rest, Settings#{data := Folder});
settings(["--address", Address | Rest], Settings) ->
    settings(Rest, Settings#{address := Address});
settings(["--origin", Origin | Rest], Settings) ->
    settings(Rest, Settings#{origin := Origin});
settings(_, _) ->
    error.

-spec run(settings()) -> running().
run(#{port := Port, data := Data, address := Address, origin := Given}) ->
    ok = folder(Data),
    Origin = list_to_binary(kept(Data, "origin", fun() -> Given end)),
    Seed = kept(Data, "log.seed", fun() -> lists:flatten(hex(crypto:strong_rand_bytes(32))) end),
    Pem = kept(Data, "registry.pem", fun registry_key/0),
    {Token, Hash} = token(Data),
    {ok, LogKey} = expect(
        hex_provenance_log_nif:log_key(#{seed => unhex(Data, Seed), origin => Origin})
    ),
    {ok, RegistryKey} = expect(
        hex_provenance_sigstore:signing_key(#{pem => list_to_binary(Pem)})
    ),
    {ok, Db} = expect(hex_provenance_sqlite:open(filename:join(Data, "log.db"))),
    Signed = filename:join(Data, "signed"),
    ok = folder(Signed),
    {ok, Ip} = expect_address(Address),
    Started = hex_provenance_service:start_link(#{
        log => #{
            db => Db,
            log_key => LogKey,
            origin => Origin,
            registry => #{key => RegistryKey},
            last_signed => {hex_provenance_last_signed_file, Signed}
        },
        registry_key => RegistryKey,
        authorise => hex_provenance_api_token:authorise([
            #{hash => Hash, name => <<"admin">>, may => [record_events, attest]}
        ]),
        publishing => #{trust => [public_good, github]},
        server => #{port => Port, address => Ip}
    }),
    Supervisor = started(Started),
    {ok, Vkey} = expect(hex_provenance_log_nif:log_vkey(LogKey)),
    #{
        supervisor => Supervisor,
        port => hex_provenance_service:server_port(hex_provenance_service),
        data => Data,
        vkey => Vkey,
        token => Token
    }.

started({ok, Supervisor}) -> Supervisor;
started(Failed) -> fail(io_lib:format("the service does not start: ~tp", [Failed])).

told(#{port := Port, data := Data, vkey := Vkey, token := Token}) ->
    [
        io_lib:format("Attestation service on http://localhost:~b/, data in ~ts~n", [Port, Data]),
        io_lib:format("Log key: ~ts~n", [Vkey]),
        [
            io_lib:format("Token that may write, shown this once: ~ts~n", [Token])
         || is_binary(Token)
        ],
        "Ctrl-C ends it.\n"
    ].

%% -- What is made once --

folder(Path) ->
    case filelib:ensure_dir(filename:join(Path, "x")) of
        ok ->
            _ = file:change_mode(Path, 8#700),
            ok;
        {error, Reason} ->
            fail_file(Path, Reason)
    end.

%% The text of a file that is made when it is not there; nobody else may read it.
kept(Data, Name, Make) ->
    Path = filename:join(Data, Name),
    case file:read_file(Path) of
        {ok, Text} -> string:trim(binary_to_list(Text));
        {error, enoent} -> make(Path, Make());
        {error, Reason} -> fail_file(Path, Reason)
    end.

%% Whole under its name, or not there.
make(Path, Text) ->
    Unfinished = Path ++ ".new",
    Steps = [
        fun() -> file:write_file(Unfinished, <<>>) end,
        fun() -> file:change_mode(Unfinished, 8#600) end,
        fun() -> file:write_file(Unfinished, [Text, $\n], [sync]) end,
        fun() -> file:rename(Unfinished, Path) end
    ],
    lists:foreach(
        fun(Step) ->
            case Step() of
                ok -> ok;
                {error, Reason} -> fail_file(Path, Reason)
            end
        end,
        Steps
    ),
    Text.

registry_key() ->
    Key = public_key:generate_key({namedCurve, secp256r1}),
    Pem = public_key:pem_encode([public_key:pem_entry_encode('PrivateKeyInfo', Key)]),
    string:trim(binary_to_list(Pem)).

token(Data) ->
    case os:getenv("HEX_PROVENANCE_TOKEN") of
        Given when is_list(Given), length(Given) >= 16 ->
            {undefined, hex_provenance_api_token:hash(unicode:characters_to_binary(Given))};
        [_ | _] ->
            fail("HEX_PROVENANCE_TOKEN is too short: 16 characters at least");
        _ ->
            made_token(Data)
    end.

made_token(Data) ->
    Token = hex_provenance_api_token:new(),
    Mine = hex(hex_provenance_api_token:hash(Token)),
    case kept(Data, "token.sha256", fun() -> Mine end) of
        Mine -> {Token, hex_provenance_api_token:hash(Token)};
        Earlier -> {undefined, unhex(Data, Earlier)}
    end.

hex(Bytes) -> binary_to_list(string:lowercase(binary:encode_hex(Bytes))).

unhex(Data, Text) ->
    try binary:decode_hex(list_to_binary(Text)) of
        <<_:32/binary>> = Bytes -> Bytes;
        _ -> fail_file(Data, "a file there does not hold 32 bytes in hexadecimal")
    catch
        error:badarg -> fail_file(Data, "a file there does not hold 32 bytes in hexadecimal")
    end.

expect({ok, _} = Answer) -> Answer;
expect({error, Error}) -> fail(hex_provenance_error:format_error(Error)).

expect_address(Text) ->
    case inet:parse_address(Text) of
        {ok, _} = Address -> Address;
        {error, _} -> fail(["not an address: ", Text])
    end.

-spec fail_file(file:filename(), term()) -> no_return().
fail_file(Path, Reason) when is_atom(Reason) -> fail_file(Path, file:format_error(Reason));
fail_file(Path, Reason) -> fail([Path, ": ", Reason]).

-spec fail(unicode:chardata()) -> no_return().
fail(Text) -> throw({failed, Text}).
