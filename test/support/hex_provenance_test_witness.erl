%% @doc A small witness as c2sp.org/tlog-witness has it, over HTTP, written for tests without this
%% library's own code: Ed25519 by OTP's crypto, consistency proofs verified as RFC 9162 says.
-module(hex_provenance_test_witness).

-export([start/2, stop/1, url/1, vkey/1, seen/1, set/3]).
-export([request/2]).

-record(witness, {
    name :: binary(),
    seed :: binary(),
    log :: binary(),
    mode = honest :: honest | silent | refusing | garbage,
    delay = 0 :: non_neg_integer(),
    seen = {0, <<>>} :: {non_neg_integer(), binary()},
    history = [] :: [{non_neg_integer(), binary()}]
}).

%% @doc Starts one that knows a log by its vkey.
start(Name, LogVkey) ->
    Seed = crypto:hash(sha256, Name),
    Self = self(),
    Pid = spawn_link(fun() -> init(#witness{name = Name, seed = Seed, log = LogVkey}, Self) end),
    receive
        {Pid, Port} -> #{pid => Pid, port => Port, name => Name, seed => Seed}
    end.

stop(#{pid := Pid}) ->
    unlink(Pid),
    exit(Pid, kill).

url(#{port := Port}) -> iolist_to_binary(["http://127.0.0.1:", integer_to_list(Port), "/w"]).

vkey(#{name := Name, seed := Seed}) ->
    Key = <<4, (public(Seed))/binary>>,
    Id = string:lowercase(binary:encode_hex(key_id(Name, Key))),
    iolist_to_binary([Name, $+, Id, $+, base64:encode(Key)]).

%% @doc Every size and root that it cosigned, the last one first.
seen(#{pid := Pid}) -> ask(Pid, seen).

%% @doc `mode' or `delay'.
set(#{pid := Pid}, What, Value) -> ask(Pid, {set, What, Value}).

ask(Pid, What) ->
    Ref = make_ref(),
    Pid ! {What, self(), Ref},
    receive
        {Ref, Answer} -> Answer
    end.

%% @doc An HTTP client for whoever has none at hand: HTTP/1.1, one request a connection.
request(_, #{url := Url, body := Body}) ->
    #{host := Host, port := Port, path := Path} = uri_string:parse(Url),
    case gen_tcp:connect(binary_to_list(Host), Port, [binary, {active, false}], 1000) of
        {ok, Socket} ->
            ok = gen_tcp:send(Socket, [
                ["POST ", Path, " HTTP/1.1\r\nhost: ", Host, "\r\n"],
                ["content-length: ", integer_to_list(byte_size(Body)), "\r\n\r\n"],
                Body
            ]),
            Answer = read_all(Socket, <<>>),
            gen_tcp:close(Socket),
            response(Answer);
        {error, Reason} ->
            {error, hex_provenance_error:storage_failed(Url, file:format_error(Reason))}
    end.

read_all(Socket, Read) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, More} -> read_all(Socket, <<Read/binary, More/binary>>);
        {error, closed} -> Read
    end.

response(Answer) ->
    {ok, {http_response, _, Status, _}, Rest} = erlang:decode_packet(http_bin, Answer, []),
    [Head, Body] = binary:split(Rest, <<"\r\n\r\n">>),
    Lines = [binary:split(Line, <<": ">>) || Line <- binary:split(Head, <<"\r\n">>, [global])],
    Headers = [{Name, Value} || [Name, Value] <- Lines],
    {ok, #{status => Status, headers => Headers, body => Body}}.

init(Witness, Parent) ->
    {ok, Listen} = gen_tcp:listen(0, [
        binary, {active, false}, {packet, http_bin}, {ip, {127, 0, 0, 1}}, {reuseaddr, true}
    ]),
    {ok, Port} = inet:port(Listen),
    Self = self(),
    spawn_link(fun() -> accept(Listen, Self) end),
    Parent ! {Self, Port},
    loop(Witness).

loop(#witness{delay = Delay} = Witness) ->
    receive
        {{request, Body}, From, Ref} ->
            timer:sleep(Delay),
            {Answer, Next} = answer(Body, Witness),
            From ! {Ref, Answer},
            loop(Next);
        {seen, From, Ref} ->
            From ! {Ref, Witness#witness.history},
            loop(Witness);
        {{set, mode, Mode}, From, Ref} ->
            From ! {Ref, ok},
            loop(Witness#witness{mode = Mode});
        {{set, delay, Milliseconds}, From, Ref} ->
            From ! {Ref, ok},
            loop(Witness#witness{delay = Milliseconds})
    end.

accept(Listen, Witness) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    Pid = spawn(fun() ->
        receive
            go -> serve(Socket, Witness)
        end
    end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listen, Witness).

serve(Socket, Witness) ->
    {ok, {http_request, 'POST', {abs_path, <<"/w/add-checkpoint">>}, _}} = gen_tcp:recv(Socket, 0),
    Length = headers(Socket, 0),
    ok = inet:setopts(Socket, [{packet, raw}]),
    {ok, Body} = gen_tcp:recv(Socket, Length),
    {Status, Type, Answer} = ask(Witness, {request, Body}),
    ok = gen_tcp:send(Socket, [
        io_lib:format("HTTP/1.1 ~b X\r\ncontent-type: ~s\r\n", [Status, Type]),
        io_lib:format("content-length: ~b\r\nconnection: close\r\n\r\n", [byte_size(Answer)]),
        Answer
    ]),
    gen_tcp:close(Socket).

headers(Socket, Length) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_header, _, 'Content-Length', _, Value}} ->
            headers(Socket, binary_to_integer(Value));
        {ok, {http_header, _, _, _, _}} ->
            headers(Socket, Length);
        {ok, http_eoh} ->
            Length
    end.

answer(_, #witness{mode = silent} = Witness) ->
    timer:sleep(500),
    {{503, "text/plain", <<>>}, Witness};
answer(_, #witness{mode = refusing} = Witness) ->
    {{403, "text/plain", <<>>}, Witness};
answer(_, #witness{mode = garbage} = Witness) ->
    {{200, "text/plain", <<"\x{2014} nobody AAAA\n"/utf8>>}, Witness};
answer(Body, #witness{seen = {Size, Root}, log = Log} = Witness) ->
    [Head, Note] = binary:split(Body, <<"\n\n">>),
    [<<"old ", Old/binary>> | Lines] = binary:split(Head, <<"\n">>, [global]),
    Proof = [base64:decode(Line) || Line <- Lines],
    [Text, Signatures] = binary:split(Note, <<"\n\n">>),
    Signed = <<Text/binary, "\n">>,
    [Origin, NewSize, NewRoot | _] = binary:split(Text, <<"\n">>, [global]),
    New = {binary_to_integer(NewSize), base64:decode(NewRoot)},
    Known = is_signed(Origin, Log, Signed, binary:split(Signatures, <<"\n">>, [global])),
    case {Known, binary_to_integer(Old)} of
        {false, _} ->
            {{403, "text/plain", <<>>}, Witness};
        {true, Other} when Other =/= Size ->
            {{409, "text/x.tlog.size", <<(integer_to_binary(Size))/binary, "\n">>}, Witness};
        {true, _} ->
            case consistent({Size, Root}, New, Proof) of
                true -> {{200, "text/plain", cosignature(Signed, Witness)}, remember(New, Witness)};
                false -> {{422, "text/plain", <<>>}, Witness}
            end
    end.

remember(New, #witness{history = History} = Witness) ->
    Witness#witness{seen = New, history = [New | History]}.

is_signed(Origin, Vkey, Text, Lines) ->
    [Origin, _, Key64] = binary:split(Vkey, <<"+">>, [global]),
    <<1, Public:32/binary>> = Key = base64:decode(Key64),
    Id = key_id(Origin, Key),
    lists:any(
        fun(Line) ->
            case binary:split(Line, <<" ">>, [global]) of
                [_, Origin, Signature64] ->
                    <<LineId:4/binary, Signature/binary>> = base64:decode(Signature64),
                    LineId =:= Id andalso
                        crypto:verify(eddsa, none, Text, Signature, [Public, ed25519]);
                _ ->
                    false
            end
        end,
        Lines
    ).

cosignature(Text, #witness{name = Name, seed = Seed}) ->
    Time = erlang:system_time(second),
    Message = ["cosignature/v1\ntime ", integer_to_binary(Time), "\n", Text],
    Signature = crypto:sign(eddsa, none, iolist_to_binary(Message), [Seed, ed25519]),
    Id = key_id(Name, <<4, (public(Seed))/binary>>),
    Line = base64:encode(<<Id/binary, Time:64, Signature/binary>>),
    iolist_to_binary([<<"\x{2014} "/utf8>>, Name, " ", Line, "\n"]).

key_id(Name, Key) ->
    <<Id:4/binary, _/binary>> = crypto:hash(sha256, [Name, "\n", Key]),
    Id.

public(Seed) ->
    {Public, _} = crypto:generate_key(eddsa, ed25519, Seed),
    Public.

%% RFC 9162, section 2.1.4.2.
consistent({0, _}, _, Proof) ->
    Proof =:= [];
consistent({Size, Root}, {Size, NewRoot}, Proof) ->
    Proof =:= [] andalso Root =:= NewRoot;
consistent({Old, _}, {New, _}, Proof) when Old > New; Proof =:= [] ->
    false;
consistent({Old, OldRoot}, {New, NewRoot}, Proof) ->
    Path =
        case Old band (Old - 1) of
            0 -> [OldRoot | Proof];
            _ -> Proof
        end,
    {Fn, Sn} = shift_odd(Old - 1, New - 1),
    [First | Rest] = Path,
    walk(Rest, Fn, Sn, First, First, OldRoot, NewRoot).

shift_odd(Fn, Sn) when Fn band 1 =:= 1 -> shift_odd(Fn bsr 1, Sn bsr 1);
shift_odd(Fn, Sn) -> {Fn, Sn}.

walk([], _, Sn, Fr, Sr, OldRoot, NewRoot) ->
    Sn =:= 0 andalso Fr =:= OldRoot andalso Sr =:= NewRoot;
walk(_, _, 0, _, _, _, _) ->
    false;
walk([C | Rest], Fn, Sn, Fr, Sr, OldRoot, NewRoot) when Fn band 1 =:= 1; Fn =:= Sn ->
    {Fn1, Sn1} = shift_even(Fn, Sn),
    walk(Rest, Fn1 bsr 1, Sn1 bsr 1, node(C, Fr), node(C, Sr), OldRoot, NewRoot);
walk([C | Rest], Fn, Sn, Fr, Sr, OldRoot, NewRoot) ->
    walk(Rest, Fn bsr 1, Sn bsr 1, Fr, node(Sr, C), OldRoot, NewRoot).

shift_even(Fn, Sn) when Fn band 1 =:= 1; Fn =:= 0 -> {Fn, Sn};
shift_even(Fn, Sn) -> shift_even(Fn bsr 1, Sn bsr 1).

node(Left, Right) -> crypto:hash(sha256, [1, Left, Right]).
