%% @doc Follows a registry's log over HTTP and reports what does not fit: hidden events, forked
%% chains, checkpoints rolled back, split views, leaves at odds with their statements, wrong heads
%% maps, things withheld, key changes that nobody made.
%%
%% ```
%%     {ok, Trust} = hex_provenance_log:trust({file, "hex.pm.trust.json"}),
%%     {ok, #{misbehaviour := false, findings := Events}} = hex_provenance_monitor:run(#{
%%         url => <<"https://provenance.example">>,
%%         trust => Trust,
%%         state => "hex.pm.monitor",
%%         packages => [<<"phoenix">>]
%%     }).
%% '''
%%
%% It reads the log as C2SP's tlog-tiles: the checkpoint, tiles, bundles of entries; and what
%% entries name at `/api/blobs/sha256/HEX'. It believes none of it: what it reports was signed
%% by the log. What it could not evaluate, such as a service that does not answer, is an error.
-module(hex_provenance_monitor).

-export([run/1]).
-export([monitor/1, checkpoint/4, wanted/2, page/5, save/1, info/1]).

-export_type([options/0, report/0, finding/0, kind/0]).
-export_type([monitor/0, monitor_options/0, info/0, blob/0]).

-type options() :: #{
    url := binary(),
    trust := hex_provenance_log:trust(),
    http => hex_provenance_http:client(),
    state => file:filename_all(),
    packages => [binary()],
    statements => all | watched,
    notes => [binary()],
    prefix => binary(),
    max_age => non_neg_integer(),
    now => non_neg_integer(),
    patience => non_neg_integer()
}.
%% <ul>
%% <li>`state': a file that keeps how far the log was followed. It is the monitor's own memory:
%%     whoever can write it decides what the monitor believes. With another trust file than before
%%     the log is read from its beginning again; the newest checkpoint is still remembered.</li>
%% <li>`packages': those whose events are reported, by name or purl.</li>
%% <li>`statements': whether all statements are read, or those of these packages only.</li>
%% <li>`notes': checkpoints that others were shown, to compare.</li>
%% <li>`max_age', `now', `prefix': as in {@link hex_provenance_log:options()}.</li>
%% <li>`patience': milliseconds after which it asks once more before it reports that the log
%% shows a checkpoint that does not fit, or withholds something.</li>
%% </ul>

-type report() :: #{
    origin := binary(),
    size := non_neg_integer(),
    checkpoint := binary(),
    packages := non_neg_integer(),
    misbehaviour := boolean(),
    findings := [finding()]
}.

-type finding() :: #{
    kind := event | key_changed | redacted | kind(),
    misbehaviour := boolean(),
    index := non_neg_integer() | undefined,
    package := binary() | undefined,
    event := hex_provenance_log:event() | undefined,
    change := hex_provenance_log:key_change() | undefined,
    digest := hex_provenance_log:hash() | undefined,
    error := hex_provenance_error:error() | undefined,
    evidence := [binary()]
}.
%% `event' is one of a package that is watched; `change' a key that took another's place; `digest'
%% what had to be deleted, openly. A misbehaviour has its facts in `error', and the signed notes
%% that contradict each other in `evidence'.

-type kind() ::
    hidden_event
    | forked_chain
    | rolled_back_checkpoint
    | split_view
    | leaf_at_odds
    | malformed_leaf
    | bad_statement
    | wrong_heads_map
    | withheld
    | bad_key_change.

-opaque monitor() :: reference().
%% A log as far as it was followed. The handle's value changes; processes take turns.

-type monitor_options() :: #{
    trust => hex_provenance_log:trust(),
    prefix => binary(),
    watched => [binary()],
    statements => all | watched,
    state => binary()
}.
%% `state' is what {@link save/1} gave: then trust is as it was.

-type info() :: #{
    origin := binary(),
    size := non_neg_integer(),
    checkpoint := #{size := non_neg_integer(), root := binary(), note := binary()} | undefined,
    packages := non_neg_integer()
}.

-type blob() :: binary() | redacted | withheld.

-type result(Value) :: {ok, Value} | {error, hex_provenance_error:error()}.

-define(FIRST_LINE, "hex_provenance_monitor v1 ").
-define(MOST_NOTE, 64 bsl 10).
-define(MOST_TILE, 2 bsl 20).
-define(MOST_BLOB, 16 bsl 20).
%% Bundles of entries (256 each) to a page.
-define(BUNDLES, 4).

%% What stays the same while a log is followed.
-record(log, {
    service :: hex_provenance_log:service(),
    monitor :: monitor(),
    prefix :: binary(),
    fresh :: map(),
    patience :: non_neg_integer(),
    remembered :: [binary()]
}).

%% @doc Follows a log, from nothing or from its saved state, to its present end; then asks for the
%% checkpoint once more, follows it there, and compares those that others were shown.
%%
%% Errors: `transport_failed', `checkpoint_untrusted', `quorum_missing', `consistency_broken' (the
%% service has other entries than those that the log signed), `malformed', `input_too_large',
%% `storage_failed', `option_invalid'.
-spec run(options()) -> result(report()).
run(Options) ->
    Present = fun(Log) -> followed([fun newest/1, fun pages/1], Log) end,
    Steps = [
        fun opened/1,
        fun(Log) -> collect([Present, Present, others(Options)], Log, []) end
    ],
    case chain(Steps, Options) of
        {ok, {Log, Findings}} -> ended(Log, Findings, Options);
        {error, _} = Error -> Error
    end.

chain([], Value) ->
    {ok, Value};
chain([Step | Steps], Value) ->
    case Step(Value) of
        {ok, Next} -> chain(Steps, Next);
        {error, _} = Error -> Error
    end.

followed(Steps, Log) ->
    case collect(Steps, Log, []) of
        {ok, {_, Findings}} -> {ok, Findings};
        {error, _} = Error -> Error
    end.

collect([], Log, Findings) ->
    {ok, {Log, lists:append(lists:reverse(Findings))}};
collect([Step | Steps], Log, Findings) ->
    case Step(Log) of
        {ok, Found} -> collect(Steps, Log, [Found | Findings]);
        {error, _} = Error -> Error
    end.

ended(#log{monitor = Monitor}, Findings, Options) ->
    {ok, #{checkpoint := #{note := Note}} = Info} = info(Monitor),
    Report = (maps:with([origin, size, packages], Info))#{
        checkpoint => Note,
        findings => lists:uniq(Findings),
        misbehaviour => lists:any(fun(#{misbehaviour := Bad}) -> Bad end, Findings)
    },
    case saved(Monitor, Options) of
        ok -> {ok, Report};
        {error, _} = Error -> Error
    end.

%% Opening

opened(#{trust := Trust, url := Url} = Options) when is_binary(Url) ->
    Watched = [purl(Package) || Package <- maps:get(packages, Options, [])],
    Given = (maps:with([prefix, statements], Options))#{watched => Watched, trust => Trust},
    case remembered(Options, Given) of
        {ok, {Monitor, Remembered}} ->
            {ok, #log{
                service = maps:with([url, http], Options),
                monitor = Monitor,
                prefix = maps:get(prefix, Options, maps:get(prefix, defaults())),
                fresh = maps:with([max_age, now], Options),
                patience = maps:get(patience, Options, 2000),
                remembered = Remembered
            }};
        {error, _} = Error ->
            Error
    end;
opened(_) ->
    Message = "options must have url, a binary, and trust",
    Details = #{option => <<"url">>, expected => <<"url, a binary, and trust">>},
    {error, hex_provenance_error:make(option_invalid, Message, Details)}.

defaults() -> hex_provenance_log:default_options().

purl(<<"pkg:", _/binary>> = Purl) -> Purl;
purl(Name) when is_binary(Name) -> <<"pkg:hex/", Name/binary>>;
purl(Other) -> Other.

%% With another trust file everything is judged anew, but what was shown before is not forgotten.
remembered(#{state := File, trust := Trust}, Given) ->
    Digest = digest(Trust),
    case read(File) of
        {ok, Digest, Text} -> with(monitor((maps:remove(trust, Given))#{state => Text}), []);
        {ok, _, Text} -> with(monitor(Given), notes_in(Text));
        none -> with(monitor(Given), []);
        {error, _} = Error -> Error
    end;
remembered(_, Given) ->
    with(monitor(Given), []).

with({ok, Monitor}, Notes) -> {ok, {Monitor, Notes}};
with({error, _} = Error, _) -> Error.

notes_in(Text) ->
    case chain([fun monitor/1, fun info/1], #{state => Text}) of
        {ok, #{checkpoint := #{note := Note}}} -> [Note];
        _ -> []
    end.

digest(Trust) ->
    case hex_provenance_log:trust_json(Trust) of
        {ok, Json} -> string:lowercase(binary:encode_hex(crypto:hash(sha256, Json)));
        {error, _} -> <<>>
    end.

read(File) ->
    case file:read_file(File) of
        {ok, <<?FIRST_LINE, Digest:64/binary, $\n, Text/binary>>} -> {ok, Digest, Text};
        {ok, _} -> {error, storage(File, "it is no monitor's state")};
        {error, enoent} -> none;
        {error, Reason} -> {error, storage(File, file:format_error(Reason))}
    end.

saved(Monitor, #{state := File, trust := Trust}) ->
    case save(Monitor) of
        {ok, Text} -> write(File, [?FIRST_LINE, digest(Trust), $\n, Text]);
        {error, _} = Error -> Error
    end;
saved(_, _) ->
    ok.

%% As a whole or not at all, whenever the machine stops.
write(File, Text) ->
    New = unicode:characters_to_list([File, ".new"]),
    case file:open(New, [write, raw, binary]) of
        {ok, Device} ->
            Written = chain_ok([
                fun() -> file:write(Device, Text) end,
                fun() -> file:sync(Device) end,
                fun() -> file:close(Device) end,
                fun() -> file:rename(New, File) end
            ]),
            told(File, Written);
        {error, _} = Error ->
            told(File, Error)
    end.

chain_ok([]) ->
    ok;
chain_ok([Step | Steps]) ->
    case Step() of
        ok -> chain_ok(Steps);
        {error, _} = Error -> Error
    end.

told(_, ok) -> ok;
told(File, {error, Reason}) -> {error, storage(File, file:format_error(Reason))}.

storage(File, Reason) ->
    hex_provenance_error:storage_failed(unicode:characters_to_binary(File), Reason).

%% Checkpoints

newest(#log{patience = Patience} = Log) ->
    case shown(Log) of
        {ok, [_ | _]} ->
            %% Caches on the way may be behind for a moment.
            timer:sleep(Patience),
            shown(Log);
        Other ->
            Other
    end.

shown(Log) ->
    case fetched(Log, "/log/checkpoint", ?MOST_NOTE) of
        {ok, Note} -> taken(Log, Note);
        {missing, Error} -> {error, Error};
        {error, _} = Error -> Error
    end.

%% What others were shown may be of any age: only what contradicts the log is told.
others(Options) ->
    fun(#log{remembered = Remembered} = Log) ->
        Notes = Remembered ++ maps:get(notes, Options, []),
        case followed([fun(L) -> taken(L, Note) end || Note <- Notes], Log) of
            {ok, Findings} ->
                {ok, [Found || Found <- Findings, not is_of_kind(rolled_back_checkpoint, Found)]};
            {error, _} = Error ->
                Error
        end
    end.

is_of_kind(Kind, #{kind := Of}) -> Of =:= Kind.

taken(#log{monitor = Monitor, fresh = Fresh} = Log, Note) ->
    {ok, #{checkpoint := Newest}} = info(Monitor),
    case proof_between(Log, size_of(Newest), size_in(Note)) of
        {ok, Proof} ->
            case checkpoint(Monitor, Note, Proof, Fresh) of
                {error, #{code := checkpoint_untrusted}} = Error ->
                    by_another_key(Log, Note, Proof, Error);
                Other ->
                    Other
            end;
        {error, _} = Error ->
            Error
    end.

size_of(#{size := Size}) -> Size;
size_of(undefined) -> 0.

%% The number in a note, before anybody knows who wrote it: only to find out which proof it needs.
size_in(Note) ->
    case binary:split(Note, <<"\n">>, [global]) of
        [_, Size | _] when byte_size(Size) < 20 ->
            case string:to_integer(Size) of
                {Number, <<>>} when Number >= 0 -> Number;
                _ -> 0
            end;
        _ ->
            0
    end.

%% The log's own key may have changed on the way to this checkpoint: then the changes are among
%% the entries, which are asked for without being believed.
by_another_key(#log{monitor = Monitor, fresh = Fresh} = Log, Note, Proof, Error) ->
    {ok, #{size := Size}} = info(Monitor),
    case key_changes(Log, Size, size_in(Note), []) of
        {ok, []} -> Error;
        {ok, Changes} -> checkpoint(Monitor, Note, Proof, Fresh#{announced => Changes});
        {error, _} -> Error
    end.

key_changes(_, Start, End, Changes) when Start >= End ->
    {ok, lists:reverse(Changes)};
key_changes(Log, Start, End, Changes) ->
    case entries(Log, Start, End) of
        {ok, Entries} ->
            Indexed = lists:zip(lists:seq(Start, Start + length(Entries) - 1), Entries),
            Found = [One || {_, Leaf} = One <- Indexed, is_log_key_change(Leaf)],
            key_changes(Log, Start + length(Entries), End, lists:reverse(Found) ++ Changes);
        {error, _} = Error ->
            Error
    end.

is_log_key_change(Leaf) ->
    case hex_provenance_log:leaf(Leaf) of
        {ok, {key_change, #{purpose := log}}} -> true;
        _ -> false
    end.

%% The tiles' proof, whichever of the two is older. Where the service has no tiles for it, there
%% is none: the core then says what that means.
proof_between(_, One, Other) when One =:= 0; Other =:= 0; One =:= Other ->
    {ok, []};
proof_between(Log, One, Other) ->
    proof(Log, min(One, Other), max(One, Other), #{}).

proof(Log, Old, New, Tiles) ->
    case hex_provenance_nif:log_tile_consistency(Old, New, Tiles) of
        {ok, {hashes, Hashes}} ->
            {ok, Hashes};
        {ok, {missing, Path}} ->
            case tile(Log, Path) of
                {ok, Bytes} -> proof(Log, Old, New, Tiles#{Path => Bytes});
                {missing, _} -> {ok, []};
                {error, _} = Error -> Error
            end;
        {error, #{code := Code}} when Code =:= malformed; Code =:= storage_failed ->
            {ok, []};
        {error, _} = Error ->
            Error
    end.

%% Entries

pages(Log) -> pages(Log, []).

pages(#log{monitor = Monitor} = Log, Findings) ->
    {ok, #{size := Start, checkpoint := #{size := End}}} = info(Monitor),
    case Start < End of
        false ->
            {ok, lists:append(lists:reverse(Findings))};
        true ->
            case read_page(Log, Start, End) of
                {ok, Found} -> pages(Log, [Found | Findings]);
                {error, _} = Error -> Error
            end
    end.

read_page(Log, Start, End) ->
    case several(Log, Start, End, ?BUNDLES, []) of
        {ok, Entries} -> take_page(Log, Start, Entries, End);
        {error, _} = Error -> Error
    end.

several(_, Start, End, Bundles, Entries) when Bundles =:= 0; Start >= End ->
    {ok, lists:append(lists:reverse(Entries))};
several(Log, Start, End, Bundles, Entries) ->
    case entries(Log, Start, End) of
        {ok, More} -> several(Log, Start + length(More), End, Bundles - 1, [More | Entries]);
        {error, _} = Error -> Error
    end.

take_page(#log{monitor = Monitor} = Log, Start, Entries, End) ->
    Behind = Start + length(Entries),
    case {proof_between(Log, Behind, End), blobs(Log, Entries)} of
        {{ok, Proof}, {ok, Blobs}} ->
            case page(Monitor, Start, Entries, Proof, Blobs) of
                {error, #{code := budget_exhausted}} when length(Entries) > 1 ->
                    {Half, _} = lists:split(length(Entries) div 2, Entries),
                    take_page(Log, Start, Half, End);
                Other ->
                    Other
            end;
        {{error, _} = Error, _} ->
            Error;
        {_, {error, _} = Error} ->
            Error
    end.

%% The entries from `Start' to the end of their bundle, or of the log.
entries(Log, Start, End) ->
    {ok, Path} = hex_provenance_nif:log_tile_path(entries, Start div 256, End),
    case tile(Log, Path) of
        {ok, Bytes} ->
            case hex_provenance_nif:log_tile_entries(Path, Bytes) of
                {ok, Entries} -> {ok, lists:nthtail(Start rem 256, Entries)};
                {error, _} = Error -> Error
            end;
        {missing, Error} ->
            {error, Error};
        {error, _} = Error ->
            Error
    end.

%% Partial tiles may be gone once there is the full one.
tile(Log, Path) ->
    case {fetched(Log, ["/log/", Path], ?MOST_TILE), binary:split(Path, <<".p/">>)} of
        {{missing, _}, [Full, _]} -> fetched(Log, ["/log/", Full], ?MOST_TILE);
        {Answer, _} -> Answer
    end.

%% What entries name

blobs(#log{monitor = Monitor, prefix = Prefix} = Log, Entries) ->
    case wanted(Monitor, Entries) of
        {ok, Wanted} ->
            case all_blobs(Log, Wanted) of
                {ok, Envelopes} -> with_linked(Log, Envelopes, links(Envelopes, Prefix));
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

with_linked(Log, Envelopes, Links) ->
    case all_blobs(Log, [Link || Link <- Links, not is_map_key(Link, Envelopes)]) of
        {ok, Linked} -> {ok, maps:merge(Envelopes, Linked)};
        {error, _} = Error -> Error
    end.

links(Envelopes, Prefix) ->
    Linked = [
        hex_provenance_nif:log_links(Envelope, Prefix)
     || Envelope <- maps:values(Envelopes), is_binary(Envelope)
    ],
    lists:append([Links || {ok, Links} <- Linked]).

all_blobs(Log, Digests) ->
    Unique = lists:usort(Digests),
    Found = hex_provenance_parallel:map(fun(Digest) -> blob(Log, Digest) end, Unique),
    case [Error || {error, _} = Error <- Found] of
        [] -> {ok, maps:from_list(lists:zip(Unique, [Blob || {ok, Blob} <- Found]))};
        [Error | _] -> Error
    end.

%% Withheld is what is still not there when asked for again.
blob(#log{patience = Patience} = Log, Digest) ->
    case asked_for(Log, Digest) of
        {ok, withheld} ->
            timer:sleep(Patience),
            asked_for(Log, Digest);
        Answer ->
            Answer
    end.

asked_for(#log{service = Service}, Digest) ->
    Hex = string:lowercase(binary:encode_hex(Digest)),
    case hex_provenance_log_request:get(Service, ["/api/blobs/sha256/", Hex], ?MOST_BLOB) of
        {ok, #{status := 200, body := Body}, _} ->
            case crypto:hash(sha256, Body) of
                Digest -> {ok, Body};
                _ -> {ok, withheld}
            end;
        {ok, #{status := 410}, _} ->
            {ok, redacted};
        {ok, #{status := Status}, _} when Status >= 400, Status < 500, Status =/= 429 ->
            {ok, withheld};
        {ok, #{status := Status}, Url} ->
            {error, hex_provenance_http:failed(Url, Status, <<"another status than 200">>)};
        {error, _} = Error ->
            Error
    end.

fetched(#log{service = Service}, Path, Limit) ->
    case hex_provenance_log_request:get(Service, Path, Limit) of
        {ok, #{status := 200, body := Body}, _} ->
            {ok, Body};
        {ok, #{status := Status}, Url} ->
            Failed = hex_provenance_http:failed(Url, Status, <<"another status than 200">>),
            case Status of
                404 -> {missing, Failed};
                _ -> {error, Failed}
            end;
        {error, _} = Error ->
            Error
    end.

%% The parts, for whoever has another way to a log than this module's.

%% @doc A monitor that has seen nothing, or one whose state was saved.
-spec monitor(monitor_options()) -> result(monitor()).
monitor(Options) ->
    hex_provenance_nif:log_monitor(Options).

%% @doc Takes a checkpoint, from the log or from anyone who was shown one. `Proof' is the
%% consistency proof between the newest one taken and this one, whichever is smaller; empty
%% where there is nothing to prove. `announced' are leaves of key changes that its signature may
%% rest on, with their indices.
-spec checkpoint(monitor(), Note :: binary(), [hex_provenance_log:hash()], #{
    announced => [{non_neg_integer(), binary()}],
    max_age => non_neg_integer(),
    now => non_neg_integer()
}) -> result([finding()]).
checkpoint(Monitor, Note, Proof, Options) ->
    hex_provenance_nif:log_monitor_checkpoint(Monitor, Note, Proof, Options).

%% @doc The digests of the envelopes that {@link page/5} needs for these entries, besides the
%% bundles that their statements link.
-spec wanted(monitor(), [binary()]) -> result([hex_provenance_log:hash()]).
wanted(Monitor, Entries) ->
    hex_provenance_nif:log_monitor_wanted(Monitor, Entries).

%% @doc Takes the next entries, at most 4096, the first of them number `Start'. `Proof' is the
%% consistency proof from the tree that ends with them to the newest checkpoint. `Blobs' has
%% what the service said to each digest. A page is taken as a whole or not at all.
-spec page(
    monitor(),
    Start :: non_neg_integer(),
    [binary()],
    [hex_provenance_log:hash()],
    #{hex_provenance_log:hash() => blob()}
) -> result([finding()]).
page(Monitor, Start, Entries, Proof, Blobs) ->
    hex_provenance_nif:log_monitor_page(Monitor, Start, Entries, Proof, Blobs).

%% @doc The monitor's state as text.
-spec save(monitor()) -> result(binary()).
save(Monitor) ->
    hex_provenance_nif:log_monitor_save(Monitor).

%% @doc How far a log was followed.
-spec info(monitor()) -> result(info()).
info(Monitor) ->
    hex_provenance_nif:log_monitor_info(Monitor).
