%% @doc PostgreSQL, through two functions of the host's own: whatever it talks to its database with.
%%
%% `query' runs one statement: `{ok, Rows, Count}', where rows are lists or tuples of integers,
%% floats, binaries and `null' (`nil' and `undefined' mean the same), and the count is of the rows
%% that were answered, or else changed. A failure is `{error, #{sqlstate := Code}}', with a
%% `message' where there is one. Its parameters are integers, floats, `{text, Binary}',
%% `{blob, Binary}' and `null'.
%%
%% `transaction' runs a function without arguments inside a transaction: the queries that it makes
%% are part of that. When the function returns, the transaction is committed and `{ok, Returned}'
%% answered. When it raises, everything is rolled back, and the same is raised again, or
%% `{error, _}' answered. READ COMMITTED, PostgreSQL's own default, is enough.
%%
%% With Ecto:
%%
%% ```
%% :hex_provenance_postgres.new(%{
%%   query: fn sql, params ->
%%     case Repo.query(sql, Enum.map(params, &plain/1)) do
%%       {:ok, result} -> {:ok, result.rows || [], result.num_rows}
%%       {:error, %Postgrex.Error{postgres: error}} ->
%%         {:error, %{sqlstate: error.pg_code, message: error.message}}
%%       {:error, other} -> {:error, %{sqlstate: "08006", message: Exception.message(other)}}
%%     end
%%   end,
%%   transaction: &Repo.transaction/1
%% })
%%
%% defp plain({_, bytes}), do: bytes
%% defp plain(:null), do: nil
%% defp plain(number), do: number
%% '''
-module(hex_provenance_postgres).

-behaviour(hex_provenance_sql).

-export([new/1]).
-export([query/3, transaction/2, dialect/1, close/1]).

-export_type([functions/0, query/0, transaction/0]).

-type functions() :: #{query := query(), transaction := transaction()}.

-type query() ::
    fun(
        (Sql :: binary(), [integer() | float() | {text | blob, binary()} | null]) ->
            {ok, [[term()] | tuple()], Count :: non_neg_integer()}
            | {error, #{sqlstate := binary(), message => binary()}}
    ).

-type transaction() :: fun((fun(() -> term())) -> {ok, term()} | {error, term()}).

%% Somebody else was faster: serialization_failure and deadlock_detected.
-define(IS_CONFLICT(State), (State =:= <<"40001">> orelse State =:= <<"40P01">>)).

%% @doc The database behind those functions.
-spec new(functions()) -> hex_provenance_sql:db().
new(#{query := Query, transaction := Transaction}) when
    is_function(Query, 2), is_function(Transaction, 1)
->
    {?MODULE, #{query => Query, transaction => Transaction}}.

%% @private
-spec query(hex_provenance_sql:handle(), binary(), [hex_provenance_sql:param()]) ->
    {ok, [hex_provenance_sql:row()], non_neg_integer()} | {error, hex_provenance_error:error()}.
query(#{query := Query}, Sql, Params) ->
    case ask(Query, Sql, Params) of
        {ok, Rows, Count} -> {ok, Rows, Count};
        {error, Failure} -> {error, failed(Failure)}
    end.

%% @private
-spec transaction(hex_provenance_sql:handle(), [hex_provenance_sql:step()]) ->
    {ok, [hex_provenance_sql:answer()]}
    | {conflict, pos_integer()}
    | {error, hex_provenance_error:error()}.
transaction(#{query := Query, transaction := Transaction}, Steps) ->
    Ref = make_ref(),
    try Transaction(fun() -> steps(Query, Steps, 1, [], Ref) end) of
        {ok, Answers} -> {ok, Answers};
        {error, Reason} -> stopped(Ref, Reason, length(Steps))
    catch
        throw:{Ref, Stop} ->
            _ = erase(Ref),
            Stop;
        _:Reason ->
            stopped(Ref, Reason, length(Steps))
    end.

%% Nothing is asked after the first failure: what is thrown has the host roll back.
steps(_Query, [], _Number, Answers, _Ref) ->
    lists:reverse(Answers);
steps(Query, [Step | Rest], Number, Answers, Ref) ->
    case step(Query, Step) of
        {ok, Rows, Count} ->
            case expect(Step) of
                Expected when Expected =:= any; Expected =:= Count ->
                    steps(Query, Rest, Number + 1, [{Rows, Count} | Answers], Ref);
                _ ->
                    stop(Ref, {conflict, Number})
            end;
        {error, #{sqlstate := State}} when ?IS_CONFLICT(State) ->
            stop(Ref, {conflict, Number});
        {error, Failure} ->
            stop(Ref, {error, failed(Failure)})
    end.

step(Query, {many, Sql, Lists, _}) -> many(Query, Sql, Lists, [], 0);
step(Query, {Sql, Params, _}) -> ask(Query, Sql, Params).

many(_Query, _Sql, [], Rows, Count) ->
    {ok, lists:append(lists:reverse(Rows)), Count};
many(Query, Sql, [Params | Rest], Rows, Count) ->
    case ask(Query, Sql, Params) of
        {ok, More, Changed} -> many(Query, Sql, Rest, [More | Rows], Count + Changed);
        {error, _} = Error -> Error
    end.

expect({many, _, _, Expect}) -> Expect;
expect({_, _, Expect}) -> Expect.

%% Kept here as well, for a host that answers an error of its own when the function raises.
-spec stop(reference(), term()) -> no_return().
stop(Ref, Stop) ->
    put(Ref, Stop),
    throw({Ref, Stop}).

stopped(Ref, Reason, Last) ->
    case erase(Ref) of
        undefined -> uncommitted(Reason, Last);
        Stop -> Stop
    end.

uncommitted(#{sqlstate := State}, Last) when ?IS_CONFLICT(State) -> {conflict, max(1, Last)};
uncommitted(#{sqlstate := _} = Failure, _) -> {error, failed(Failure)};
uncommitted(Reason, _) -> {error, failed(#{sqlstate => <<"08007">>, message => told(Reason)})}.

%% Whatever the host's function does, this answers.
ask(Query, Sql, Params) ->
    try Query(Sql, [param(Param) || Param <- Params]) of
        {ok, Rows, Count} when is_integer(Count) -> {ok, [row(Row) || Row <- Rows], Count};
        {error, #{sqlstate := _} = Failure} -> {error, Failure};
        Other -> {error, #{sqlstate => <<"08000">>, message => told(Other)}}
    catch
        _:Reason -> {error, #{sqlstate => <<"08000">>, message => told(Reason)}}
    end.

param(Text) when is_binary(Text) -> {text, Text};
param({Kind, Bytes} = Param) when Kind =:= text orelse Kind =:= blob, is_binary(Bytes) -> Param;
param(null) -> null;
param(Number) when is_integer(Number) orelse is_float(Number) -> Number.

row(Row) when is_tuple(Row) -> row(tuple_to_list(Row));
row(Row) when is_list(Row) -> [value(Value) || Value <- Row].

value(Absent) when Absent =:= null; Absent =:= nil; Absent =:= undefined -> null;
value(Value) when is_integer(Value); is_float(Value); is_binary(Value) -> Value.

failed(#{sqlstate := State} = Failure) ->
    Reason = [<<"sqlstate ">>, State, <<": ">>, maps:get(message, Failure, <<"no message">>)],
    hex_provenance_error:storage_failed(<<"postgresql">>, Reason).

told(Reason) -> io_lib:format("~0tP", [Reason, 12]).

%% @private
-spec dialect(hex_provenance_sql:handle()) -> postgres.
dialect(_Handle) -> postgres.

%% @private
-spec close(hex_provenance_sql:handle()) -> ok.
close(_Handle) -> ok.
