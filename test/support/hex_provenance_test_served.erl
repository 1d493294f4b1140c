%% A large log behind its real service, for whoever checks it from outside: script/test-log-go.
%% Prints the address once all is entered, and ends with its standard input.
-module(hex_provenance_test_served).

-export([main/0]).

-define(ORIGIN, <<"example.com/log">>).
-define(CHUNK, 250).
-define(PACKAGES, 3000).

%% Called by `erl -s' with the number of entries and a folder behind `-extra'.
-spec main() -> no_return().
main() ->
    [Count, Folder] = init:get_plain_arguments(),
    {ok, _} = application:ensure_all_started(inets),
    {ok, _} = start(Folder),
    record(0, list_to_integer(Count)),
    Port = hex_provenance_service:server_port(hex_provenance_service),
    io:format("http://127.0.0.1:~b~n", [Port]),
    eof = io:get_line(""),
    halt(0).

start(Folder) ->
    Signed = filename:join(Folder, "signed"),
    ok = file:make_dir(Signed),
    {ok, Db} = hex_provenance_sqlite:open(filename:join(Folder, "log.db")),
    {ok, Seed} = hex_provenance_log_nif:log_new_seed(),
    {ok, LogKey} = hex_provenance_log_nif:log_key(#{seed => Seed, origin => ?ORIGIN}),
    Pem = hex_provenance_test_stored_log:registry_key(),
    {ok, Key} = hex_provenance_sigstore:signing_key(#{pem => Pem}),
    Log = #{
        db => Db,
        log_key => LogKey,
        origin => ?ORIGIN,
        registry => #{key => Key},
        last_signed => {hex_provenance_last_signed_file, Signed},
        %% Nothing is entered while the log is checked.
        heads_idle => 86_400_000
    },
    hex_provenance_service:start_link(#{log => Log, registry_key => Key, server => #{port => 0}}).

%% The log adds entries of its own: it is filled until there are as many as were asked for.
record(Recorded, Count) ->
    case hex_provenance_sequencer:info(hex_provenance_service_log) of
        {ok, #{size := Size, checkpoint := Size, pending := 0}} when Size >= Count ->
            ok;
        {ok, #{size := Size, pending := Pending}} when Size + Pending < Count ->
            Next = min(?CHUNK, Count - Size - Pending),
            Events = [unsigned(Number) || Number <- lists:seq(Recorded, Recorded + Next - 1)],
            {ok, _} = hex_provenance_service:record(hex_provenance_service, Events),
            record(Recorded + Next, Count);
        {ok, _} ->
            timer:sleep(50),
            record(Recorded, Count)
    end.

unsigned(Number) ->
    Package = <<"package_", (integer_to_binary(Number rem ?PACKAGES))/binary>>,
    Version = <<"1.", (integer_to_binary(Number div ?PACKAGES))/binary, ".0">>,
    {ok, Unsigned} = hex_provenance_registry:statement(
        hex_provenance_test_stored_log:event(publish, Package, Version), #{}
    ),
    Unsigned.
