%% @private
%% @doc Where the log's Erlang face and Gleam's records differ. Nothing is judged here.
-module(hex_provenance_log_ffi).

-export([trust/1, trust_info/1, trust_json/1, rotate/2]).
-export([verify_checkpoint/2, verify_entry/2, verify_list/2, verify_proof/3]).
-export([state/4, fetch/3, check/5, monitor/1]).

-import(hex_provenance_ffi, [answer/2, failure/1, given/1, option/1]).

-type answer() :: {ok, term()} | {error, tuple()}.

-spec trust(term()) -> answer().
trust(Source) -> answer(hex_provenance_log:trust(Source), fun same/1).

-spec trust_info(hex_provenance_log:trust()) -> answer().
trust_info(Trust) ->
    answer(hex_provenance_log:trust_info(Trust), fun(Info) ->
        #{origin := Origin, keys := Keys, policy := Policy, earlier_logs := Logs} = Info,
        Earlier = [
            {earlier_log, Of, Size, Root}
         || #{origin := Of, size := Size, root := Root} <- Logs
        ],
        {trust_info, Origin, [trusted_key(Key) || Key <- Keys], Policy, Earlier}
    end).

-spec trust_json(hex_provenance_log:trust()) -> answer().
trust_json(Trust) -> answer(hex_provenance_log:trust_json(Trust), fun same/1).

-spec rotate(tuple(), tuple()) -> answer().
rotate(Item, Options) ->
    answer(hex_provenance_log:rotate(item(Item), options(Options)), fun same/1).

-spec verify_checkpoint(binary(), tuple()) -> answer().
verify_checkpoint(Note, Options) ->
    answer(hex_provenance_log:verify_checkpoint(Note, options(Options)), fun checkpoint/1).

-spec verify_entry(tuple(), tuple()) -> answer().
verify_entry(Item, Options) ->
    answer(hex_provenance_log:verify_entry(item(Item), options(Options)), fun event/1).

-spec verify_list(binary(), tuple()) -> answer().
verify_list(Answer, Options) ->
    answer(hex_provenance_log:verify_list(Answer, options(Options)), fun list_answer/1).

-spec verify_proof(binary(), binary(), tuple()) -> answer().
verify_proof(Text, Leaf, Options) ->
    answer(hex_provenance_log:verify_proof(Text, Leaf, options(Options)), fun(Proof) ->
        #{index := Index, extra := Extra, checkpoint := Checkpoint} = Proof,
        {proof, Index, option(Extra), checkpoint(Checkpoint)}
    end).

-spec state([tuple()], binary(), term(), whole | handed_out) -> answer().
state([], _, _, _) ->
    Details = #{option => <<"lists">>, expected => <<"at least one list">>},
    Error = hex_provenance_error:make(option_invalid, "lists must have at least one", Details),
    {error, failure(Error)};
state(Lists, Version, Locked, Chain) ->
    Entries = [entries_of(List) || List <- Lists],
    Answer = hex_provenance_log:state(Entries, Version, absent(Locked), Chain),
    answer(Answer, fun state/1).

-spec fetch(tuple(), tuple(), tuple()) -> answer().
fetch(Service, Asked, Options) ->
    Answer = hex_provenance_log:fetch(service(Service), asked(Asked), options(Options)),
    answer(Answer, fun(Answers) -> [list_answer(One) || One <- Answers] end).

-spec check(tuple(), binary(), binary(), term(), tuple()) -> answer().
check(Service, Package, Version, Locked, Options) ->
    Answer = hex_provenance_log:check(
        service(Service), Package, Version, absent(Locked), options(Options)
    ),
    answer(Answer, fun(#{state := State, checkpoint := Checkpoint, items := Items}) ->
        {checked, state(State), checkpoint(Checkpoint), [event(Item) || Item <- Items]}
    end).

-spec monitor(tuple()) -> answer().
monitor(
    {monitor_options, Service, Trust, State, Packages, All, Notes, Prefix, MaxAge, Patience}
) ->
    Given = (given([{state, State}, {max_age, MaxAge}]))#{
        trust => Trust,
        packages => Packages,
        statements => statements(All),
        notes => Notes,
        prefix => Prefix,
        patience => Patience
    },
    answer(hex_provenance_monitor:run(maps:merge(Given, service(Service))), fun report/1).

%% From Gleam.

same(Value) -> Value.

statements(true) -> all;
statements(false) -> watched.

options({options, Trust, Prefix, MaxAge, Now, Package, RefuseWithheld}) ->
    (given([{max_age, MaxAge}, {now, Now}, {package, Package}]))#{
        trust => Trust, prefix => Prefix, withheld => withheld(RefuseWithheld)
    }.

withheld(true) -> refuse;
withheld(false) -> report.

item({item, Index, Leaf, Inclusion, Statement, Under}) ->
    Stated =
        case Statement of
            no_statement -> #{};
            {Kind, Bytes} -> #{Kind => Bytes}
        end,
    Proven =
        case Under of
            {noted, Note} -> #{checkpoint => Note};
            {earlier, Origin} -> #{origin => Origin}
        end,
    maps:merge(maps:merge(Stated, Proven), #{
        index => Index, leaf => Leaf, inclusion => Inclusion
    }).

service({service, Url, CaFiles, Timeout}) ->
    Options = (given([{ca_files, CaFiles}]))#{timeout => Timeout},
    #{url => Url, http => hex_provenance_httpc:new(Options)}.

asked({history, Package}) -> {package, Package};
asked({artifact, Digest}) -> {digest, Digest};
asked({releases, Releases}) -> {releases, [{P, V, absent(D)} || {P, V, D} <- Releases]};
asked(Release) -> Release.

absent(none) -> undefined;
absent({some, Value}) -> Value.

%% As much of them as a state needs.
entries_of({entries, Package, _, _, Items, Head, Whole}) ->
    #{
        package => absent(Package),
        version => undefined,
        digest => undefined,
        items => [event_of(Item) || Item <- Items],
        head => head_of(Head),
        whole => Whole
    }.

head_of({head, Seq, Index, Hash}) -> #{seq => Seq, index => Index, hash => Hash};
head_of(no_entry) -> absent;
head_of(unproven) -> undefined.

event_of(Event) ->
    [event | Values] = tuple_to_list(Event),
    Map = maps:from_list(lists:zip(event_fields(), Values)),
    #{version := Version, statement := Statement, links := Links, key_id := KeyId} = Map,
    Map#{
        version := absent(Version),
        previous := undefined,
        subjects := [],
        statement := absent(Statement),
        links := absent(Links),
        key_id := absent(KeyId)
    }.

event_fields() ->
    [
        index,
        hash,
        leaf,
        event,
        id,
        package,
        version,
        seq,
        previous,
        subjects,
        time,
        envelope,
        statement,
        links,
        key_id
    ].

%% To Gleam.

trusted_key(#{purpose := Purpose, der := Der, key_id := KeyId, vkey := VKey} = Key) ->
    #{first_index := First, last_index := Last, revoked_from_index := Revoked} = Key,
    {trusted_key, Purpose, Der, KeyId, option(VKey), First, option(Last), option(Revoked)}.

checkpoint(#{origin := Origin, size := Size, root := Root, witnessed := Witnessed} = Checkpoint) ->
    #{cosignatures := Cosignatures, note := Note} = Checkpoint,
    By = [{cosignature, Name, Time} || #{name := Name, time := Time} <- Cosignatures],
    {checkpoint, Origin, Size, Root, Witnessed, By, Note}.

event(#{previous := Previous, subjects := Subjects} = Event) ->
    Optional = [version, statement, links, key_id],
    Shaped = maps:merge(Event, maps:map(fun(_, V) -> option(V) end, maps:with(Optional, Event))),
    Whole = Shaped#{previous := previous(Previous), subjects := subjects(Subjects)},
    list_to_tuple([event | [maps:get(Field, Whole) || Field <- event_fields()]]).

previous(undefined) -> none;
previous(#{index := Index, hash := Hash}) -> {some, {link, Index, Hash}}.

subjects(#{count := Count, sha256 := Hash}) -> {counted, Count, Hash};
subjects(List) -> {listed, List}.

list_answer(#{checkpoint := Checkpoint, lists := Lists, linked := Linked} = Answer) ->
    #{withheld := Withheld, next_after := After} = Answer,
    Missing = [{withheld, Index, Digest} || #{index := Index, digest := Digest} <- Withheld],
    Entries = [entries(List) || List <- Lists],
    {answer, checkpoint(Checkpoint), Entries, maps:to_list(Linked), Missing, option(After)}.

entries(#{package := Package, version := Version, digest := Digest, items := Items} = List) ->
    #{head := Head, whole := Whole} = List,
    {entries, option(Package), option(Version), option(Digest), [event(Item) || Item <- Items],
        head(Head), Whole}.

head(#{seq := Seq, index := Index, hash := Hash}) -> {head, Seq, Index, Hash};
head(absent) -> no_entry;
head(undefined) -> unproven.

state(#{published := #{index := Index, digest := Digest}, retired := Retired} = State) ->
    #{provenance := Provenance, advisories := Advisories, of_several_versions := Several} = State,
    {state, {published_as, Index, Digest}, option(Retired), Provenance, Advisories, Several}.

report(#{origin := Origin, size := Size, checkpoint := Note, packages := Packages} = Report) ->
    #{misbehaviour := Misbehaviour, findings := Findings} = Report,
    {report, Origin, Size, Note, Packages, Misbehaviour, [finding(Finding) || Finding <- Findings]}.

finding(#{kind := Kind, misbehaviour := Misbehaviour, index := Index} = Finding) ->
    #{package := Package} = Finding,
    #{event := Event, change := Change, digest := Digest, error := Error} = Finding,
    {finding, kind(Kind), Misbehaviour, option(Index), option(Package), shaped(fun event/1, Event),
        shaped(fun change/1, Change), option(Digest),
        shaped(fun hex_provenance_ffi:failure/1, Error), maps:get(evidence, Finding)}.

%% Two names that are taken there.
kind(event) -> of_watched;
kind(withheld) -> kept_back;
kind(Kind) -> Kind.

shaped(_, undefined) -> none;
shaped(Fun, Value) -> {some, Fun(Value)}.

change(#{purpose := Purpose, old := Old, new := New}) ->
    {key_change, Purpose, key(Old), key(New)}.

key(#{der := Der, key_id := KeyId}) -> {key, Der, KeyId}.
