%% @doc Attestations that publishers hand in: verified before anything is kept.
%%
%% Sound means: signed by a workload identity that one of the package's trusted publishers names in
%% the certificate itself, about the bytes of that very release, and accepted by the SLSA library's
%% rules. Before the tarball is uploaded a bundle is staged, for the publish event to link; after it
%% the bundle becomes an event of its own.
-module(hex_provenance_api_upload).

-export([accept/4]).

-export_type([options/0, publisher/0, accepted/0, release/0]).

-type options() :: #{
    release := fun((Package :: binary(), Version :: binary()) -> {ok, release()} | not_found),
    publishers := fun((Package :: binary()) -> [publisher()]),
    stage := fun((bundle()) -> {ok, new | known} | {error, hex_provenance_error:error()}),
    attach := fun((bundle()) -> {ok, new | known} | {error, hex_provenance_error:error()}),
    trust => hex_provenance_sigstore:trust(),
    rules => hex_provenance_slsa:options()
}.
%% <ul>
%% <li>`release': the digest of a release's tarball, when it has been uploaded.</li>
%% <li>`publishers': who may publish a package.</li>
%% <li>`stage', `attach': how a sound bundle is kept, before its release is there and after.</li>
%% <li>`trust', `rules': as for {@link hex_provenance_slsa:verify/4}, `expect' aside.</li>
%% </ul>
%% Packages go by their name, without the registry's purl around it.

-type release() :: #{digest := <<_:256>>}.

-type publisher() :: #{
    repository := binary(),
    workflow => binary(),
    environment => binary(),
    refs => [hex_provenance_sigstore:matcher(), ...],
    issuer => binary()
}.
%% The repository's URL, and what else must be so: the path of the top-level workflow, the
%% deployment environment, the ref; `issuer' is GitHub Actions' by default.

-type bundle() :: #{
    package := binary(),
    version := binary(),
    digest := <<_:256>>,
    bundle := binary(),
    bundle_digest := <<_:256>>,
    predicate_type := binary(),
    builder := binary(),
    source := binary(),
    level := 0..3
}.
%% `digest' is the tarball's; `bundle' is canonical JSON, and `bundle_digest' its SHA-256.

-type accepted() :: #{
    digest := <<_:256>>, predicate_type := binary(), state := staged | attached | known
}.

-define(MOST_BUNDLES, 8).
-define(MOST_PUBLISHERS, 16).
-define(GITHUB, <<"https://token.actions.githubusercontent.com">>).
-define(MEDIA_TYPE, <<"application/vnd.dev.sigstore.bundle.v0.3+json">>).
-define(PROVENANCE, <<"https://slsa.dev/provenance/v1">>).

-type refused() :: {error, hex_provenance_api_error:refusal()}.

%% @doc Verifies what was handed in (decoded JSON: one bundle, or `bundles' with the `digest' they
%% are about) and keeps it: all of it or none.
-spec accept(Package :: binary(), Version :: binary(), map(), {Purl :: binary(), options()}) ->
    {ok, [accepted()]} | refused().
accept(Package, Version, Json, {Purl, Options}) ->
    case read(Json) of
        {ok, Bundles, Stated} ->
            Release = (maps:get(release, Options))(Package, Version),
            case tarball(Release, Stated, Bundles) of
                {ok, State, Digest} ->
                    About = #{package => Package, version => Version, digest => Digest},
                    judge_all(Bundles, State, About, Purl, Options);
                {error, _} = Error ->
                    Error
            end;
        {error, _} = Error ->
            Error
    end.

read(#{<<"mediaType">> := _} = Bundle) ->
    read_bundles([Bundle], undefined);
read(#{<<"bundles">> := [_ | _] = Bundles} = Json) when length(Bundles) =< ?MOST_BUNDLES ->
    case {Json, maps:size(Json)} of
        {#{<<"digest">> := Digest}, 2} when is_binary(Digest) -> read_stated(Bundles, Digest);
        {_, 1} -> read_bundles(Bundles, undefined);
        _ -> invalid(<<"digest">>)
    end;
read(_) ->
    invalid(<<"bundles">>).

read_stated(Bundles, Text) ->
    case hex_provenance_api_request:digest(Text) of
        {ok, Digest} -> read_bundles(Bundles, Digest);
        error -> invalid(<<"digest">>)
    end.

%% The bytes that are kept have one spelling, so that whoever gets the bundle within a document can
%% compute its digest.
read_bundles(Bundles, Digest) ->
    case lists:all(fun is_bundle/1, Bundles) of
        true -> {ok, [canonical(Bundle) || Bundle <- Bundles], Digest};
        false -> invalid(<<"mediaType">>)
    end.

is_bundle(#{<<"mediaType">> := ?MEDIA_TYPE}) -> true;
is_bundle(_) -> false.

canonical(Bundle) ->
    {ok, Bytes} = hex_provenance_nif:json_encode(Bundle),
    Bytes.

%% Which tarball it must be about: the one that is there, else the one that is coming.
tarball({ok, #{digest := Digest}}, Stated, _) when Stated =:= undefined; Stated =:= Digest ->
    {ok, attached, Digest};
tarball({ok, #{digest := Digest}}, Stated, _) ->
    Facts = #{
        expected => hex_provenance_api_json:digest(Digest),
        actual => hex_provenance_api_json:digest(Stated)
    },
    hex_provenance_api_error:refuse(release_conflict, Facts);
tarball(not_found, undefined, [First | _]) ->
    case only_subject(hex_provenance_sigstore:bundle_info(First)) of
        {ok, Digest} -> {ok, staged, Digest};
        error -> invalid(<<"digest">>)
    end;
tarball(not_found, Stated, _) ->
    {ok, staged, Stated}.

only_subject({ok, #{content := #{statement := #{<<"subject">> := [Subject]}}}}) ->
    case Subject of
        #{<<"digest">> := #{<<"sha256">> := Hex}} when is_binary(Hex) ->
            hex_provenance_api_request:digest(<<"sha256:", Hex/binary>>);
        _ ->
            error
    end;
only_subject(_) ->
    error.

judge_all(Bundles, State, #{package := Package} = About, Purl, Options) ->
    case lists:sublist((maps:get(publishers, Options))(Package), ?MOST_PUBLISHERS) of
        [] ->
            hex_provenance_api_error:refuse(publisher_missing, #{package => Package});
        Publishers ->
            judge_each(Bundles, Publishers, About, Purl, Options, [], State)
    end.

judge_each([], _, _, _, Options, Sound, State) ->
    keep(lists:reverse(Sound), State, Options, []);
judge_each([Bundle | Rest], Publishers, About, Purl, Options, Sound, State) ->
    case judge(Bundle, Publishers, About, Purl, Options) of
        {ok, One} -> judge_each(Rest, Publishers, About, Purl, Options, [One | Sound], State);
        {error, _} = Error -> Error
    end.

judge(Bundle, Publishers, #{digest := Digest} = About, Purl, Options) ->
    case by_any(Publishers, Bundle, {digest, sha256, Digest}, Options, undefined) of
        {ok, #{evidence := #{content := #{subject := Subject}}, judgement := Judgement}} ->
            named(subject_fits(Subject, Purl, About), Bundle, Judgement, About);
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end.

%% The first publisher's objection is the one that is told.
by_any([], _, _, _, Error) ->
    Error;
by_any([Publisher | Rest], Bundle, Artifact, Options, First) ->
    Sigstore = maps:merge(maps:with([trust], Options), #{identity => identity(Publisher)}),
    Rules = maps:put(expect, expectations(Publisher), maps:get(rules, Options, #{})),
    case hex_provenance_slsa:verify(Bundle, Artifact, Sigstore, Rules) of
        {ok, _} = Sound ->
            Sound;
        {error, _} = Error when First =:= undefined ->
            by_any(Rest, Bundle, Artifact, Options, Error);
        {error, _} ->
            by_any(Rest, Bundle, Artifact, Options, First)
    end.

%% What only the provenance says nobody has confirmed: the certificate must name the repository.
identity(#{repository := Repository} = Publisher) ->
    #{
        issuer => maps:get(issuer, Publisher, ?GITHUB),
        claims => #{source_repository_uri => Repository}
    }.

expectations(#{repository := Repository} = Publisher) ->
    Stated = maps:with([workflow, environment, refs], Publisher),
    Stated#{source => Repository, min_level => 1}.

%% The digest decides; a subject that names a Hex package must name this release all the same.
subject_fits(#{name := <<"pkg:hex/", _/binary>> = Name}, Purl, #{version := Version}) ->
    Name =:= versioned(Purl, binary:replace(Version, <<"+">>, <<"%2B">>, [global]));
subject_fits(_, _, _) ->
    true.

versioned(Purl, Version) ->
    case binary:split(Purl, <<"?">>) of
        [Package, Qualifier] -> <<Package/binary, "@", Version/binary, "?", Qualifier/binary>>;
        [Package] -> <<Package/binary, "@", Version/binary>>
    end.

named(false, _, _, _) ->
    hex_provenance_api_error:refuse(subject_mismatch);
named(true, Bundle, #{predicate_type := ?PROVENANCE} = Judgement, About) ->
    #{builder := Builder, source := Source, level := Level} = Judgement,
    {ok, About#{
        bundle => Bundle,
        bundle_digest => crypto:hash(sha256, Bundle),
        predicate_type => ?PROVENANCE,
        builder => Builder,
        source => Source,
        level => Level
    }};
named(true, _, #{predicate_type := Type}, _) ->
    hex_provenance_api_error:refuse(predicate_refused, #{type => Type}).

keep([], _, _, Kept) ->
    {ok, lists:reverse(Kept)};
keep([#{bundle_digest := Digest, predicate_type := Type} = Sound | Rest], State, Options, Kept) ->
    case (maps:get(keeper(State), Options))(Sound) of
        {ok, Known} ->
            One = #{digest => Digest, predicate_type => Type, state => state(Known, State)},
            keep(Rest, State, Options, [One | Kept]);
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end.

keeper(staged) -> stage;
keeper(attached) -> attach.

state(new, State) -> State;
state(known, _) -> known.

invalid(At) -> hex_provenance_api_error:refuse(request_invalid, #{at => At}).
