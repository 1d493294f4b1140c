%% @doc Has witnesses cosign a log's checkpoints: the client's side of
%% [https://c2sp.org/tlog-witness].
%%
%% Which witnesses there are, where, and how many of them are enough a policy file of
%% [https://c2sp.org/tlog-policy] says. All are asked at the same time. A witness that answers that
%% it saw another size last gets the proof from there. What a witness answers is believed only as
%% far as its signature verifies.
-module(hex_provenance_witness).

-export([new/3, for_log/2, collect/4, has_quorum/2]).

-export_type([witnesses/0, options/0, proofs/0]).

-type options() :: #{
    client => {module(), Config :: term()},
    timeout => pos_integer(),
    grace => non_neg_integer()
}.
%% `client': an HTTP client, a module of the behaviour `hex_provenance_http' and its configuration.
%% `timeout' (5000): milliseconds for all of them together. `grace' (500): for the others, once a
%% quorum is there.

-opaque witnesses() :: #{
    text := binary(),
    options := options(),
    policy := hex_provenance_log_nif:policy(),
    parties := [party()],
    client := {module(), Config :: term()},
    timeout := pos_integer(),
    grace := non_neg_integer()
}.

-type party() :: #{
    name := binary(), vkey := binary(), url := binary() | undefined, size := non_neg_integer()
}.
%% `size': what it cosigned last, as far as is known.

-type proofs() ::
    fun(
        (Old :: non_neg_integer(), New :: non_neg_integer()) ->
            {ok, [<<_:256>>]} | {error, hex_provenance_error:error()}
    ).

-type error() :: {error, hex_provenance_error:error()}.

-define(MOST_ANSWER, 65_536).
-define(TRIES, 2).

%% @doc The witnesses of a policy, for the log of a key. The file need not name the log itself.
-spec new(Policy :: binary(), LogVkey :: binary(), options()) -> {ok, witnesses()} | error().
new(Text, Vkey, Options) ->
    case hex_provenance_log_nif:log_policy(with_log(Text, Vkey)) of
        {ok, Policy} ->
            Info = hex_provenance_log_nif:log_policy_info(Policy),
            of_policy(Text, Policy, Info, Options);
        {error, _} = Error ->
            Error
    end.

%% @doc The same for another key of the log.
-spec for_log(witnesses(), LogVkey :: binary()) -> {ok, witnesses()} | error().
for_log(#{text := Text, options := Options, parties := Parties}, Vkey) ->
    case new(Text, Vkey, Options) of
        {ok, Witnesses} -> {ok, Witnesses#{parties := Parties}};
        {error, _} = Error -> Error
    end.

of_policy(Text, Policy, {ok, #{witnesses := Known}}, Options) ->
    {ok, #{
        text => Text,
        options => Options,
        policy => Policy,
        parties => [Party#{size => 0} || #{url := Url} = Party <- Known, Url =/= undefined],
        client => maps:get(client, Options, {hex_provenance_httpc, #{}}),
        timeout => maps:get(timeout, Options, 5000),
        grace => maps:get(grace, Options, 500)
    }};
of_policy(_, _, {error, _} = Error, _) ->
    Error.

with_log(Text, Vkey) ->
    case binary:match(Text, Vkey) of
        nomatch -> <<"log ", Vkey/binary, "\n", Text/binary>>;
        _ -> Text
    end.

%% @doc Whether the log and a quorum of witnesses signed a checkpoint.
-spec has_quorum(witnesses(), Note :: binary()) -> boolean().
has_quorum(#{policy := Policy}, Note) ->
    case hex_provenance_log_nif:log_policy_check(Policy, Note, undefined) of
        {ok, _} -> true;
        {error, _} -> false
    end.

%% @doc The checkpoint with the cosignatures of those that answered in time, what each answered, and
%% what is known of them now.
-spec collect(witnesses(), Note :: binary(), Size :: non_neg_integer(), proofs()) ->
    {Note :: binary(), [{Name :: binary(), ok | error()}], witnesses()}.
collect(#{parties := Parties} = Witnesses, Note, Size, _) when Parties =:= []; Size =:= 0 ->
    {Note, [], Witnesses};
collect(#{parties := Parties, timeout := Timeout} = Witnesses, Note, Size, Proofs) ->
    Tag = make_ref(),
    Asked = maps:from_list([ask(Tag, Party, Witnesses, Note, Size, Proofs) || Party <- Parties]),
    Deadline = now_ms() + Timeout,
    {Cosigned, Results} = gather(Tag, Asked, Deadline, Witnesses, Note, []),
    Learned = [learned(Party, Results) || Party <- Parties],
    Told = [{Name, told(Result)} || {Name, Result} <- Results],
    {Cosigned, Told, Witnesses#{parties := Learned}}.

told({ok, _}) -> ok;
told({error, _} = Error) -> Error.

learned(#{name := Name} = Party, Results) ->
    case lists:keyfind(Name, 1, Results) of
        {_, {ok, Size}} -> Party#{size := Size};
        _ -> Party
    end.

ask(Tag, #{name := Name} = Party, #{client := Client}, Note, Size, Proofs) ->
    Caller = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Caller ! {Tag, self(), cosign(Client, Party, Note, Size, Proofs, ?TRIES)}
    end),
    {Pid, {Monitor, Name}}.

gather(_, Asked, _, _, Note, Results) when map_size(Asked) =:= 0 ->
    {Note, Results};
gather(Tag, Asked, Deadline, Witnesses, Note, Results) ->
    receive
        {Tag, Pid, Answer} ->
            {{Monitor, Name}, Others} = maps:take(Pid, Asked),
            demonitor(Monitor, [flush]),
            {Next, Result} = adopt(Answer, Note),
            Sooner = sooner(Deadline, Witnesses, Next, Note),
            gather(Tag, Others, Sooner, Witnesses, Next, [{Name, Result} | Results]);
        {'DOWN', _, process, Pid, Reason} when is_map_key(Pid, Asked) ->
            {{_, Name}, Others} = maps:take(Pid, Asked),
            Result = {error, failed(Name, io_lib:format("~0tP", [Reason, 12]))},
            gather(Tag, Others, Deadline, Witnesses, Note, [{Name, Result} | Results])
    after max(0, Deadline - now_ms()) ->
        {Note, [given_up(Tag, One) || One <- maps:to_list(Asked)] ++ Results}
    end.

%% With a quorum nobody waits long for the rest.
sooner(Deadline, _, Note, Note) ->
    Deadline;
sooner(Deadline, #{grace := Grace} = Witnesses, Note, _) ->
    case has_quorum(Witnesses, Note) of
        true -> min(Deadline, now_ms() + Grace);
        false -> Deadline
    end.

given_up(Tag, {Pid, {Monitor, Name}}) ->
    exit(Pid, kill),
    demonitor(Monitor, [flush]),
    receive
        {Tag, Pid, _} -> ok
    after 0 -> ok
    end,
    {Name, {error, failed(Name, "it did not answer in time")}}.

adopt({ok, Vkey, Size, {Type, Body}}, Note) ->
    case hex_provenance_log_nif:log_witness_answer(200, Type, Body, Note, [Vkey]) of
        {ok, {cosigned, Cosigned}} -> {Cosigned, {ok, Size}};
        {error, _} = Error -> {Note, Error}
    end;
adopt({error, _} = Error, Note) ->
    {Note, Error}.

%%% One witness

cosign(Client, #{vkey := Vkey, size := Known, url := Url} = Party, Note, Size, Proofs, Tries) ->
    case request(min(Known, Size), Size, Note, Proofs) of
        {ok, Body} ->
            case post(Client, Url, Body) of
                {ok, Status, Type, Answer} ->
                    Read = hex_provenance_log_nif:log_witness_answer(
                        Status, Type, Answer, Note, [Vkey]
                    ),
                    read(Read, {Type, Answer}, Client, Party, Note, Size, Proofs, Tries);
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

read({ok, {cosigned, _}}, Answer, _, #{vkey := Vkey}, _, Size, _, _) ->
    {ok, Vkey, Size, Answer};
read({ok, {conflict, Seen}}, _, Client, Party, Note, Size, Proofs, Tries) when
    Seen =< Size, Tries > 1
->
    cosign(Client, Party#{size := Seen}, Note, Size, Proofs, Tries - 1);
read({ok, {conflict, Seen}}, _, _, #{name := Name}, _, _, _, _) ->
    {error, failed(Name, io_lib:format("it cosigned last at size ~b", [Seen]))};
read({error, _} = Error, _, _, _, _, _, _, _) ->
    Error.

request(Old, Size, Note, Proofs) ->
    case Proofs(Old, Size) of
        {ok, Proof} -> hex_provenance_log_nif:log_witness_request(Old, Proof, Note);
        {error, _} = Error -> Error
    end.

post({Module, Config}, Url, Body) ->
    Request = #{
        method => post,
        url => <<(string:trim(Url, trailing, "/"))/binary, "/add-checkpoint">>,
        headers => [{<<"content-type">>, <<"text/plain; charset=utf-8">>}],
        body => Body,
        max_body => ?MOST_ANSWER
    },
    case Module:request(Config, Request) of
        {ok, #{status := Status, headers := Headers, body := Answer}} ->
            {ok, Status, content_type(Headers), Answer};
        {error, _} = Error ->
            Error
    end.

content_type(Headers) ->
    [Type | _] = binary:split(proplists:get_value(<<"content-type">>, Headers, <<>>), <<";">>),
    string:trim(Type).

failed(Name, Reason) ->
    Text = unicode:characters_to_binary(["the witness ", Name, " did not cosign: ", Reason]),
    #{
        code => witness_refused,
        stage => service,
        message => Text,
        remedy => <<"Check that the witness can be reached and knows this log's key.">>,
        details => #{status => 0, reason => unicode:characters_to_binary(Reason)}
    }.

now_ms() -> erlang:monotonic_time(millisecond).
