%% @private
%% @doc Where the Erlang face of registry events and Gleam's records differ. Nothing is judged here.
-module(hex_provenance_registry_ffi).

-export([statement/2, statement_from_json/2, statements_from_json/2]).
-export([sign/3, bundle/3, verify/4, read/2]).

-import(hex_provenance_ffi, [answer/2, given/1, option/1]).

-type answer() :: {ok, term()} | {error, tuple()}.

-spec statement(tuple(), tuple()) -> answer().
statement(Event, Making) ->
    answer(hex_provenance_nif:registry_statement(event(Event), making(Making)), fun unsigned/1).

-spec statement_from_json(binary(), tuple()) -> answer().
statement_from_json(Json, Making) ->
    Answer = hex_provenance_registry:statement_from_json(Json, making(Making)),
    answer(Answer, fun unsigned/1).

-spec statements_from_json(binary(), tuple()) -> answer().
statements_from_json(Json, Making) ->
    Answer = hex_provenance_registry:statements_from_json(Json, making(Making)),
    answer(Answer, fun(Statements) -> [unsigned(Statement) || Statement <- Statements] end).

-spec sign(binary(), binary(), tuple()) -> answer().
sign(Statement, Prefix, Options) ->
    Given = (hex_provenance_ffi:sign_options(Options))#{prefix => Prefix},
    answer(hex_provenance_registry:sign(Statement, Given), fun(Signed) ->
        #{bundle := Bundle, envelope := Envelope, signature := Signature} = Signed,
        #{evidence := Evidence} = Signed,
        {signed, Bundle, Envelope, Signature, hex_provenance_ffi:evidence(Evidence)}
    end).

-spec bundle(binary(), binary(), binary()) -> answer().
bundle(Statement, Signature, Hint) ->
    answer(hex_provenance_registry:bundle(Statement, Signature, Hint), fun(Bundle) -> Bundle end).

-spec verify(binary(), term(), tuple(), tuple()) -> answer().
verify(Bundle, Artifact, Options, Expected) ->
    Given = maps:merge(hex_provenance_ffi:options(Options), expected(Expected)),
    Answer = hex_provenance_registry:verify(Bundle, artifact(Artifact), Given),
    answer(Answer, fun attestation/1).

-spec read(binary(), tuple()) -> answer().
read(Statement, Expected) ->
    answer(hex_provenance_registry:read(Statement, expected(Expected)), fun attestation/1).

%% From Gleam.

artifact({some, Artifact}) -> Artifact;
artifact(none) -> any.

making({making, Prefix, Registry, Repository}) ->
    #{prefix => Prefix, registry => Registry, repository => Repository}.

expected({expected, Prefix, Events, Id, Package, Version, Registry}) ->
    Stated = given([
        {event_id, Id}, {package, Package}, {version, Version}, {registry, Registry}
    ]),
    maps:merge(Stated, maps:from_list([{event, Events} || Events =/= []] ++ [{prefix, Prefix}])).

event({event, Package, Registry, Repository, Id, OccurredAt, Actor, Releases, Details}) ->
    Event = maps:merge(about(Details, Releases), details(Details)),
    maps:merge(Event, (given([{registry, Registry}, {repository, Repository}]))#{
        event => element(1, Details),
        package => Package,
        event_id => Id,
        occurred_at => OccurredAt,
        actor => actor(Actor)
    }).

%% How many there are to be is the core's to judge.
about(Details, [Release]) when
    element(1, Details) =/= vulnerability, element(1, Details) =/= vex
->
    release(Release);
about(Details, []) when element(1, Details) =/= vulnerability, element(1, Details) =/= vex ->
    #{};
about(_, Releases) ->
    #{releases => [release(Release) || Release <- Releases]}.

release({release, Version, Digest}) -> #{version => Version, digest => {sha256, Digest}}.

actor({user, Id}) ->
    #{kind => user, id => Id};
actor({system, Id}) ->
    (given([{id, Id}]))#{kind => system};
actor({oidc, Issuer, Repository, Workflow, Ref, Environment}) ->
    Claims = given([
        {repository, Repository}, {workflow, Workflow}, {ref, Ref}, {environment, Environment}
    ]),
    Claims#{kind => oidc, issuer => Issuer}.

details({publish, Provenance, Replaces}) ->
    (given([{replaces, digest(Replaces)}]))#{provenance => links(Provenance)};
details({provenance, Provenance}) ->
    #{provenance => links(Provenance)};
details({unpublish, Reason}) ->
    given([{reason, Reason}]);
details({retire, Reason, Message}) ->
    (given([{message, Message}]))#{reason => Reason};
details({unretire, Reason, Message}) ->
    given([{reason, Reason}, {message, Message}]);
details({vulnerability, {advisory, Id, Aliases, Source, Modified, Digest}, State}) ->
    #{
        advisory => #{
            id => Id,
            aliases => Aliases,
            source => Source,
            modified => Modified,
            digest => {sha256, Digest}
        },
        state => State
    };
details({vex, {document, Format, Id, Version, Digest, Url}, Statements}) ->
    #{
        document => #{
            format => Format,
            id => Id,
            version => Version,
            digest => {sha256, Digest},
            url => Url
        },
        statements => maps:from_list(Statements)
    };
details({owners, Action, Owner, Level, Owners}) ->
    (given([{level, Level}]))#{
        action => Action,
        owner => Owner,
        owners => [#{owner => One, level => Of} || {owner, One, Of} <- Owners]
    };
details({publishers, Action, Publisher, Publishers}) ->
    #{
        action => publisher_action(Action),
        publisher => publisher(Publisher),
        publishers => [publisher(One) || One <- Publishers]
    };
details({package, Action, Owner}) ->
    (given([{owner, Owner}]))#{action => Action}.

digest({some, Digest}) -> {some, {sha256, Digest}};
digest(none) -> none.

links(Links) ->
    [
        (given([{builder, Builder}, {source, Source}, {level, Level}]))#{
            predicate_type => Type,
            bundle => {sha256, Bundle}
        }
     || {link, Type, Bundle, Builder, Source, Level} <- Links
    ].

publisher({publisher, Issuer, Claims}) ->
    #{issuer => Issuer, claims => maps:from_list(Claims)}.

publisher_action(add_publisher) -> add;
publisher_action(remove_publisher) -> remove.

%% To Gleam.

unsigned(#{statement := Statement, id := Id, event := Event, package := Package} = Unsigned) ->
    #{version := Version, subjects := Subjects, linked := Linked, time := Time} = Unsigned,
    {unsigned, Statement, Id, Event, Package, option(Version), Subjects, Linked, Time}.

attestation(#{event := Event, actor := Actor, details := Details} = Attestation) ->
    Get = fun(Name) -> maps:get(Name, Attestation) end,
    Texts = [event_id, occurred_at, time, registry, repository, package, name],
    Releases = [
        {release, Version, Digest}
     || #{version := Version, digest := Digest} <- Get(releases)
    ],
    list_to_tuple(
        [attestation, Event | lists:map(Get, Texts)] ++
            [option(Get(version)), to_actor(Actor), Releases, Get(subjects), Get(linked)] ++
            [to_details(Event, Details), Get(statement), evidence(Attestation)]
    ).

evidence(#{evidence := Evidence}) -> {some, hex_provenance_ffi:evidence(Evidence)};
evidence(_) -> none.

to_actor(#{kind := user, id := Id}) ->
    {user, Id};
to_actor(#{kind := system, id := Id}) ->
    {system, option(Id)};
to_actor(#{kind := oidc, issuer := Issuer, repository := Repository} = Actor) ->
    #{workflow := Workflow, ref := Ref, environment := Environment} = Actor,
    {oidc, Issuer, option(Repository), option(Workflow), option(Ref), option(Environment)}.

to_details(publish, #{provenance := Provenance, replaces := Replaces}) ->
    {publish, [to_link(Link) || Link <- Provenance], option(Replaces)};
to_details(provenance, #{provenance := Provenance}) ->
    {provenance, [to_link(Link) || Link <- Provenance]};
to_details(unpublish, #{reason := Reason}) ->
    {unpublish, option(Reason)};
to_details(retire, #{reason := Reason, message := Message}) ->
    {retire, Reason, option(Message)};
to_details(unretire, #{reason := Reason, message := Message}) ->
    {unretire, option(Reason), option(Message)};
to_details(vulnerability, #{advisory := Advisory, state := State}) ->
    #{id := Id, aliases := Aliases, source := Source, modified := Modified} = Advisory,
    {vulnerability, {advisory, Id, Aliases, Source, Modified, maps:get(digest, Advisory)}, State};
to_details(vex, #{document := Document, statements := Statements}) ->
    #{format := Format, id := Id, version := Version, digest := Digest, url := Url} = Document,
    {vex, {document, Format, Id, Version, Digest, Url}, maps:to_list(Statements)};
to_details(owners, #{action := Action, owner := Owner, level := Level, owners := Owners}) ->
    {owners, Action, Owner, option(Level), [
        {owner, One, Of}
     || #{owner := One, level := Of} <- Owners
    ]};
to_details(publishers, #{action := Action, publisher := One, publishers := All}) ->
    Publishers = [to_publisher(Publisher) || Publisher <- All],
    {publishers, to_publisher_action(Action), to_publisher(One), Publishers};
to_details(package, #{action := Action, owner := Owner}) ->
    {package, Action, option(Owner)}.

to_link(#{predicate_type := Type, bundle := Bundle, builder := Builder} = Link) ->
    #{source := Source, level := Level} = Link,
    {link, Type, Bundle, option(Builder), option(Source), option(Level)}.

to_publisher(#{issuer := Issuer, claims := Claims}) -> {publisher, Issuer, maps:to_list(Claims)}.

to_publisher_action(add) -> add_publisher;
to_publisher_action(remove) -> remove_publisher.
