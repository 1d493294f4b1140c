%% @doc A TUF repository on a loopback port: one key for every role, signed on the spot.
-module(hex_provenance_test_tuf).

-export([serve/1, serve/2, serve_silence/0, root/0]).

-type server() :: #{url := binary(), root := binary(), socket := gen_tcp:socket()}.

%% @doc Serves this trusted_root.json until the caller ends.
-spec serve(binary()) -> server().
serve(TrustedRoot) ->
    serve(TrustedRoot, #{}).

%% @doc As serve/1, with more targets by name.
-spec serve(binary(), #{atom() => binary()}) -> server().
serve(TrustedRoot, Others) ->
    Key = {_, _} = crypto:generate_key(eddsa, ed25519),
    Files = files(Key, Others#{'trusted_root.json' => TrustedRoot}),
    listen(maps:get(<<"/1.root.json">>, Files), fun(Socket) -> answer(Socket, Files) end).

%% @doc Takes requests and never answers; tells the caller when a client has gone away.
-spec serve_silence() -> server().
serve_silence() ->
    Self = self(),
    listen(root(), fun(Socket) ->
        Self ! connected,
        closed = wait_for_end(Socket),
        Self ! disconnected
    end).

-spec root() -> binary().
root() ->
    maps:get(<<"/1.root.json">>, files(crypto:generate_key(eddsa, ed25519), #{})).

wait_for_end(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, _} -> wait_for_end(Socket);
        {error, _} -> closed
    end.

listen(Root, Handle) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    spawn_link(fun() -> accept(Listener, Handle) end),
    Url = iolist_to_binary(io_lib:format("http://127.0.0.1:~b", [Port])),
    #{url => Url, root => Root, socket => Listener}.

accept(Listener, Handle) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Worker = spawn(fun() ->
                receive
                    go -> Handle(Socket)
                end
            end),
            ok = gen_tcp:controlling_process(Socket, Worker),
            Worker ! go,
            accept(Listener, Handle);
        {error, closed} ->
            ok
    end.

answer(Socket, Files) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, <<"GET ", Request/binary>>} ->
            [Asked, _] = binary:split(Request, <<" ">>),
            %% Of a proxy a whole URL is asked.
            #{path := Path} = uri_string:parse(Asked),
            ok = gen_tcp:send(Socket, response(Files, Path)),
            answer(Socket, Files);
        _ ->
            gen_tcp:close(Socket)
    end.

response(Files, Path) ->
    case Files of
        #{Path := Body} -> response(<<"200 OK">>, Body, iolist_size(Body));
        #{} -> response(<<"404 Not Found">>, <<>>, 0)
    end.

response(Status, Body, Length) ->
    ["HTTP/1.1 ", Status, "\r\ncontent-length: ", integer_to_list(Length), "\r\n\r\n", Body].

files({Public, _} = Key, Contents) ->
    KeyValue = #{
        keytype => ed25519, scheme => ed25519, keyval => #{public => hex(Public)}
    },
    Id = hex(crypto:hash(sha256, encode(KeyValue))),
    Sign = fun(Signed) -> sign(Key, Id, Signed) end,
    Role = #{keyids => [Id], threshold => 1},
    Hash = fun(Content) -> hex(crypto:hash(sha256, Content)) end,
    Describe = fun(_, Content) ->
        #{length => byte_size(Content), hashes => #{sha256 => Hash(Content)}}
    end,
    Targets = Sign((head(targets))#{targets => maps:map(Describe, Contents)}),
    Snapshot = Sign((head(snapshot))#{meta => #{'targets.json' => #{version => 1}}}),
    Timestamp = Sign((head(timestamp))#{meta => #{'snapshot.json' => #{version => 1}}}),
    Root = Sign((head(root))#{
        consistent_snapshot => true,
        keys => #{Id => KeyValue},
        roles => #{root => Role, timestamp => Role, snapshot => Role, targets => Role}
    }),
    Served = [
        {iolist_to_binary(["/targets/", Hash(Content), ".", atom_to_list(Name)]), Content}
     || {Name, Content} <- maps:to_list(Contents)
    ],
    (maps:from_list(Served))#{
        <<"/1.root.json">> => Root,
        <<"/timestamp.json">> => Timestamp,
        <<"/1.snapshot.json">> => Snapshot,
        <<"/1.targets.json">> => Targets
    }.

head(Type) ->
    Expires = calendar:system_time_to_rfc3339(erlang:system_time(second) + 86400, [{offset, "Z"}]),
    #{
        '_type' => Type,
        spec_version => <<"1.0.31">>,
        version => 1,
        expires => list_to_binary(Expires)
    }.

sign({_, Private}, Id, Signed) ->
    Bytes = encode(Signed),
    Signature = crypto:sign(eddsa, none, Bytes, [Private, ed25519]),
    encode(#{signed => Signed, signatures => [#{keyid => Id, sig => hex(Signature)}]}).

encode(Value) -> hex_provenance_test_json:encode(Value).

hex(Bytes) -> string:lowercase(binary:encode_hex(Bytes)).
