%% What is written in more than one place says the same everywhere.
-module(hex_provenance_consistency_tests).

-include_lib("eunit/include/eunit.hrl").

version_test_() ->
    Version = maps:get(vsn, app()),
    [
        ?_assertEqual(Version, binary_to_list(hex_provenance:version())),
        ?_assertEqual(Version, found("gleam.toml", "^version = \"(.*)\"$")),
        ?_assertEqual(Version, found("Cargo.toml", "^version = \"(.*)\"$")),
        ?_assertEqual(Version, found("Cargo.toml", "^provenance-sigstore = .*version = \"(.*?)\"")),
        ?_assertEqual(Version, locked("hex_provenance_nif")),
        ?_assertEqual(Version, locked("provenance-sigstore")),
        ?_assertMatch({match, _}, re:run(read("mix.exs"), "src/hex_provenance.app.src"))
    ].

locked(Crate) ->
    found("Cargo.lock", "^name = \"" ++ Crate ++ "\"\nversion = \"(.*)\"$").

%% Beyond kernel, stdlib and elixir, which each tool adds by itself, or not.
applications_test() ->
    Own = maps:get(applications, app()) -- [kernel, stdlib],
    Options = [multiline, {capture, [1], list}],
    Gleam =
        case re:run(read("gleam.toml"), "^extra_applications = (\\[.*\\])$", Options) of
            {match, [List]} -> [list_to_atom(Name) || Name <- string:lexemes(List, "[]\", ")];
            nomatch -> []
        end,
    ?assertEqual(Own, Gleam).

error_codes_test() ->
    Codes = [Code || #{code := Code} <- hex_provenance_error:catalogue()],
    ?assertEqual(lists:sort(Codes), lists:sort(union(hex_provenance_error, code))),
    ?assertEqual(lists:sort(Codes), gleam_constructors("error.gleam", "Code")).

stages_test() ->
    Stages = lists:sort(union(hex_provenance_error, stage)),
    ?assertEqual(Stages, gleam_constructors("error.gleam", "Stage")),
    Used = [Stage || #{stage := Stage} <- hex_provenance_error:catalogue()],
    ?assertEqual(Stages, lists:usort(Used)).

claims_test() ->
    {ok, #{claims := Claims}} = hex_provenance_nif:sigstore_catalogue(),
    ?assertEqual(lists:sort(Claims), lists:sort(union(hex_provenance_sigstore, claim))),
    ?assertEqual(lists:sort(Claims), gleam_constructors("claim.gleam", "Claim")).

checks_test() ->
    {ok, #{checks := Checks}} = hex_provenance_nif:sigstore_catalogue(),
    ?assertEqual(lists:sort(Checks), lists:sort(union(hex_provenance_sigstore, check))),
    ?assertEqual(lists:sort(Checks), gleam_constructors("check.gleam", "Check")).

limits_test() ->
    {ok, #{limits := Limits}} = hex_provenance_nif:sigstore_catalogue(),
    ?assertMatch(#{limits := Limits}, hex_provenance_sigstore:default_options()),
    ?assertEqual(lists:sort(maps:keys(Limits)), gleam_constructors("sigstore.gleam", "Limit")).

slsa_tables_test() ->
    {ok, #{errors := Errors, limits := Limits} = Tables} = hex_provenance_nif:slsa_catalogue(),
    #{dialects := Dialects, requirements := Requirements} = Tables,
    Union = fun(Type) -> lists:sort(union(hex_provenance_slsa, Type)) end,
    ?assertEqual(lists:sort(Dialects), Union(dialect)),
    ?assertEqual(lists:sort(Dialects), gleam_constructors("slsa.gleam", "Dialect")),
    ?assertEqual(lists:sort(Requirements), Union(requirement)),
    ?assertEqual(lists:sort(Requirements), gleam_constructors("slsa.gleam", "Requirement")),
    ?assertMatch(#{limits := Limits}, hex_provenance_slsa:default_options()),
    ?assertEqual(lists:sort(maps:keys(Limits)), gleam_constructors("slsa.gleam", "Limit")),
    ?assertNotEqual([], Errors).

registry_tables_test() ->
    {ok, Tables} = hex_provenance_registry:catalogue(),
    Names = hex_provenance_registry:event_names(),
    ?assertEqual(lists:sort(maps:get(event, Tables)), lists:sort(Names)),
    [
        ?assertEqual(lists:sort(maps:get(Table, Tables)), gleam_constructors(File, Type))
     || {Table, File, Type} <- [
            {event, "event.gleam", "Event"},
            {reason, "registry.gleam", "Reason"},
            {state, "registry.gleam", "AdvisoryState"},
            {format, "registry.gleam", "Format"},
            {status, "registry.gleam", "Status"},
            {level, "registry.gleam", "OwnerLevel"},
            {owners, "registry.gleam", "OwnerAction"},
            {package, "registry.gleam", "PackageAction"}
        ]
    ].

%% A code that several libraries have means the same in all of them.
shared_codes_test() ->
    Catalogues = [
        hex_provenance_nif:sigstore_catalogue(),
        hex_provenance_nif:slsa_catalogue(),
        hex_provenance_nif:registry_catalogue(),
        hex_provenance_nif:log_catalogue()
    ],
    All = [Entry || {ok, #{errors := Errors}} <- Catalogues, Entry <- Errors],
    Facts = fun(#{code := Code, stage := Stage, details := Details}) -> {Code, Stage, Details} end,
    Codes = lists:usort([Code || #{code := Code} <- All]),
    ?assertEqual(length(Codes), length(lists:usort([Facts(Entry) || Entry <- All]))).

log_tables_test() ->
    {ok, #{misbehaviour := Kinds}} = hex_provenance_nif:log_catalogue(),
    Names = union(hex_provenance_registry, event_name),
    ?assertEqual(lists:sort(Names), gleam_constructors("log.gleam", "EventName")),
    %% Names that are taken in Gleam's module.
    Others = [of_watched, key_changed, redacted, kept_back],
    ?assertEqual(
        lists:sort(Others ++ (Kinds -- [withheld])), gleam_constructors("log.gleam", "Kind")
    ).

the_default_options_are_options_test() ->
    Options = hex_provenance_sigstore:default_options(),
    ?assertMatch({ok, _}, hex_provenance_nif:sigstore_verifier(Options)).

app() ->
    {ok, [{application, hex_provenance, Properties}]} = file:consult("src/hex_provenance.app.src"),
    maps:from_list(Properties).

found(File, Pattern) ->
    {match, [Found]} = re:run(read(File), Pattern, [multiline, {capture, [1], list}]),
    Found.

read(File) ->
    {ok, Text} = file:read_file(File),
    Text.

%% The atoms of a union type, as the module's source declares it.
union(Module, Type) ->
    Source = filename:join("src", atom_to_list(Module) ++ ".erl"),
    {ok, Forms} = epp:parse_file(Source, []),
    [Atoms] = [
        Of
     || {attribute, _, type, {Name, {type, _, union, Of}, []}} <- Forms, Name =:= Type
    ],
    [Atom || {atom, _, Atom} <- Atoms].

%% The constructors of a Gleam type, as the atoms that they are.
gleam_constructors(File, Type) ->
    Text = read(filename:join("src/hex_provenance", File)),
    First = {capture, [1], list},
    {match, [Body]} = re:run(Text, "pub type " ++ Type ++ " \\{\n(.*?)\n\\}", [dotall, First]),
    {match, Names} = re:run(Body, "^  ([A-Z]\\w*)", [multiline, global, First]),
    lists:sort([snake_case(Name) || [Name] <- Names]).

snake_case([First | Rest]) ->
    list_to_atom(lists:flatten([string:to_lower(First) | [lower(Char) || Char <- Rest]])).

lower(Char) when Char >= $A, Char =< $Z -> [$_, string:to_lower(Char)];
lower(Char) -> Char.
