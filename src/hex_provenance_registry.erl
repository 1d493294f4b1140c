%% @doc Registry attestations: what a Hex registry says happened to a package, signed.
%%
%% ```
%% {ok, #{statement := Statement}} = hex_provenance_registry:statement(
%%     #{
%%         event => publish,
%%         package => <<"phoenix">>,
%%         version => <<"1.8.1">>,
%%         digest => {sha256, crypto:hash(sha256, Tarball)},
%%         event_id => <<"release-42-publish">>,
%%         occurred_at => erlang:system_time(second),
%%         actor => #{kind => user, id => <<"chrismccord">>}
%%     },
%%     #{}
%% ),
%% {ok, #{bundle := Bundle}} = hex_provenance_registry:sign(Statement, #{key => Key}),
%% {ok, #{event := publish}} = hex_provenance_registry:verify(Bundle, {bytes, Tarball}, #{
%%     keys => [#{pem => RegistryKey}], package => <<"phoenix">>, version => <<"1.8.1">>
%% }).
%% '''
%%
%% An event becomes an in-toto statement in canonical JSON, whose predicate type names the event.
%% There is one reader for events that a registry gives and for statements that somebody signed: it
%% takes nothing that it does not know, and package, version and repository must be the same
%% wherever they stand.
-module(hex_provenance_registry).

-export([statement/2, statement_from_json/2, statements_from_json/2]).
-export([sign/2, envelope/1, bundle/3]).
-export([verify/3, read/2]).
-export([catalogue/0, default_options/0]).
-export([event_names/0]).

-export_type([
    event/0,
    event_name/0,
    making/0,
    unsigned/0,
    signed/0,
    envelope/0,
    reading/0,
    options/0,
    attestation/0,
    actor/0,
    release/0,
    details/0,
    link/0,
    advisory/0,
    document/0,
    publisher/0,
    retirement_reason/0,
    advisory_state/0,
    vex_format/0,
    vex_status/0,
    owner_level/0,
    owner_action/0,
    publisher_action/0,
    package_action/0,
    catalogue/0
]).

-type event_name() ::
    publish
    | provenance
    | unpublish
    | retire
    | unretire
    | vulnerability
    | vex
    | owners
    | publishers
    | package.

-type event() :: #{
    event := event_name(),
    event_id := binary(),
    occurred_at := time(),
    package := binary(),
    actor := #{kind := user | oidc | system, atom() => binary() | undefined},
    registry => binary(),
    repository => binary(),
    atom() => term()
}.
%% Beside these, what the event itself needs, by the names of {@link details()}:
%% <ul>
%% <li>`publish', `provenance', `unpublish', `retire', `unretire': `version' and `digest', the
%%     `{sha256, Digest}' of the whole tarball.</li>
%% <li>`vulnerability', `vex': `releases', a list of such pairs.</li>
%% <li>`owners', `publishers', `package': nothing more.</li>
%% </ul>
%% `repository' is `<<"hexpm">>', an organisation's name, or the https URL of another repository.
%% An actor is `#{kind => user, id => Handle}', `#{kind => system}' or `#{kind => oidc, issuer =>
%% Url}' with the claims `repository', `workflow', `ref' and `environment' of its token. Nobody is
%% known by an e-mail or another address: such an event is refused.

-type time() :: non_neg_integer() | binary().
%% Unix seconds, or RFC 3339 in UTC, such as `<<"2026-01-31T12:00:00Z">>'.

-type making() :: #{prefix => binary(), registry => binary(), repository => binary()}.
%% `prefix': what predicate types begin with, by default `<<"https://hex.pm/attestation">>'.
%% `registry' and `repository': what events say that do not say so themselves.

-type unsigned() :: #{
    statement := binary(),
    id := binary(),
    event := event_name(),
    package := binary(),
    version := binary() | undefined,
    subjects := [<<_:256>>],
    linked := [<<_:256>>],
    time := non_neg_integer()
}.
%% A statement to be signed, and what the transparency log repeats of it. `package' is a package URL
%% without a version; `linked' are the digests of the bundles that it links.

-type signed() :: #{
    bundle := binary(),
    envelope := binary(),
    signature := binary(),
    evidence := hex_provenance_sigstore:evidence()
}.
%% A Sigstore bundle of version 0.3 (JSON); the envelope in it in canonical form, whose SHA-256 the
%% log names; and the signature alone.

-type envelope() :: #{
    envelope := binary(), statement := binary(), signature := binary(), digest := <<_:256>>
}.

-type reading() :: #{
    prefix => binary(),
    event => event_name() | [event_name(), ...],
    event_id => binary(),
    package => binary(),
    version => binary(),
    registry => binary()
}.
%% What is expected; what is not stated is not looked at.
%% <ul>
%% <li>`event': which, or any of several.</li>
%% <li>`package': a package URL without a version, or the name of a package in hex.pm's public
%%     repository.</li>
%% <li>`version': one of those that the event is about; an artifact must then be of that
%%     version.</li>
%% </ul>

-type options() :: #{
    prefix => binary(),
    event => event_name() | [event_name(), ...],
    event_id => binary(),
    package => binary(),
    version => binary(),
    registry => binary(),
    keys => [hex_provenance_sigstore:key(), ...],
    identity => hex_provenance_sigstore:identity()
        | [hex_provenance_sigstore:identity(), ...]
        | unchecked,
    trust => hex_provenance_sigstore:trust(),
    untimed => boolean(),
    thresholds => hex_provenance_sigstore:thresholds(),
    limits => hex_provenance_sigstore:limits()
}.
%% Those of {@link reading()}, and those of {@link hex_provenance_sigstore:verify/3}: the registry's
%% `keys', or the `identity' of one that signs keyless. With keys, `trust' is `none' by default and
%% `untimed' is `true': a registry's log dates its attestations, by index.

-type attestation() :: #{
    event := event_name(),
    event_id := binary(),
    occurred_at := binary(),
    time := non_neg_integer(),
    registry := binary(),
    repository := binary(),
    package := binary(),
    name := binary(),
    version := binary() | undefined,
    actor := actor(),
    releases := [release()],
    subjects := [<<_:256>>],
    linked := [<<_:256>>],
    details := details(),
    statement := binary(),
    evidence => hex_provenance_sigstore:evidence()
}.
%% `package' is a package URL without a version, `time' Unix seconds, `version' the only one that
%% the event is about. `evidence' is there when {@link verify/3} verified the signature.

-type actor() :: #{
    kind := user | oidc | system,
    id := binary() | undefined,
    issuer := binary() | undefined,
    repository := binary() | undefined,
    workflow := binary() | undefined,
    ref := binary() | undefined,
    environment := binary() | undefined
}.

-type release() :: #{version := binary(), digest := <<_:256>>}.

-type details() ::
    #{provenance := [link()], replaces := <<_:256>> | undefined}
    | #{provenance := [link(), ...]}
    | #{reason := binary() | undefined}
    | #{reason := retirement_reason() | undefined, message := binary() | undefined}
    | #{advisory := advisory(), state := advisory_state()}
    | #{document := document(), statements := #{binary() => vex_status()}}
    | #{
        action := owner_action(),
        owner := binary(),
        level := owner_level() | undefined,
        owners := [#{owner := binary(), level := owner_level()}]
    }
    | #{action := publisher_action(), publisher := publisher(), publishers := [publisher()]}
    | #{action := package_action(), owner := binary() | undefined}.
%% Of `publish', `provenance', `unpublish', `retire' and `unretire', `vulnerability', `vex',
%% `owners', `publishers' and `package', in this order. `owners' and `publishers' are all there are
%% after the event.

-type link() :: #{
    predicate_type := binary(),
    bundle := <<_:256>>,
    builder := binary() | undefined,
    source := binary() | undefined,
    level := 0..3 | undefined
}.
%% A provenance bundle that the registry verified, by the SHA-256 of its canonical JSON. The rest
%% are hints: whoever relies on them recomputes them from the bundle.

-type advisory() :: #{
    id := binary(),
    aliases := [binary()],
    source := binary(),
    modified := binary(),
    digest := <<_:256>>
}.
%% `source' is where it is published, `digest' the SHA-256 of the OSV document.

-type document() :: #{
    format := vex_format(),
    id := binary(),
    version := binary(),
    digest := <<_:256>>,
    url := binary()
}.

-type publisher() :: #{issuer := binary(), claims := #{binary() => binary()}}.
%% Whose jobs may publish: who issues their tokens, and what those must claim.

-type retirement_reason() :: other | invalid | security | deprecated | renamed.
-type advisory_state() :: published | withdrawn.
-type vex_format() :: openvex | csaf | cyclonedx.
-type vex_status() :: not_affected | affected | fixed | under_investigation.
-type owner_level() :: full | maintainer.
-type owner_action() :: add | remove | transfer | update.
-type publisher_action() :: add | remove.
-type package_action() :: created | deleted.

-type catalogue() :: #{
    errors := [hex_provenance_error:entry()],
    event := [event_name()],
    reason := [retirement_reason()],
    state := [advisory_state()],
    format := [vex_format()],
    status := [vex_status()],
    level := [owner_level()],
    owners := [owner_action()],
    publishers := [publisher_action()],
    package := [package_action()]
}.

-type result(Value) :: {ok, Value} | {error, hex_provenance_error:error()}.

-define(READING, [prefix, event, event_id, package, version, registry]).

%% @doc The statement of an event, to be signed. The same event gives the same bytes.
%%
%% Errors: `event_invalid', `input_too_large', `option_invalid'.
-spec statement(event(), making()) -> result(unsigned()).
statement(Event, Options) ->
    hex_provenance_nif:registry_statement(Event, Options).

%% @doc The statement of an event in JSON, as bytes or decoded: the predicate's fields in their own
%% spelling (`eventId'), beside them `event', and `digest' as `{"sha256": HEX}'.
%%
%% Errors: also `malformed'.
-spec statement_from_json(binary() | #{binary() => hex_provenance_sigstore:json()}, making()) ->
    result(unsigned()).
statement_from_json(Event, Options) ->
    hex_provenance_nif:registry_statement_from_json(Event, Options).

%% @doc The statements of a whole request (JSON), `{"events": [..]}' with at most 100 of them: of
%% all or of none.
-spec statements_from_json(Request :: binary(), making()) -> result([unsigned()]).
statements_from_json(Request, Options) ->
    hex_provenance_nif:registry_statements_from_json(Request, Options).

%% @doc Signs a statement that {@link statement/2} made.
%%
%% Options are those of {@link hex_provenance_sigstore:sign/2}, and `prefix'; or a key alone. What
%% is not the statement of an event is not signed.
-spec sign(
    Statement :: binary(),
    hex_provenance_sigstore:signing_key() | hex_provenance_sigstore:sign_options() | map()
) -> result(signed()).
sign(Statement, Options) when is_map(Options) ->
    case read(Statement, maps:with([prefix], Options)) of
        {ok, _} -> signed(Statement, maps:without([prefix], Options));
        {error, _} = Error -> Error
    end;
sign(Statement, Key) ->
    sign(Statement, #{key => Key}).

signed(Statement, Options) ->
    case hex_provenance_sigstore:sign({statement, Statement}, Options) of
        {ok, #{bundle := Bundle} = Signed} -> with_envelope(Signed, envelope(Bundle));
        {error, _} = Error -> Error
    end.

with_envelope(Signed, {ok, Envelope}) ->
    {ok, maps:merge(Signed, maps:with([envelope, signature], Envelope))};
with_envelope(_, {error, _} = Error) ->
    Error.

%% @doc The envelope of a bundle in canonical form, as the log names it, and its parts. Nothing of
%% it is verified.
-spec envelope(Bundle :: binary()) -> result(envelope()).
envelope(Bundle) ->
    hex_provenance_nif:registry_envelope(Bundle).

%% @doc The bundle (JSON) of a statement and its signature by a key that verifiers know by `Hint':
%% by default that is the base64 form of the SHA-256 of its SubjectPublicKeyInfo.
-spec bundle(Statement :: binary(), Signature :: binary(), Hint :: binary()) -> result(binary()).
bundle(Statement, Signature, Hint) ->
    hex_provenance_nif:registry_bundle(Statement, Signature, Hint).

%% @doc Verifies a bundle, and reads what the registry attests in it.
%%
%% `any' instead of an artifact is whatever the attestation is about: for events of a whole package,
%% and for whoever has no tarball at hand.
%%
%% Errors: those of {@link hex_provenance_sigstore:verify/3}; `statement_invalid' when it is not a
%% statement of an event; `event_refused' when it is of another event or package than expected;
%% `bundle_unsupported' when the bundle is not of version 0.3.
-spec verify(Bundle :: binary(), hex_provenance_sigstore:artifact() | any, options()) ->
    result(attestation()).
verify(Bundle, any, Options) when is_map(Options) ->
    Reading = maps:with(?READING, Options),
    case stated(envelope(Bundle), Reading) of
        {ok, Stated} -> verify(Bundle, {digest, sha256, subject(Stated, Options)}, Options);
        {error, _} = Error -> Error
    end;
verify(Bundle, Artifact, Options) when is_map(Options) ->
    case hex_provenance_sigstore:verify(Bundle, Artifact, sigstore_options(Options)) of
        {ok, Evidence} -> attested(Evidence, maps:with(?READING, Options));
        {error, _} = Error -> Error
    end;
verify(_, _, Options) ->
    read(<<>>, Options).

%% One of what it is about: of the expected version, where one is expected.
subject(#{releases := Releases, subjects := [First | _]}, Options) ->
    Version = maps:get(version, Options, undefined),
    case [Digest || #{version := V, digest := Digest} <- Releases, V =:= Version] of
        [Digest | _] -> Digest;
        [] -> First
    end.

stated({ok, #{statement := Statement}}, Reading) -> read(Statement, Reading);
stated({error, _} = Error, _) -> Error.

attested(Evidence, Reading) ->
    case hex_provenance_nif:registry_attestation(Evidence, Reading) of
        {ok, Attestation} -> {ok, Attestation#{evidence => Evidence}};
        {error, _} = Error -> Error
    end.

sigstore_options(#{keys := _} = Options) ->
    maps:merge(#{trust => none, untimed => true}, maps:without(?READING, Options));
sigstore_options(Options) ->
    maps:without(?READING, Options).

%% @doc Reads a statement whose signature was verified elsewhere, such as by the log's client.
%%
%% Errors: `statement_invalid', `malformed', `input_too_large', `event_refused', `option_invalid'.
-spec read(Statement :: binary(), reading()) -> result(attestation()).
read(Statement, Options) ->
    hex_provenance_nif:registry_read(Statement, Options).

%% @private
%% @doc All events, in the order by whose numbers the log's tables keep them: what is new
%% comes behind the last.
-spec event_names() -> [event_name(), ...].
event_names() ->
    [
        publish,
        provenance,
        unpublish,
        retire,
        unretire,
        vulnerability,
        vex,
        owners,
        publishers,
        package
    ].

%% @doc Every closed table: the errors of this library, the names of events, and the words that
%% stand in them.
-spec catalogue() -> result(catalogue()).
catalogue() ->
    hex_provenance_nif:registry_catalogue().

%% @doc What {@link statement/2} uses for options that are not given.
-spec default_options() -> making().
default_options() ->
    #{
        prefix => <<"https://hex.pm/attestation">>,
        registry => <<"https://hex.pm">>,
        repository => <<"hexpm">>
    }.
