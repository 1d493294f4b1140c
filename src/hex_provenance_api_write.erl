%% @private
%% @doc What others hand in: the registry's events, publishers' attestations. Who asks is judged
%% before the body is read.
-module(hex_provenance_api_write).

-export([events/2, attest/2]).

-define(MOST_EVENTS, 100).

-type call() :: hex_provenance_api:call().
-type state() :: hex_provenance_api:state().
-type answer() :: hex_provenance_api:answer().

%% @doc Records the registry's events: all of them or none. They are durable when this answers, and
%% integrated soon after.
-spec events(call(), state()) -> answer().
events(#{request := #{body := Body} = Request}, State) ->
    case authorise(record_events, Request, State) of
        ok -> record(statements(hex_provenance_nif:json_decode(Body), State), State);
        {error, _} = Error -> Error
    end.

authorise(Action, Request, #{authorise := Authorise}) ->
    case Authorise(Action, Request) of
        {ok, _} -> ok;
        {error, 401} -> hex_provenance_api_error:refuse(unauthorised);
        {error, 403} -> hex_provenance_api_error:refuse(forbidden)
    end.

statements({ok, #{<<"events">> := [_ | _] = Events} = Json}, State) when map_size(Json) =:= 1 ->
    case length(Events) of
        Count when Count > ?MOST_EVENTS ->
            Facts = #{limit => ?MOST_EVENTS, actual => Count},
            hex_provenance_api_error:refuse(body_too_large, Facts);
        _ ->
            statement_of_each(Events, State, [])
    end;
statements({ok, _}, _) ->
    hex_provenance_api_error:refuse(request_invalid, #{at => <<"events">>});
statements({error, Error}, _) ->
    hex_provenance_api_error:refuse(Error).

statement_of_each([], _, Done) ->
    {ok, lists:reverse(Done)};
statement_of_each([#{} = Event | Rest], #{statement := Statement} = State, Done) ->
    case Statement(Event) of
        {ok, Unsigned} ->
            statement_of_each(Rest, State, [Unsigned | Done]);
        {error, #{details := Details} = Error} ->
            Facts = Details#{event => length(Done)},
            hex_provenance_api_error:refuse(Error#{details := Facts})
    end;
statement_of_each(_, _, Done) ->
    At = <<"events/", (integer_to_binary(length(Done)))/binary>>,
    hex_provenance_api_error:refuse(request_invalid, #{at => At}).

record({ok, Unsigned}, #{record := Record}) ->
    case Record(Unsigned) of
        {ok, States} ->
            Events = [
                #{id => Id, state => state(State)}
             || {#{id := Id}, State} <- lists:zip(Unsigned, States)
            ],
            Json = #{events => Events},
            {ok, hex_provenance_api_response:json(status(States), none, Json)};
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end;
record({error, _} = Error, _) ->
    Error.

state(new) -> recorded;
state(known) -> known.

status(States) ->
    case lists:member(new, States) of
        true -> 201;
        false -> 200
    end.

%% @doc Takes a publisher's attestations of a release.
-spec attest(call(), state()) -> answer().
attest(#{bindings := #{package := Package, version := Version}, request := Request}, State) ->
    case authorise({attest, Package, Version}, Request, State) of
        ok -> attested(Package, Version, Request, State);
        {error, _} = Error -> Error
    end.

attested(Package, Version, #{body := Body}, #{publishing := Options} = State) ->
    Purl = hex_provenance_api_read:purl(Package, State),
    case hex_provenance_nif:json_decode(Body) of
        {ok, #{} = Json} ->
            Accepted = hex_provenance_api_upload:accept(Package, Version, Json, {Purl, Options}),
            accepted(Accepted);
        {ok, _} ->
            hex_provenance_api_error:refuse(request_invalid, #{at => <<"body">>});
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end;
attested(_, _, _, _) ->
    hex_provenance_api_error:refuse(not_offered).

accepted({ok, Accepted}) ->
    Json = #{attestations => [accepted_json(One) || One <- Accepted]},
    States = [State || #{state := State} <- Accepted],
    Status =
        case lists:all(fun(State) -> State =:= known end, States) of
            true -> 200;
            false -> 201
        end,
    {ok, hex_provenance_api_response:json(Status, none, Json)};
accepted({error, _} = Error) ->
    Error.

accepted_json(#{digest := Digest} = One) ->
    One#{digest := hex_provenance_api_json:digest(Digest)}.
