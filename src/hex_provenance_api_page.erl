%% @private
%% @doc What the log holds, as pages for a person.
-module(hex_provenance_api_page).

-export([index/2, package/2, release/2]).

-define(SOON, 2).
-define(NEWEST, 20).
-define(MOST_EVENTS, 100).
-define(HTML, <<"text/html; charset=utf-8">>).

-type call() :: hex_provenance_api:call().
-type state() :: hex_provenance_api:state().
-type answer() :: hex_provenance_api:answer().

%% @doc What the log is and what happened last; or on to a package that was asked for.
-spec index(call(), state()) -> answer().
index(#{parameters := #{<<"package">> := Name}}, _) ->
    case hex_provenance_api_request:package_name(string:lowercase(string:trim(Name))) of
        {ok, Package} -> {ok, see_other(<<"/packages/", Package/binary>>)};
        error -> hex_provenance_api_error:refuse(not_found)
    end;
index(_, #{reader := Reader} = State) ->
    case hex_provenance_log_reader:newest_entries(Reader, ?NEWEST) of
        {ok, Items} -> with_place(State, fun(Place, Log) -> index_page(Place, Log, Items) end);
        {error, checkpoint_missing} -> hex_provenance_api_error:refuse(log_empty);
        {error, Error} -> hex_provenance_api_error:refuse(Error)
    end.

index_page(Place, #{root := Root, signers := Signers}, Items) ->
    hex_provenance_page:index(#{
        place => Place,
        root => base64:encode(Root),
        signers => Signers,
        events => [event(Item) || Item <- Items]
    }).

see_other(Path) ->
    #{headers := Headers} = Response = hex_provenance_api_response:bytes(303, none, ?HTML, <<>>),
    Response#{headers := [{<<"location">>, Path} | Headers]}.

%% @doc A package's history.
-spec package(call(), state()) -> answer().
package(#{bindings := #{package := Name}, parameters := Given}, #{reader := Reader} = State) ->
    Filter = maps:from_list(
        [{limit, ?MOST_EVENTS} | [{'after', After} || #{<<"after">> := After} <- [Given]]]
    ),
    Purl = hex_provenance_api_read:purl(Name, State),
    case hex_provenance_log_reader:package(Reader, Purl, Filter, newest) of
        {ok, #{items := Items, next_after := Next}} ->
            with_place(State, fun(Place, _) ->
                hex_provenance_page:package(#{
                    place => Place,
                    name => Name,
                    events => [event(Item) || Item <- Items],
                    later => Next
                })
            end);
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end.

%% @doc One release.
-spec release(call(), state()) -> answer().
release(#{bindings := #{package := Name, version := Version}} = Call, State) ->
    #{reader := Reader} = State,
    Filter = #{limit => ?MOST_EVENTS},
    Purl = hex_provenance_api_read:purl(Name, State),
    case hex_provenance_log_reader:release(Reader, Purl, Version, Filter) of
        {ok, Listing} ->
            with_place(State, fun(Place, _) ->
                release_page(Place, Name, Version, Listing, url(Call, State), State)
            end);
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end.

release_page(Place, Name, Version, #{items := Items, linked := Linked}, Url, State) ->
    Digest = digest(Items),
    hex_provenance_page:release(#{
        place => Place,
        name => Name,
        version => Version,
        state => release_state(Items),
        digest => text_digest(Digest),
        provenance => [provenance(One, Digest, State) || One <- Linked],
        events => [event(Item) || Item <- Items],
        proof => proof(Items),
        url => Url
    }).

%% The state after all of the version's events, as a client replays them.
release_state(Items) ->
    lists:foldl(fun after_event/2, unknown, [Event || #{event := Event} <- Items]).

after_event(publish, unknown) -> published;
after_event(publish, unpublished) -> published;
after_event(publish, _) -> replaced;
after_event(unpublish, _) -> unpublished;
after_event(retire, unpublished) -> unpublished;
after_event(retire, _) -> retired;
after_event(unretire, retired) -> published;
after_event(_, State) -> State.

digest(Items) ->
    case [Leaf || #{event := publish, leaf := Leaf} <- Items] of
        [] -> undefined;
        Leaves -> leaf_digest(hex_provenance_nif:json_decode(lists:last(Leaves)))
    end.

leaf_digest({ok, #{<<"subjects">> := [Subject | _]}}) ->
    {ok, Digest} = hex_provenance_api_request:digest(Subject),
    Digest;
leaf_digest(_) ->
    undefined.

text_digest(undefined) -> undefined;
text_digest(Digest) -> hex_provenance_api_json:digest(Digest).

proof([]) -> undefined;
proof(Items) ->
    #{index := Index, inclusion := Hashes} = lists:last(Items),
    #{index => Index, hashes => length(Hashes)}.

provenance({Digest, undefined}, _, _) ->
    #{digest => hex_provenance_api_json:digest(Digest), withheld => true};
provenance({Digest, Bundle}, Tarball, State) ->
    Shown = shown(hex_provenance_inspect:inspect(Bundle, inspection(Tarball, State))),
    Shown#{digest => hex_provenance_api_json:digest(Digest)}.

inspection(Tarball, State) ->
    Publishing = maps:get(publishing, State, #{}),
    Options = maps:with([trust, rules], Publishing),
    Artifact = [{artifact, {digest, sha256, Tarball}} || is_binary(Tarball)],
    maps:merge(Options, maps:from_list(Artifact)).

shown({ok, #{verified := Verified, judgement := #{} = Judgement, error := Error}}) ->
    #{invocation := Run, level := Level} = Judgement,
    (maps:with([source, ref, commit, workflow, builder, signer], Judgement))#{
        run => Run, level => Level, verified => Verified, problem => problem(Error)
    };
shown({ok, #{verified := Verified, error := Error}}) ->
    (nothing_shown())#{verified => Verified, problem => problem(Error)};
shown({error, Error}) ->
    (nothing_shown())#{verified => false, problem => problem(Error)}.

nothing_shown() ->
    maps:from_keys([source, ref, commit, workflow, builder, signer, run, level], undefined).

problem(undefined) -> undefined;
problem(#{message := Message}) -> Message.

%% What an entry says, as much of it as a table shows.
event(#{index := Index, event := undefined, leaf := Leaf}) ->
    blank(Index, log_event(hex_provenance_nif:json_decode(Leaf)));
event(#{index := Index, event := Event} = Item) ->
    #{package := Package, version := Version, statement := Statement} = Item,
    Predicate = predicate(Statement),
    (blank(Index, atom_to_binary(Event)))#{
        package => Package,
        name => name(Package),
        version => Version,
        time => time(Predicate),
        actor => actor(Predicate),
        note => note(Predicate)
    }.

blank(Index, Event) ->
    #{
        index => Index,
        event => Event,
        package => undefined,
        name => <<>>,
        version => undefined,
        time => undefined,
        actor => undefined,
        note => undefined
    }.

log_event({ok, #{<<"type">> := 2}}) -> <<"heads">>;
log_event({ok, #{<<"type">> := 3}}) -> <<"key">>;
log_event(_) -> <<"other">>.

name(Purl) ->
    [Path | _] = binary:split(Purl, <<"?">>),
    lists:last(binary:split(Path, <<"/">>, [global])).

predicate(undefined) ->
    #{<<"message">> => <<"redacted">>};
predicate(Statement) ->
    {ok, #{<<"predicate">> := Predicate}} = hex_provenance_nif:json_decode(Statement),
    Predicate.

time(#{<<"occurredAt">> := Text}) ->
    calendar:rfc3339_to_system_time(binary_to_list(Text), [{unit, second}]);
time(_) ->
    undefined.

actor(#{<<"actor">> := #{<<"kind">> := <<"oidc">>, <<"repository">> := Repository}}) -> Repository;
actor(#{<<"actor">> := #{<<"handle">> := Handle}}) when is_binary(Handle) -> Handle;
actor(#{<<"actor">> := #{<<"id">> := Id}}) when is_binary(Id) -> Id;
actor(#{<<"actor">> := #{<<"kind">> := Kind}}) -> Kind;
actor(_) -> undefined.

note(Predicate) ->
    Parts = [
        Text
     || Key <- [<<"action">>, <<"state">>, <<"reason">>, <<"message">>],
        #{Key := Text} <- [Predicate],
        is_binary(Text)
    ],
    case Parts ++ advisory(Predicate) ++ links(Predicate) of
        [] -> undefined;
        Notes -> iolist_to_binary(lists:join(<<", ">>, Notes))
    end.

advisory(#{<<"advisory">> := #{<<"id">> := Id}}) -> [Id];
advisory(_) -> [].

links(#{<<"provenance">> := []}) -> [<<"no provenance">>];
links(#{<<"provenance">> := [_ | _]}) -> [<<"with provenance">>];
links(_) -> [].

with_place(#{reader := Reader, registry := Registry}, Page) ->
    case hex_provenance_log_reader:checkpoint(Reader) of
        {ok, #{size := Size, root := Root, note := Note}} ->
            {ok, #{origin := Origin, signatures := Signatures}} =
                hex_provenance_log_nif:log_note(Note),
            Place = #{registry => Registry, origin => Origin, size => Size},
            Log = #{root => Root, signers => [Name || #{name := Name} <- Signatures]},
            {ok, html(Page(Place, Log))};
        {error, Error} ->
            hex_provenance_api_error:refuse(Error)
    end.

html(Page) ->
    #{headers := Headers} = Response = hex_provenance_api_response:bytes(200, ?SOON, ?HTML, Page),
    More = [
        {<<"content-security-policy">>, hex_provenance_page:security_policy()},
        {<<"referrer-policy">>, <<"no-referrer">>}
    ],
    Response#{headers := More ++ Headers}.

%% Where this service is reached: as its operator says, else as the client calls it.
url(_, #{url := Url}) ->
    Url;
url(#{request := Request}, _) ->
    Host = hex_provenance_api_request:header(<<"host">>, Request),
    case is_binary(Host) andalso re:run(Host, "^[A-Za-z0-9.-]+(:[0-9]+)?$", [{capture, none}]) of
        match -> <<"http://", Host/binary>>;
        _ -> <<"http://localhost">>
    end.
