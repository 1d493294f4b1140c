%% @doc SLSA provenance: what was built, from what, by whom, at which level of the build track, and
%% whether that meets what is expected.
%%
%% ```
%%     {ok, Evidence} = hex_provenance_sigstore:verify(Bundle, Artifact, #{identity => unchecked}),
%%     {ok, Judgement} = hex_provenance_slsa:judge(Evidence, #{
%%         expect => #{
%%             source => <<"https://github.com/me/app">>,
%%             version => <<"1.2.3">>,
%%             min_level => 2
%%         }
%%     }),
%%     {ok, #{level := Level}} = hex_provenance_slsa:enforce(Judgement).
%% '''
%%
%% Nothing that a provenance says of itself is believed: every field that the signer's certificate
%% states too is compared with it, and levels come from a table of builders. Signed by whom is thus
%% judged here: an identity need not be expected before.
%%
%% What could not be evaluated is `{error, Error}'; what was evaluated and refused is a judgement
%% with `refusals'. {@link enforce/1} makes errors of both, so that a caller fails closed.
-module(hex_provenance_slsa).

-export([judge/2, enforce/1, verify/4]).
-export([record/1, changes/2, expectations/1]).
-export([summarise/3, verify_summary/2, provenance/3]).
-export([rules/1, builders/0, statement/1, judge_unverified/2, default_options/0]).

-export_type([
    options/0,
    rules/0,
    expectations/0,
    input/0,
    builder/0,
    build_type/0,
    dialect/0,
    limits/0,
    level/0,
    judgement/0,
    reason/0,
    requirement/0,
    resource/0,
    statement/0,
    build_record/0,
    change/0,
    about/0,
    summary_expectations/0,
    summary/0,
    production/0
]).

-type options() :: #{
    expect => expectations(),
    builders => [builder()] | {only, [builder()]},
    build_types => [build_type()] | {only, [build_type()]},
    limits => limits()
}.
%% <ul>
%% <li>`expect': what must be so; by default nothing, except that external parameters which nobody
%%     knows are refused.</li>
%% <li>`builders': rows beside the well-known ones, or `{only, Rows}' instead of them.</li>
%% <li>`build_types': a publisher's own build types beside the well-known ones, or instead of
%%     them.</li>
%% <li>`limits': how much is read.</li>
%% </ul>

-opaque rules() :: reference().
%% Options, prepared once for many judgements: immutable and cheap to send to other processes.

-type matcher() :: hex_provenance_sigstore:matcher().

-type expectations() :: #{
    source => matcher(),
    source_id => binary(),
    owner_id => binary(),
    refs => [matcher(), ...],
    branch => matcher(),
    tag => matcher(),
    version => binary(),
    version_tag => binary(),
    commit => binary(),
    workflow => matcher(),
    signer => matcher(),
    signer_digest => binary(),
    issuer => matcher(),
    triggers => [binary(), ...],
    runner_environment => matcher(),
    environment => matcher(),
    visibility => matcher(),
    build_types => [matcher(), ...],
    builder => matcher(),
    inputs => #{binary() => input()},
    only_these_inputs => boolean(),
    unrecognised => refuse | report,
    min_level => level()
}.
%% Everything stated must hold.
%% <ul>
%% <li>`source': the repository's URL, however it is written, or a pattern for its canonical
%%     form.</li>
%% <li>`source_id', `owner_id': the immutable ids that survive a re-registered account name.</li>
%% <li>`refs': whole refs, any of which will do; `branch' and `tag': a name, of that kind of ref
%%     only.</li>
%% <li>`version': the ref must be the tag of this semantic version, with or without a leading `v',
%%     or what `version_tag' makes of it, such as `<<"app-{version}">>'.</li>
%% <li>`workflow': the path of the top-level workflow. `signer': the workflow that signed, with or
%%     without its ref; `signer_digest': its commit. `builder' likewise.</li>
%% <li>`triggers': the events that may start a build.</li>
%% <li>`inputs': by name; a parameter named here counts as recognised. `only_these_inputs' refuses
%%     all others.</li>
%% <li>`unrecognised': what to do about external parameters that the build type does not define; by
%%     default they `refuse'.</li>
%% </ul>

-type input() :: any | absent | {equal, hex_provenance_sigstore:json()} | matcher().
%% Any value; none; exactly this one; or a text, number or boolean whose text matches.

-type builder() :: #{
    name := binary(),
    reason := binary(),
    signer := {workflow, matcher()} | {identity, matcher()} | {key, <<_:256>>},
    issuer => matcher(),
    instances => [binary()],
    builder_id => signer | {workflow, matcher()} | {named, matcher()},
    build_types => [matcher()],
    runner_environment => binary(),
    refs => any | releases | {releases, Commits :: [binary()]},
    own_repository => binary(),
    max_level => level(),
    source => binary()
}.
%% A row of the builder table: who signs and what `builder.id' it may state, and the highest level
%% of such builds. Everything stated must match.
%% <ul>
%% <li>`signer': a workflow's URI without its ref, a whole identity, or the SHA-256 of a key's
%%     SubjectPublicKeyInfo.</li>
%% <li>`issuer': who vouches for the signer; needed unless a key signs. `instances': the Sigstore
%%     instances that may, such as `<<"public_good">>'; by default any.</li>
%% <li>`builder_id': by default the `signer' itself.</li>
%% <li>`refs': level 3 needs `releases' (tags `refs/tags/vX.Y.Z'; commits only when listed
%%     here).</li>
%% <li>`own_repository': why a signer kept in the very repository that it builds may pass level
%%     2.</li>
%% <li>`reason' and `source': why the level, and where to read that.</li>
%% </ul>

-type build_type() :: #{uri := matcher(), dialect := dialect(), source => binary()}.
%% A publisher's own build type, and how its parameters are written.

-type dialect() ::
    github_workflow
    | github_workflow_community
    | github_publisher
    | npm_github
    | generator
    | delegator
    | container_based
    | npm_gitlab
    | gitlab_runner
    | gitlab_provenance
    | gitlab_publisher.

-type limits() :: #{
    statement_bytes => pos_integer(),
    json_depth => pos_integer(),
    json_values => pos_integer(),
    subjects => pos_integer(),
    resources => pos_integer(),
    text_bytes => pos_integer()
}.
%% {@link default_options/0} has their defaults.

-type level() :: 0..3.

-type judgement() :: #{
    accepted := boolean(),
    level := level(),
    predicate_type := binary(),
    build_type := binary(),
    dialect := dialect() | undefined,
    builder := binary(),
    builder_vouched := boolean(),
    source := binary() | undefined,
    ref := binary() | undefined,
    commit := binary() | undefined,
    workflow := binary() | undefined,
    trigger := binary() | undefined,
    invocation := binary() | undefined,
    signer := binary() | undefined,
    issuer := binary() | undefined,
    runner_environment := binary() | undefined,
    subjects := [resource()],
    inputs := #{binary() => hex_provenance_sigstore:json()},
    external_parameters := #{binary() => hex_provenance_sigstore:json()},
    dependencies := [resource()],
    metadata := #{
        invocation_id := binary() | undefined,
        started_on := binary() | undefined,
        finished_on := binary() | undefined
    },
    builder_row := binary() | undefined,
    reasons := [reason()],
    confirmed := [binary()],
    unverified := [binary()],
    unrecognised := [binary()],
    refusals := [hex_provenance_error:error()],
    record := build_record()
}.
%% `builder_vouched': whether the signer may speak for that builder. `source' to `invocation' are as
%% the certificate says, else as the provenance says: then their fields are among `unverified'.
%% `confirmed' are the fields that a claim confirms. `metadata' is what the builder says of itself.
%% `builder_row' names the row of the builder table that decided the level. `refusals': the most
%% useful first.

-type reason() :: #{
    requirement := requirement(),
    level := level(),
    met := boolean(),
    because := binary()
}.
%% A requirement of the build track, the lowest level that needs it, and whether it is met.

-type requirement() ::
    provenance_exists
    | provenance_authentic
    | hosted
    | provenance_unforgeable
    | parameters_complete
    | isolated.

-type resource() :: #{
    name := binary() | undefined,
    uri := binary() | undefined,
    digests := #{binary() => binary()}
}.

-type statement() :: #{
    type := binary(),
    subjects := [resource()],
    predicate_type := binary(),
    predicate := #{binary() => hex_provenance_sigstore:json()}
}.

-type build_record() :: #{
    source => binary(),
    source_id => binary(),
    owner_id => binary(),
    built_from => binary(),
    workflow => binary(),
    trigger => binary(),
    issuer => binary(),
    signer => binary(),
    signer_ref => binary(),
    signer_digest => binary(),
    runner_environment => binary(),
    build_type => binary(),
    builder => binary(),
    inputs => binary(),
    level => binary()
}.
%% What a build looked like: texts only, so that it can be kept in any format. `built_from' is
%% `tag', or a branch as `refs/heads/NAME'; `inputs' are the names of the inputs; `level' is `L0' to
%% `L3'.

-type change() :: #{field := atom(), was := binary() | undefined, is := binary() | undefined}.

-type about() :: #{
    verifier := binary(),
    verifier_version => #{binary() => binary()},
    time_verified => binary(),
    resource_uri := binary(),
    policy := resource() | #{uri := binary(), digests => #{binary() => binary()}},
    input_attestations => [#{uri => binary(), digests := #{binary() => binary()}}],
    carried => [binary()]
}.
%% Who verified, when (RFC 3339), what the artifact is to be used as, against which policy, with
%% which attestations; `carried' are results of other tracks, such as `<<"SLSA_SOURCE_LEVEL_2">>'.

-type summary_expectations() :: #{
    verifiers := [
        #{id := binary(), signer := matcher(), issuer := matcher()}
        | #{id := binary(), key := <<_:256>>}
    ],
    resource_uri := binary(),
    levels := [binary(), ...]
}.
%% Which verifiers are believed, each with who signs for it; what the artifact is to be used as; and
%% the results that must be there, such as `<<"SLSA_BUILD_LEVEL_2">>' (or higher).

-type summary() :: #{
    accepted := boolean(),
    verifier := binary(),
    time_verified := binary() | undefined,
    resource_uri := binary(),
    policy := resource(),
    input_attestations := [resource()],
    passed := boolean(),
    verified_levels := [binary()],
    dependency_levels := #{binary() => non_neg_integer()} | undefined,
    slsa_version := binary() | undefined,
    refusals := [hex_provenance_error:error()]
}.

-type production() :: #{
    subjects := [#{name => binary(), digests := #{binary() => binary()}}],
    build_type => binary(),
    inputs => #{binary() => hex_provenance_sigstore:json()},
    unverified => #{binary() => hex_provenance_sigstore:json()}
}.
%% What the token does not say: the artifacts; a publisher's own build type, together with every
%% input of its workflow (GitHub); and what the job says of itself (GitLab: the runner's URL and
%% versions).

-type result(Value) :: {ok, Value} | {error, hex_provenance_error:error()}.

%% @doc Judges the statement of a verified bundle.
%%
%% Errors, when it could not be evaluated: `statement_invalid', `predicate_unsupported',
%% `predicate_invalid', `subject_absent', `input_too_large', `malformed', `option_invalid',
%% `name_confusable'.
-spec judge(hex_provenance_sigstore:evidence(), options() | rules()) -> result(judgement()).
judge(Evidence, Options) ->
    case hex_provenance_nif:slsa_judge_here(Evidence, Options) of
        elsewhere -> hex_provenance_nif:slsa_judge(Evidence, Options);
        Judged -> Judged
    end.

%% @doc The judgement if nothing is refused, else the refusals as an error.
-spec enforce(judgement()) -> result(judgement()).
enforce(#{refusals := []} = Judgement) ->
    {ok, Judgement};
enforce(#{refusals := [First]}) ->
    {error, First};
enforce(#{refusals := [#{details := Details} = First | Others]}) ->
    {error, First#{details := Details#{also => Others}}}.

%% @doc Verifies a bundle, judges what it states, and refuses what is not as expected.
%%
%% Who signed is judged by the table of builders; `SigstoreOptions' may expect more of it. By
%% default any identity will do there, of the public-good instance or GitHub's own.
-spec verify(
    Bundle :: binary(),
    hex_provenance_sigstore:artifact(),
    SigstoreOptions :: hex_provenance_sigstore:options(),
    options() | rules()
) ->
    result(#{evidence := hex_provenance_sigstore:evidence(), judgement := judgement()}).
verify(Bundle, Artifact, SigstoreOptions, Options) ->
    case hex_provenance_sigstore:verify(Bundle, Artifact, with_defaults(SigstoreOptions)) of
        {ok, Evidence} -> judged(Evidence, judge(Evidence, Options));
        {error, _} = Error -> Error
    end.

judged(_, {error, _} = Error) ->
    Error;
judged(Evidence, {ok, Judgement}) ->
    case enforce(Judgement) of
        {ok, _} -> {ok, #{evidence => Evidence, judgement => Judgement}};
        {error, _} = Error -> Error
    end.

with_defaults(#{keys := _} = Options) ->
    Options;
with_defaults(#{} = Options) ->
    maps:merge(#{identity => unchecked, trust => [public_good, github]}, Options);
with_defaults(Options) ->
    Options.

%% @doc What to remember of an accepted build, to compare later ones with: trust on first use.
%%
%% Errors: the refusals, when it was not accepted.
-spec record(judgement()) -> result(build_record()).
record(Judgement) ->
    case enforce(Judgement) of
        {ok, #{record := Record}} -> {ok, Record};
        {error, _} = Error -> Error
    end.

%% @doc What differs in a later build from what was recorded: `[]' when nothing does.
%%
%% A level that rose is no change. The signer's commit is one only where the same tag stands for
%% another: releases move on, tags do not.
-spec changes(build_record(), judgement()) -> result([change()]).
changes(Record, #{record := Later}) ->
    hex_provenance_nif:slsa_changes(Record, Later).

%% @doc A record as expectations of later builds.
-spec expectations(build_record()) -> result(expectations()).
expectations(Record) ->
    hex_provenance_nif:slsa_expectations(Record).

%% @doc A verification summary (VSA v1) of what {@link judge/2} finds, as an unsigned statement
%% (JSON), to be signed with {@link hex_provenance_sigstore:sign/2}.
%%
%% Where anything is refused it says so: `FAILED'.
-spec summarise(hex_provenance_sigstore:evidence(), options() | rules(), about()) ->
    result(binary()).
summarise(Evidence, Options, About) ->
    hex_provenance_nif:slsa_summarise(Evidence, Options, About).

%% @doc Verifies the verification summary that a verified bundle holds.
-spec verify_summary(hex_provenance_sigstore:evidence(), summary_expectations()) ->
    result(summary()).
verify_summary(Evidence, Expectations) ->
    hex_provenance_nif:slsa_verify_summary(Evidence, Expectations).

%% @doc The provenance of a CI job as an unsigned statement (JSON), written from the claims of its
%% identity token (decoded) and from nothing else.
%%
%% Errors: `token_claim_invalid', `option_invalid', `statement_invalid'.
-spec provenance(
    github | gitlab, Claims :: #{binary() => hex_provenance_sigstore:json()}, production()
) ->
    result(binary()).
provenance(Platform, Claims, Production) ->
    hex_provenance_nif:slsa_provenance(Platform, Claims, Production).

%% @doc Prepares options once for many judgements.
-spec rules(options()) -> result(rules()).
rules(Options) ->
    hex_provenance_nif:slsa_rules(Options).

%% @doc The builders that are known without being told, each with its reason and source.
-spec builders() -> result([builder()]).
builders() ->
    hex_provenance_nif:slsa_builders().

%% @doc Reads an in-toto statement (JSON), strictly. Nothing in it is verified.
-spec statement(binary()) -> result(statement()).
statement(Json) ->
    hex_provenance_nif:slsa_statement(Json).

%% @doc What a statement (JSON) says of itself, nobody having signed it: for showing, never for
%% deciding. Its level is at most 1.
-spec judge_unverified(binary(), options() | rules()) -> result(judgement()).
judge_unverified(Json, Options) ->
    hex_provenance_nif:slsa_judge_unverified(Json, Options).

%% @doc What is used for options that are not given.
-spec default_options() -> options().
default_options() ->
    Limits =
        case hex_provenance_nif:slsa_catalogue() of
            {ok, #{limits := Defaults}} -> Defaults;
            {error, _} -> #{}
        end,
    #{expect => #{}, builders => [], build_types => [], limits => Limits}.
