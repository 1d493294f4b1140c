%% @doc Explains a bundle to a person: who signed, what was built, from where and how, at which
%% level, and what that does not prove.
%%
%% It verifies first, and says so when it could not. Nobody in particular is expected to have
%% signed: what comes out is something to read, and nothing to rely on without expectations
%% ({@link hex_provenance_slsa:verify/4}).
-module(hex_provenance_inspect).

-export([inspect/2, format/1, json/1]).

-export_type([options/0, inspection/0]).

-type options() :: #{
    artifact => hex_provenance_sigstore:artifact(),
    trust => hex_provenance_sigstore:trust(),
    keys => [hex_provenance_sigstore:key(), ...],
    rules => hex_provenance_slsa:options()
}.
%% <ul>
%% <li>`artifact': what the bundle should be about; by default what it says it is about.</li>
%% <li>`trust', `keys': as for {@link hex_provenance_sigstore:verify/3}; by default the public-good
%%     instance and GitHub's own.</li>
%% <li>`rules': as for {@link hex_provenance_slsa:judge/2}.</li>
%% </ul>

-type inspection() :: #{
    verified := boolean(),
    artifact := given | stated,
    info := hex_provenance_sigstore:bundle_info(),
    evidence := hex_provenance_sigstore:evidence() | undefined,
    judgement := hex_provenance_slsa:judgement() | undefined,
    error := hex_provenance_error:error() | undefined,
    not_judged := hex_provenance_error:error() | undefined
}.
%% `error': why it did not verify; what is shown then is what the bundle says of itself.
%% `not_judged': why there is no judgement.

%% @doc Looks into a bundle (JSON). Only what is not a bundle at all is an error.
-spec inspect(binary(), options()) ->
    {ok, inspection()} | {error, hex_provenance_error:error()}.
inspect(Bundle, Options) ->
    case hex_provenance_sigstore:bundle_info(Bundle) of
        {ok, Info} -> {ok, look(Bundle, Info, Options)};
        {error, _} = Error -> Error
    end.

look(Bundle, Info, Options) ->
    {Given, Artifact} =
        case Options of
            #{artifact := Stated} -> {given, Stated};
            #{} -> {stated, stated_artifact(Info)}
        end,
    Rules = maps:get(rules, Options, #{}),
    Inspection = #{artifact => Given, info => Info},
    case hex_provenance_sigstore:verify(Bundle, Artifact, verification(Options)) of
        {ok, Evidence} ->
            Verified = #{verified => true, evidence => Evidence, error => undefined},
            add(hex_provenance_slsa:judge(Evidence, Rules), maps:merge(Inspection, Verified));
        {error, Error} ->
            Refused = #{verified => false, evidence => undefined, error => Error},
            add(unverified(Info, Rules), maps:merge(Inspection, Refused))
    end.

add({ok, Judgement}, Inspection) ->
    Inspection#{judgement => Judgement, not_judged => undefined};
add({error, Error}, Inspection) ->
    Inspection#{judgement => undefined, not_judged => Error}.

verification(#{keys := Keys} = Options) ->
    #{keys => Keys, trust => maps:get(trust, Options, none), untimed => true};
verification(Options) ->
    #{identity => unchecked, trust => maps:get(trust, Options, [public_good, github])}.

unverified(#{content := #{kind := envelope, statement_bytes := Bytes}}, Rules) ->
    hex_provenance_slsa:judge_unverified(Bytes, Rules);
unverified(#{content := #{kind := message}}, Rules) ->
    hex_provenance_nif:slsa_judge(#{content => message}, Rules).

%% The digest that the bundle itself is about: with it everything but the artifact is verified.
stated_artifact(#{content := #{kind := message, algorithm := Algorithm, digest := Digest}}) ->
    {digest, Algorithm, Digest};
stated_artifact(#{content := #{statement := #{<<"subject">> := [_ | _] = Subjects}}}) ->
    Digests = [D || #{<<"digest">> := #{} = Set} <- Subjects, D <- known(Set)],
    case Digests of
        [{Algorithm, Digest} | _] -> {digest, Algorithm, Digest};
        [] -> {bytes, <<>>}
    end;
stated_artifact(_) ->
    {bytes, <<>>}.

known(Set) ->
    [
        {Algorithm, Digest}
     || {Name, Algorithm, Length} <- [
            {<<"sha256">>, sha256, 64},
            {<<"sha512">>, sha512, 128},
            {<<"sha384">>, sha384, 96}
        ],
        #{Name := Hex} <- [Set],
        is_binary(Hex),
        byte_size(Hex) =:= Length,
        {ok, Digest} <- [from_hex(Hex)]
    ].

from_hex(Hex) ->
    try
        {ok, binary:decode_hex(Hex)}
    catch
        error:badarg -> error
    end.

%% @doc One JSON object with everything that {@link format/1} tells.
-spec json(inspection()) -> binary().
json(Inspection) ->
    {ok, Json} = hex_provenance_nif:json_encode(object(Inspection)),
    Json.

object(#{judgement := undefined, info := Info} = Inspection) ->
    Provenance = [build_type, builder, source, ref, commit, workflow, trigger, invocation, level],
    Absent = maps:from_list([{Field, undefined} || Field <- [signer, issuer | Provenance]]),
    Fields = Absent#{
        predicate_type => predicate_type(Info), subjects => subjects(Info), reasons => []
    },
    maps:merge(Fields, maps:merge(signer_of(Inspection), about(Inspection)));
object(#{judgement := Judgement} = Inspection) ->
    maps:merge(Judgement, about(Inspection)).

about(Inspection) ->
    Found = #{
        log_entries => log_entries(Inspection),
        times => times(Inspection),
        trust => trust(Inspection)
    },
    maps:merge(maps:with([verified, artifact, error, not_judged], Inspection), Found).

signer_of(#{evidence := #{signer := #{identity := Identity, issuer := Issuer}}}) ->
    #{signer => Identity, issuer => Issuer};
signer_of(#{evidence := #{signer := #{hint := Hint}}}) ->
    #{signer => Hint};
signer_of(#{info := #{signer := #{sans := [{_, San} | _], issuer := Issuer}}}) ->
    #{signer => San, issuer => Issuer};
signer_of(_) ->
    #{}.

predicate_type(#{content := #{statement := #{<<"predicateType">> := Type}}}) -> text(Type);
predicate_type(_) -> undefined.

subjects(#{content := #{statement := #{<<"subject">> := Subjects}}}) when is_list(Subjects) ->
    [
        #{
            name => text(maps:get(<<"name">>, Subject, undefined)),
            uri => text(maps:get(<<"uri">>, Subject, undefined)),
            digests => texts(maps:get(<<"digest">>, Subject, #{}))
        }
     || #{} = Subject <- Subjects
    ];
subjects(_) ->
    [].

text(Text) when is_binary(Text) -> Text;
text(_) -> undefined.

texts(#{} = Map) -> maps:filter(fun(_, Value) -> is_binary(Value) end, Map);
texts(_) -> #{}.

log_entries(#{evidence := #{log_entries := Entries}}) ->
    [maps:with([log, index, kind, version, integrated_time], Entry) || Entry <- Entries];
log_entries(_) ->
    [].

times(#{evidence := #{times := Times}}) -> Times;
times(_) -> [].

trust(#{evidence := #{trust := Trust}}) -> maps:with([instance, source, as_of], Trust);
trust(_) -> undefined.

%% @doc The inspection as text for people.
-spec format(inspection()) -> unicode:chardata().
format(#{judgement := undefined} = Inspection) ->
    #{not_judged := NotJudged, info := Info} = Inspection,
    [
        heading(Inspection),
        section("Who", who(Inspection)),
        section("What", [{"predicate", predicate_type(Info)} | what(subjects(Info))]),
        section("When and where recorded", recorded(Inspection)),
        ["\nIt is not build provenance that this library reads:\n", indented(NotJudged)]
    ];
format(#{judgement := Judgement} = Inspection) ->
    [
        heading(Inspection),
        section("Who", who(Inspection)),
        section("What", what(maps:get(subjects, Judgement))),
        section("From where", from_where(Judgement)),
        section("How", how(Judgement)),
        section("When and where recorded", recorded(Inspection)),
        level(Inspection),
        parameters(Judgement),
        refusals(Judgement),
        not_proven(Inspection)
    ].

heading(#{verified := true, artifact := given}) ->
    "VERIFIED: the signature is good, and it is about this artifact.\n";
heading(#{verified := true, artifact := stated}) ->
    "VERIFIED: the signature is good. No artifact was given: compare the digests with yours.\n";
heading(#{verified := false, error := Error}) ->
    ["NOT VERIFIED: everything below is only what the bundle says of itself.\n", indented(Error)].

who(#{evidence := #{signer := #{kind := key, hint := Hint, key_algorithm := Algorithm}}}) ->
    [{"signed with key", Hint}, {"algorithm", Algorithm}];
who(Inspection) ->
    Signer = signer_of(Inspection),
    [
        {"signer", maps:get(signer, Signer, undefined)},
        {"vouched for by", maps:get(issuer, Signer, undefined)},
        {"Sigstore instance", instance(Inspection)}
    ].

instance(#{evidence := #{trust := #{instance := Instance}}}) -> Instance;
instance(_) -> undefined.

-define(MOST_SUBJECTS, 10).

what(Subjects) ->
    {Shown, Rest} = lists:split(min(?MOST_SUBJECTS, length(Subjects)), Subjects),
    [{"artifact", subject(Subject)} || Subject <- Shown] ++
        [{"", io_lib:format("and ~b more", [length(Rest)])} || Rest =/= []].

subject(#{name := Name, digests := Digests}) ->
    Each = [[Algorithm, ":", Digest] || {Algorithm, Digest} <- lists:sort(maps:to_list(Digests))],
    unicode:characters_to_binary([[Name, " "] || is_binary(Name)] ++ lists:join(" ", Each)).

from_where(#{source := Source, ref := Ref, commit := Commit, workflow := Workflow}) ->
    [{"repository", Source}, {"ref", Ref}, {"commit", Commit}, {"workflow", Workflow}].

how(Judgement) ->
    #{
        builder := Builder,
        build_type := BuildType,
        trigger := Trigger,
        invocation := Invocation,
        runner_environment := Runner,
        metadata := #{started_on := Started, finished_on := Finished}
    } = Judgement,
    [
        {"builder", Builder},
        {"build type", BuildType},
        {"started by", Trigger},
        {"runner", Runner},
        {"run", Invocation},
        {"started", Started},
        {"finished", Finished}
    ].

recorded(Inspection) ->
    [{"log", log(Entry)} || Entry <- log_entries(Inspection)] ++
        [{"time", [rfc3339(Time), ", by ", By]} || #{time := Time, by := By} <- times(Inspection)].

log(#{log := Log, index := Index, kind := Kind}) ->
    io_lib:format("~ts, entry ~b (~ts)", [printable(Log), Index, printable(Kind)]).

rfc3339(Seconds) ->
    calendar:system_time_to_rfc3339(Seconds, [{offset, "Z"}]).

level(#{judgement := #{level := Level, reasons := Reasons, builder_row := Row}}) ->
    [
        io_lib:format("~nSLSA build level ~b~ts~n", [Level, row(Row)]),
        [reason(Reason) || Reason <- Reasons]
    ].

row(undefined) -> "";
row(Row) -> [" (by the builder table's row ", Row, ")"].

reason(#{requirement := Requirement, level := Level, met := Met, because := Because}) ->
    Mark =
        case Met of
            true -> "met    ";
            false -> "not met"
        end,
    io_lib:format("  ~ts  L~b ~ts: ~ts~n", [Mark, Level, Requirement, printable(Because)]).

parameters(#{inputs := Inputs, unrecognised := Unrecognised, unverified := Unverified}) ->
    [
        section("Inputs", [{Name, value(Value)} || {Name, Value} <- maps:to_list(Inputs)]),
        named("Parameters that the build type does not define", Unrecognised),
        named("Fields that no certificate confirms", Unverified)
    ].

value(Value) when is_binary(Value) ->
    Value;
value(Value) ->
    {ok, Json} = hex_provenance_nif:json_encode(Value),
    Json.

named(_, []) -> [];
named(Title, Names) -> ["\n", Title, "\n", [["  ", printable(Name), "\n"] || Name <- Names]].

refusals(#{refusals := []}) -> [];
refusals(#{refusals := Refusals}) -> ["\nREFUSED\n", [indented(Refusal) || Refusal <- Refusals]].

not_proven(#{verified := Verified, artifact := Artifact}) ->
    Lines =
        ["The signer is who you expect: nothing was expected here." || Verified] ++
            ["Your artifact is the one it is about: compare the digests." || Artifact =:= stated] ++
            [
                "The source does what you want, or was reviewed.",
                "The dependencies that went into the build are good.",
                "The artifact can be built again with the same result."
            ],
    ["\nWhat this does not prove\n", [["  - ", Line, "\n"] || Line <- Lines]].

section(Title, Pairs) ->
    Known = [{Name, Value} || {Name, Value} <- Pairs, Value =/= undefined, Value =/= <<>>],
    [["\n", Title, "\n", [line(Name, Value) || {Name, Value} <- Known]] || Known =/= []].

line(Name, Value) ->
    io_lib:format("  ~-18ts ~ts~n", [printable(Name), printable(Value)]).

indented(Error) ->
    Lines = string:split(hex_provenance_error:format_error(Error), "\n", all),
    [["  ", Line, "\n"] || Line <- Lines].

%% Whatever a bundle holds does not steer the terminal.
printable(Text) ->
    [shown(Char) || Char <- unicode:characters_to_list(Text)].

shown(Char) when Char < 32; Char >= 127, Char < 160 -> 16#fffd;
shown(Char) when Char =:= 16#200e; Char =:= 16#200f -> 16#fffd;
shown(Char) when Char >= 16#202a, Char =< 16#202e -> 16#fffd;
shown(Char) when Char >= 16#2066, Char =< 16#2069 -> 16#fffd;
shown(Char) -> Char.
