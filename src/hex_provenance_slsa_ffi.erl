%% @private
%% @doc Where the SLSA library's Erlang face and Gleam's records differ. Nothing is judged here.
-module(hex_provenance_slsa_ffi).

-export([judge/2, verify/4, changes/2, summarise/3, verify_summary/2, provenance/3, explain/1]).

-import(hex_provenance_ffi, [answer/2, failure/1, given/1, json/1, matcher/1, option/1]).

-type answer() :: {ok, term()} | {error, tuple()}.

-spec judge(tuple(), tuple()) -> answer().
judge(Evidence, Rules) ->
    answer(hex_provenance_nif:slsa_judge(evidence(Evidence), rules(Rules)), fun judgement/1).

-spec verify(binary(), term(), tuple(), tuple()) -> answer().
verify(Bundle, Artifact, Options, Rules) ->
    Answer = hex_provenance_slsa:verify(
        Bundle, Artifact, hex_provenance_ffi:options(Options), rules(Rules)
    ),
    answer(Answer, fun(#{evidence := Evidence, judgement := Judgement}) ->
        {verified, hex_provenance_ffi:evidence(Evidence), judgement(Judgement)}
    end).

-spec changes([{binary(), binary()}], tuple()) -> answer().
changes(Record, Judgement) ->
    Later = element(tuple_size(Judgement), Judgement),
    answer(hex_provenance_nif:slsa_changes(fields(Record), fields(Later)), fun(Changes) ->
        [
            {change, atom_to_binary(Field), option(Was), option(Is)}
         || #{field := Field, was := Was, is := Is} <- Changes
        ]
    end).

-spec summarise(tuple(), tuple(), tuple()) -> answer().
summarise(Evidence, Rules, About) ->
    Answer = hex_provenance_nif:slsa_summarise(evidence(Evidence), rules(Rules), about(About)),
    answer(Answer, fun(Statement) -> Statement end).

-spec verify_summary(tuple(), tuple()) -> answer().
verify_summary(Evidence, Expected) ->
    Answer = hex_provenance_nif:slsa_verify_summary(evidence(Evidence), summary_expected(Expected)),
    answer(Answer, fun summary/1).

-spec provenance(github | gitlab, [{binary(), term()}], tuple()) -> answer().
provenance(Platform, Claims, {production, Subjects, BuildType, Inputs, Unverified}) ->
    Production = (given([{build_type, BuildType}, {inputs, some_object(Inputs)}]))#{
        subjects => [stated_resource(Subject) || Subject <- Subjects],
        unverified => object(Unverified)
    },
    Answer = hex_provenance_slsa:provenance(Platform, object(Claims), Production),
    answer(Answer, fun(Statement) -> Statement end).

-spec explain(binary()) -> answer().
explain(Bundle) ->
    answer(hex_provenance_inspect:inspect(Bundle, #{}), fun(Inspection) ->
        unicode:characters_to_binary(hex_provenance_inspect:format(Inspection))
    end).

%% From Gleam.

%% As much of it as a judgement needs: less than the Erlang face's type, hence the calls past it.
evidence({evidence, _, Signer, TrustUsed, _, _, _, _, Content, Artifact, _, _}) ->
    #{
        signer => signer(Signer),
        trust => #{instance => element(2, TrustUsed)},
        content => content(Content),
        artifact => maps:from_list(Artifact)
    }.

signer({certificate_signer, Sans, _, _, Claims, _, _}) ->
    #{kind => certificate, sans => Sans, claims => maps:from_list(Claims)};
signer({key_signer, _, KeyId, _, _, _}) ->
    #{kind => key, key_id => KeyId}.

content({statement, _, Bytes, _, _}) -> #{statement_bytes => Bytes};
content(message) -> message.

rules({rules, Expect, Builders, BuildTypes, Limits}) ->
    #{
        expect => expectations(Expect),
        builders => table(fun builder/1, Builders),
        build_types => table(fun build_type/1, BuildTypes),
        limits => maps:from_list(Limits)
    }.

table(_, well_known) -> [];
table(Row, {well_known_and, Rows}) -> lists:map(Row, Rows);
table(Row, {only, Rows}) -> {only, lists:map(Row, Rows)}.

expectations(
    {expectations, Source, SourceId, OwnerId, Refs, Branch, Tag, Version, VersionTag, Commit,
        Workflow, Signer, SignerDigest, Issuer, Triggers, Runner, Environment, Visibility,
        BuildTypes, Builder, Inputs, OnlyThese, RefuseUnrecognised, MinLevel}
) ->
    Texts = [
        {source_id, SourceId},
        {owner_id, OwnerId},
        {version, Version},
        {version_tag, VersionTag},
        {commit, Commit},
        {signer_digest, SignerDigest}
    ],
    Matchers = [
        {source, Source},
        {branch, Branch},
        {tag, Tag},
        {workflow, Workflow},
        {signer, Signer},
        {issuer, Issuer},
        {runner_environment, Runner},
        {environment, Environment},
        {visibility, Visibility},
        {builder, Builder}
    ],
    Lists = [{refs, matchers(Refs)}, {triggers, Triggers}, {build_types, matchers(BuildTypes)}],
    Stated = given(Texts ++ [{Name, matcher(Matcher)} || {Name, Matcher} <- Matchers]),
    maps:merge(Stated, (maps:from_list([Pair || {_, [_ | _]} = Pair <- Lists]))#{
        inputs => maps:from_list([{Name, input(Input)} || {Name, Input} <- Inputs]),
        only_these_inputs => OnlyThese,
        unrecognised => unrecognised(RefuseUnrecognised),
        min_level => MinLevel
    }).

unrecognised(true) -> refuse;
unrecognised(false) -> report.

matchers(Matchers) -> [matcher(Matcher) || Matcher <- Matchers].

input({equal, Json}) -> {equal, value(Json)};
input({matching, Matcher}) -> matcher(Matcher);
input(Other) -> Other.

builder(
    {builder, Name, Signer, Issuer, Instances, BuilderId, BuildTypes, Runner, Refs, OwnRepository,
        MaxLevel, Reason, Source}
) ->
    Given = given([
        {issuer, matcher(Issuer)}, {runner_environment, Runner}, {own_repository, OwnRepository}
    ]),
    Stated = maps:from_list([{build_types, matchers(BuildTypes)} || BuildTypes =/= []]),
    maps:merge(Given, Stated#{
        name => Name,
        signer => build_signer(Signer),
        instances => Instances,
        builder_id => builder_id(BuilderId),
        refs => refs(Refs),
        max_level => MaxLevel,
        reason => Reason,
        source => Source
    }).

build_signer({key, KeyId}) -> {key, KeyId};
build_signer({Kind, Matcher}) -> {Kind, matcher(Matcher)}.

builder_id(signer) -> signer;
builder_id({workflow_id, Matcher}) -> {workflow, matcher(Matcher)};
builder_id({named, Matcher}) -> {named, matcher(Matcher)}.

refs(any_ref) -> any;
refs({releases, Commits}) -> {releases, Commits}.

build_type({build_type, Uri, Dialect, Source}) ->
    #{uri => matcher(Uri), dialect => Dialect, source => Source}.

about({about, Verifier, Time, ResourceUri, Policy, Inputs, Carried}) ->
    (given([{time_verified, Time}]))#{
        verifier => Verifier,
        resource_uri => ResourceUri,
        policy => stated_resource(Policy),
        input_attestations => [stated_resource(Input) || Input <- Inputs],
        carried => Carried
    }.

summary_expected({summary_expectations, Verifiers, ResourceUri, Levels}) ->
    #{
        verifiers => [verifier(Verifier) || Verifier <- Verifiers],
        resource_uri => ResourceUri,
        levels => Levels
    }.

verifier({by_identity, Id, Signer, Issuer}) ->
    #{id => Id, signer => matcher(Signer), issuer => matcher(Issuer)};
verifier({by_key, Id, KeyId}) ->
    #{id => Id, key => KeyId}.

stated_resource({resource, Name, Uri, Digests}) ->
    (given([{name, Name}, {uri, Uri}]))#{digests => maps:from_list(Digests)}.

some_object(none) -> none;
some_object({some, Pairs}) -> {some, object(Pairs)}.

object(Pairs) -> maps:from_list([{Name, value(Value)} || {Name, Value} <- Pairs]).

value(null) -> null;
value({array, List}) -> [value(Value) || Value <- List];
value({object, Pairs}) -> object(Pairs);
value({_, Scalar}) -> Scalar.

%% A name that is no field is refused as such, without becoming an atom.
fields(Record) ->
    maps:from_list([{field(Name), Value} || {Name, Value} <- Record]).

field(Name) ->
    try
        binary_to_existing_atom(Name)
    catch
        error:_ -> undefined
    end.

%% To Gleam.

judgement(#{subjects := Subjects, dependencies := Dependencies, reasons := Reasons} = Judgement) ->
    #{inputs := Inputs, external_parameters := Parameters, refusals := Refusals} = Judgement,
    #{metadata := Metadata, record := Record} = Judgement,
    Get = fun(Name) -> maps:get(Name, Judgement) end,
    Certified = [
        source, ref, commit, workflow, trigger, invocation, signer, issuer, runner_environment
    ],
    list_to_tuple(
        [judgement | lists:map(Get, [accepted, level, predicate_type, build_type])] ++
            [option(Get(dialect)), Get(builder), Get(builder_vouched)] ++
            [option(Get(Name)) || Name <- Certified] ++
            [
                [resource(Subject) || Subject <- Subjects],
                members(Inputs),
                members(Parameters),
                [resource(Dependency) || Dependency <- Dependencies],
                metadata(Metadata),
                option(Get(builder_row)),
                [reason(Reason) || Reason <- Reasons],
                Get(confirmed),
                Get(unverified),
                Get(unrecognised),
                [failure(Refusal) || Refusal <- Refusals],
                [{atom_to_binary(Name), Value} || {Name, Value} <- maps:to_list(Record)]
            ]
    ).

members(Object) -> [{Name, json(Value)} || {Name, Value} <- maps:to_list(Object)].

metadata(#{invocation_id := Id, started_on := Started, finished_on := Finished}) ->
    {metadata, option(Id), option(Started), option(Finished)}.

reason(#{requirement := Requirement, level := Level, met := Met, because := Because}) ->
    {reason, Requirement, Level, Met, Because}.

resource(#{name := Name, uri := Uri, digests := Digests}) ->
    {resource, option(Name), option(Uri), maps:to_list(Digests)}.

summary(#{accepted := Accepted, verifier := Verifier, time_verified := Time} = Summary) ->
    #{resource_uri := ResourceUri, policy := Policy, input_attestations := Inputs} = Summary,
    #{passed := Passed, verified_levels := Levels, slsa_version := Version} = Summary,
    {summary, Accepted, Verifier, option(Time), ResourceUri, resource(Policy),
        [resource(Input) || Input <- Inputs], Passed, Levels, option(Version),
        [failure(Refusal) || Refusal <- maps:get(refusals, Summary)]}.
