%% @doc The last signed size and root as files of one folder; the argument is the folder.
%%
%% Each is a file of its own under the next higher number, which is written and synchronised under
%% another name and then linked to its own: that happens at once, and for one number only once. The
%% highest counts. Several processes and machines may share the folder where the file system has
%% hard links. Keep it on another disk than the database, and out of its backups.
-module(hex_provenance_last_signed_file).

-behaviour(hex_provenance_last_signed).

-export([read/1, swap/3]).

-type last() :: hex_provenance_last_signed:last().
-type error() :: {error, hex_provenance_error:error()}.

-define(PREFIX, "signed-").
-define(KEPT, 8).

%% @doc What was recorded last.
-spec read(file:filename_all()) -> {ok, last() | undefined} | error().
read(Folder) ->
    case newest(Folder) of
        {ok, _, Last} -> {ok, Last};
        {error, _} = Error -> Error
    end.

%% @doc Records `New' if `Old' is what was recorded last.
-spec swap(file:filename_all(), last() | undefined, last()) ->
    ok | {conflict, last() | undefined} | error().
swap(Folder, Old, New) ->
    case newest(Folder) of
        {ok, _, New} when Old =:= New -> ok;
        {ok, Number, Old} -> add(Folder, Number + 1, New);
        {ok, _, Other} -> {conflict, Other};
        {error, _} = Error -> Error
    end.

add(Folder, Number, New) ->
    case written(Folder, New) of
        {ok, Temporary} ->
            Linked = file:make_link(Temporary, name(Folder, Number)),
            _ = file:delete(Temporary),
            linked(Folder, Number, Linked);
        {error, Reason} ->
            failed(Folder, Reason)
    end.

linked(Folder, Number, ok) ->
    case synchronise(Folder) of
        ok -> settled(Folder, Number);
        {error, Reason} -> failed(Folder, Reason)
    end;
linked(Folder, _, {error, eexist}) ->
    conflict(read(Folder));
linked(Folder, _, {error, Reason}) ->
    failed(Folder, Reason).

%% Who slept for long may have taken a number that was forgotten since.
settled(Folder, Number) ->
    case numbers(Folder) of
        {ok, [Number | Lower]} ->
            _ = forget(Folder, Lower),
            ok;
        {ok, _} ->
            conflict(read(Folder));
        {error, _} = Error ->
            Error
    end.

conflict({ok, Other}) -> {conflict, Other};
conflict({error, _} = Error) -> Error.

forget(Folder, Lower) when length(Lower) > ?KEPT ->
    [file:delete(name(Folder, Number)) || Number <- lists:nthtail(?KEPT, Lower)];
forget(_, _) ->
    [].

newest(Folder) ->
    case numbers(Folder) of
        {ok, []} -> {ok, 0, undefined};
        {ok, [Number | _]} -> read_number(Folder, Number);
        {error, _} = Error -> Error
    end.

%% The highest first.
numbers(Folder) ->
    case file:list_dir(Folder) of
        {ok, Names} ->
            {ok, lists:reverse(lists:sort([Number || Name <- Names, Number <- number_in(Name)]))};
        {error, Reason} ->
            failed(Folder, Reason)
    end.

number_in(?PREFIX ++ Digits) ->
    case string:to_integer(Digits) of
        {Number, ""} when is_integer(Number), Number > 0 -> [Number];
        _ -> []
    end;
number_in(_) ->
    [].

read_number(Folder, Number) ->
    Name = name(Folder, Number),
    case file:read_file(Name) of
        {ok, Text} -> parsed(Name, Number, binary:split(Text, <<"\n">>, [global]));
        %% Forgotten meanwhile, so there is a higher one.
        {error, enoent} -> newest(Folder);
        {error, Reason} -> failed(Name, Reason)
    end.

parsed(Name, Number, [Size, <<Hex:64/binary>>, <<>>]) ->
    try
        {ok, Number, {binary_to_integer(Size), binary:decode_hex(Hex)}}
    catch
        error:badarg -> failed(Name, "it is not what was written there")
    end;
parsed(Name, _, _) ->
    failed(Name, "it is not what was written there").

written(Folder, {Size, Root}) ->
    Text = [integer_to_binary(Size), $\n, binary:encode_hex(Root), $\n],
    Unique = integer_to_list(erlang:unique_integer([positive])),
    Name = filename:join(Folder, ".new-" ++ os:getpid() ++ "-" ++ host() ++ "-" ++ Unique),
    case file:open(Name, [write, raw, binary, exclusive]) of
        {ok, File} ->
            Written = write(File, Text),
            case {Written, file:close(File)} of
                {ok, ok} -> {ok, Name};
                {{error, _} = Error, _} -> Error;
                {ok, {error, _} = Error} -> Error
            end;
        {error, _} = Error ->
            Error
    end.

host() ->
    {ok, Host} = inet:gethostname(),
    Host.

write(File, Text) ->
    case file:write(File, Text) of
        ok -> file:sync(File);
        {error, _} = Error -> Error
    end.

%% A new name is on the disk when its folder is.
synchronise(Folder) ->
    case file:open(Folder, [read, raw, directory]) of
        {ok, File} ->
            Synchronised = file:sync(File),
            _ = file:close(File),
            Synchronised;
        {error, _} = Error ->
            Error
    end.

name(Folder, Number) ->
    filename:join(Folder, ?PREFIX ++ lists:flatten(io_lib:format("~20..0b", [Number]))).

failed(Path, Reason) when is_atom(Reason) ->
    failed(Path, file:format_error(Reason));
failed(Path, Reason) ->
    Name = unicode:characters_to_binary(filename:flatten([Path])),
    {error, hex_provenance_error:storage_failed(Name, Reason)}.
