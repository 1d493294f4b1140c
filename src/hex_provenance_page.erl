%% @private
%% @doc Pages for a person: who built what, from where, and how to check that oneself.
%%
%% Plain HTML without scripts; everything that comes from outside is escaped. The one style sheet
%% stands in the page, and the content security policy admits nothing but it.
-module(hex_provenance_page).

-export([index/1, package/1, release/1, security_policy/0]).

-export_type([index/0, package/0, release/0, event/0, provenance/0, place/0]).

-type place() :: #{registry := binary(), origin := binary(), size := non_neg_integer()}.
%% Which registry, and the log as of which checkpoint.

-type index() :: #{place := place(), root := binary(), signers := [binary()], events := [event()]}.

-type package() :: #{
    place := place(),
    name := binary(),
    events := [event()],
    later := non_neg_integer() | undefined
}.
%% `later': the index that the next page begins after.

-type release() :: #{
    place := place(),
    name := binary(),
    version := binary(),
    state := published | replaced | retired | unpublished | unknown,
    digest := binary() | undefined,
    provenance := [provenance()],
    events := [event()],
    proof := undefined | #{index := non_neg_integer(), hashes := non_neg_integer()},
    url := binary()
}.

-type event() :: #{
    index := non_neg_integer(),
    event := binary(),
    package := binary() | undefined,
    name => binary(),
    version := binary() | undefined,
    time := integer() | undefined,
    actor := binary() | undefined,
    note := binary() | undefined
}.

-type provenance() :: #{
    digest := binary(),
    verified := boolean(),
    problem := binary() | undefined,
    source := binary() | undefined,
    ref := binary() | undefined,
    commit := binary() | undefined,
    workflow := binary() | undefined,
    builder := binary() | undefined,
    signer := binary() | undefined,
    run := binary() | undefined,
    level := 0..3 | undefined
}
| #{digest := binary(), withheld := true}.

%% @doc What the log is, and what happened last.
-spec index(index()) -> binary().
index(#{place := Place, root := Root, signers := Signers, events := Events}) ->
    #{registry := Registry, origin := Origin, size := Size} = Place,
    page(Place, [Registry, " attestation log"], [], [
        "<h1>Who built what, from where</h1>",
        "<p class=lead>",
        escape(Registry),
        " signs what happens to its packages and enters it in a public log that nobody can change "
        "afterwards without being noticed. Publishers add proof of where a release was built "
        "and from which source.</p>",
        "<form action=\"/\" method=get role=search><label for=package>Package</label>"
        "<input id=package name=package autocomplete=off autocapitalize=none spellcheck=false "
        "required pattern=\"[a-z0-9_]+\" maxlength=128 placeholder=phoenix>"
        "<button>Look it up</button></form>",
        section("newest", "Newest entries", events(Events, with_package)),
        section("log", "The log", [
            facts([
                {"Origin", code(Origin)},
                {"Entries", integer_to_binary(Size)},
                {"Root", code(Root)},
                {"Signed by", lists:join(", ", [code(Signer) || Signer <- Signers])}
            ]),
            "<p>Follow it with any client of C2SP tiled logs: ",
            anchor("/log/checkpoint", "checkpoint"),
            ", ",
            anchor("/log/vkey", "key"),
            ". Trust a key you got elsewhere, not this one.</p>"
        ])
    ]).

%% @doc A package's history.
-spec package(package()) -> binary().
package(#{place := Place, name := Name, events := Events, later := Later}) ->
    Releases = lists:usort([Version || #{version := Version} <- Events, Version =/= undefined]),
    page(Place, [Name, " attestations"], [{"/", "Log"}], [
        ["<h1>", escape(Name), "</h1>"],
        nothing_known(Events),
        section("releases", "Releases seen below", [
            "<ul class=row>",
            [["<li>", anchor(release_path(Name, One), One), "</li>"] || One <- Releases],
            "</ul>"
        ]),
        section("history", "History", [events(Events, with_version), more(Name, Later)])
    ]).

nothing_known([]) -> "<p class=lead>The log has no entry about this package.</p>";
nothing_known(_) -> [].

more(_, undefined) ->
    [];
more(Name, After) ->
    Path = ["/packages/", Name, "?after=", integer_to_binary(After)],
    ["<p>", anchor(iolist_to_binary(Path), "Later entries"), "</p>"].

%% @doc One release: its provenance, its state, its proof.
-spec release(release()) -> binary().
release(#{place := Place, name := Name, version := Version} = Release) ->
    #{provenance := Provenance, events := Events} = Release,
    Up = [{"/", "Log"}, {iolist_to_binary(["/packages/", Name]), Name}],
    page(Place, [Name, " ", Version, " attestations"], Up, [
        ["<h1>", escape(Name), " ", escape(Version), "</h1>"],
        state(Release),
        section("built", "Who built it, from where", provenance(Provenance)),
        section("timeline", "What happened", events(Events, alone)),
        section("proof", "Proof", proof(Release)),
        section("check", "Check it yourself", check(Release))
    ]).

state(#{state := State, digest := Digest}) ->
    {Class, Text} = state_text(State),
    [
        ["<p class=\"state ", Class, "\">", Text, "</p>"],
        facts([{"Tarball", code(Digest)} || Digest =/= undefined])
    ].

state_text(published) ->
    {"good", "Published, and the log says nothing against it."};
state_text(replaced) ->
    {"bad", "Published more than once: its bytes were replaced. The digest below is the newest."};
state_text(retired) ->
    {"bad", "Retired: whoever publishes it advises against using it."};
state_text(unpublished) ->
    {"bad", "Taken back: it is no longer published."};
state_text(unknown) ->
    {"bad", "The log has no entry that publishes this version."}.

provenance([]) ->
    "<p>There is no build provenance: nobody has proven from which source these bytes were "
    "built. The registry vouches only for when it received them, and from whom.</p>";
provenance(Many) ->
    [one_provenance(One) || One <- Many].

one_provenance(#{withheld := true, digest := Digest}) ->
    [
        "<p class=\"state bad\">An attestation that the log links is not handed out here. Clients "
        "refuse this release.</p>",
        facts([{"Attestation", code(Digest)}])
    ];
one_provenance(#{verified := Verified, level := Level} = One) ->
    #{source := Source, builder := Builder, workflow := Workflow, run := Run} = One,
    #{ref := Ref, commit := Commit, signer := Signer, digest := Digest} = One,
    [
        verdict(Verified, One),
        facts([
            {"Source", external(Source)},
            {"Commit", code(Commit)},
            {"Ref", code(Ref)},
            {"Workflow", code(Workflow)},
            {"Built by", code(Builder)},
            {"Signed by", code(Signer)},
            {"Run", external(Run)},
            {"SLSA build level", level(Level)},
            {"Attestation", anchor(blob_path(Digest), Digest)}
        ])
    ].

verdict(true, _) ->
    "<p class=\"state good\">This server verified the signature, and that the certificate says the "
    "same.</p>";
verdict(false, #{problem := Problem}) ->
    [
        "<p class=\"state bad\">Not verified by this server: what follows is only what the "
        "attestation says. ",
        escape(Problem),
        "</p>"
    ].

level(undefined) -> undefined;
level(Level) -> integer_to_binary(Level).

events([], _) ->
    "<p>None.</p>";
events(Events, Kind) ->
    Columns = ["Entry", "Event"] ++ column(Kind) ++ ["When", "By", "Details"],
    [
        %% The roles are what these elements are anyway, except where a narrow screen stacks them.
        "<table role=table><thead role=rowgroup><tr role=row>",
        [["<th role=columnheader scope=col>", Column, "</th>"] || Column <- Columns],
        "</tr></thead><tbody role=rowgroup>",
        [row(Event, Kind) || Event <- Events],
        "</tbody></table>"
    ].

column(with_package) -> ["Release"];
column(with_version) -> ["Version"];
column(alone) -> [].

row(#{index := Index, event := Word, time := Time, actor := Actor, note := Note} = Event, Kind) ->
    [
        "<tr role=row><th role=rowheader scope=row>",
        anchor(entry_path(Index), integer_to_binary(Index)),
        "</th>",
        cell(["<span class=\"event ", Word, "\">", Word, "</span>"]),
        [cell(release_of(Event, Kind)) || Kind =/= alone],
        cell(time(Time)),
        cell(escape(Actor)),
        cell(escape(Note)),
        "</tr>"
    ].

cell(Content) -> ["<td role=cell>", Content, "</td>"].

release_of(#{name := Name, version := undefined}, with_package) ->
    anchor(iolist_to_binary(["/packages/", Name]), Name);
release_of(#{name := Name, version := Version}, with_package) ->
    anchor(release_path(Name, Version), [Name, " ", Version]);
release_of(#{name := Name, version := Version}, with_version) when Version =/= undefined ->
    anchor(release_path(Name, Version), Version);
release_of(_, _) ->
    [].

proof(#{proof := undefined}) ->
    "<p>There is nothing to prove yet.</p>";
proof(#{proof := #{index := Index, hashes := Count}, place := #{size := Size}}) ->
    [
        "<p>Entry ",
        anchor(entry_path(Index), integer_to_binary(Index)),
        " of ",
        integer_to_binary(Size),
        " is in the log: ",
        integer_to_binary(Count),
        " hashes lead from it to the signed root. ",
        anchor(proof_path(Index, Size), "The proof as text"),
        " (C2SP tlog-proof).</p>"
    ].

check(#{name := Name, version := Version, url := Url, provenance := Provenance}) ->
    Api = [Url, "/api/packages/", Name, "/releases/", version_path(Version), "/attestations"],
    Fetch = ["mix hex.package fetch ", Name, " ", Version],
    Bundles = [One || #{verified := _} = One <- Provenance],
    [
        "<p>Nothing on this page needs to be believed. Fetch the bytes you would install and "
        "compare them with what was signed:</p>",
        [command([Fetch | inspection(Name, Version, Url, One)]) || One <- Bundles],
        [command([Fetch, ["sha256sum ", Name, "-", Version, ".tar"]]) || Bundles =:= []],
        "<p>All signed statements about this release, each with its proof:</p>",
        command([["curl ", Api]])
    ].

inspection(Name, Version, Url, #{digest := Digest}) ->
    [
        ["curl -o bundle.sigstore.json ", Url, blob_path(Digest)],
        ["mix provenance.inspect bundle.sigstore.json --artifact ", Name, "-", Version, ".tar"]
    ].

command(Lines) ->
    Text = lists:join("\n", [escape(iolist_to_binary(Line)) || Line <- Lines]),
    ["<pre tabindex=0><code>", Text, "</code></pre>"].

release_path(Name, Version) ->
    iolist_to_binary(["/packages/", Name, "/", version_path(Version)]).

version_path(Version) -> binary:replace(Version, <<"+">>, <<"%2B">>, [global]).

entry_path(Index) ->
    iolist_to_binary(["/api/log/entries?start=", integer_to_binary(Index), "&limit=1"]).

proof_path(Index, Size) ->
    Parts = ["/api/log/entries/", integer_to_binary(Index), ".tlog-proof?size="],
    iolist_to_binary([Parts, integer_to_binary(Size)]).

blob_path(<<"sha256:", Hex/binary>>) -> <<"/api/blobs/sha256/", Hex/binary>>.

facts(Pairs) ->
    Known = [{Name, Value} || {Name, Value} <- Pairs, Value =/= undefined],
    [["<dl>", [["<dt>", N, "</dt><dd>", V, "</dd>"] || {N, V} <- Known], "</dl>"] || Known =/= []].

section(Id, Title, Content) ->
    [
        ["<section aria-labelledby=", Id, "><h2 id=", Id, ">", Title, "</h2>"],
        Content,
        "</section>"
    ].

code(undefined) -> undefined;
code(Text) -> ["<code>", escape(Text), "</code>"].

anchor(Path, Text) ->
    ["<a href=\"", escape(Path), "\">", escape(iolist_to_binary(Text)), "</a>"].

%% Only what cannot be anything but a page of that site.
external(<<"https://", _/binary>> = Url) ->
    ["<a rel=\"nofollow noreferrer\" href=\"", escape(Url), "\">", escape(Url), "</a>"];
external(Text) ->
    code(Text).

time(undefined) ->
    <<>>;
time(Seconds) ->
    Text = calendar:system_time_to_rfc3339(Seconds, [{offset, "Z"}]),
    {{Year, Month, Day}, {Hour, Minute, _}} =
        calendar:system_time_to_universal_time(Seconds, second),
    Format = "~4..0b-~2..0b-~2..0b ~2..0b:~2..0b",
    Shown = io_lib:format(Format, [Year, Month, Day, Hour, Minute]),
    ["<time datetime=\"", Text, "\">", Shown, " UTC</time>"].

page(#{registry := Registry, origin := Origin, size := Size}, Title, Up, Content) ->
    unicode:characters_to_binary([
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content=\"width=device-width, initial-scale=1\"><title>",
        escape(iolist_to_binary(Title)),
        "</title><style>",
        style(),
        "</style></head><body><a class=skip href=\"#main\">Skip to the content</a><header>",
        "<a class=home href=\"/\">",
        escape(Registry),
        " <span>attestations</span></a></header><main id=main>",
        breadcrumbs(Up),
        Content,
        "</main><footer><p>As of ",
        integer_to_binary(Size),
        " entries of ",
        escape(Origin),
        ".</p></footer></body></html>\n"
    ]).

breadcrumbs([]) ->
    [];
breadcrumbs(Up) ->
    [
        "<nav aria-label=Breadcrumb><ol>",
        [["<li>", anchor(Path, Text), "</li>"] || {Path, Text} <- Up],
        "</ol></nav>"
    ].

escape(undefined) -> <<>>;
escape(Text) -> << <<(escaped(Char))/binary>> || <<Char/utf8>> <= iolist_to_binary(Text)>>.

escaped($<) -> <<"&lt;">>;
escaped($>) -> <<"&gt;">>;
escaped($&) -> <<"&amp;">>;
escaped($") -> <<"&quot;">>;
escaped($') -> <<"&#39;">>;
escaped(Char) ->
    %% What would steer the terminal or the reading direction is shown as what it is.
    case is_control(Char) of
        true -> <<16#fffd/utf8>>;
        false -> <<Char/utf8>>
    end.

is_control(Char) ->
    Char < 32 orelse (Char >= 127 andalso Char < 160) orelse
        Char =:= 16#200e orelse Char =:= 16#200f orelse
        (Char >= 16#202a andalso Char =< 16#202e) orelse
        (Char >= 16#2066 andalso Char =< 16#2069).

%% @doc The header that admits this style sheet and nothing else.
-spec security_policy() -> binary().
security_policy() ->
    Hash = base64:encode(crypto:hash(sha256, style())),
    <<"default-src 'none'; style-src 'sha256-", Hash/binary,
        "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'">>.

style() ->
    <<
        ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--soft:#f3f4f7;"
        "--line:#d4d8de;--link:#5b21b6;--good:#0f5132;--good-soft:#e3f4e9;--bad:#842029;"
        "--bad-soft:#fbe9ea}"
        "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--dim:#a3abb5;--paper:#14161a;"
        "--soft:#1e2127;--line:#363b44;--link:#c4a7f5;--good:#9be0b5;--good-soft:#12301f;"
        "--bad:#f5b5b9;--bad-soft:#3d161a}}"
        "*{box-sizing:border-box}"
        "body{margin:0;background:var(--paper);color:var(--ink);"
        "font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",sans-serif}"
        "header,main,footer{max-width:60rem;margin:0 auto;padding:0 1rem}"
        "header{padding-top:1rem;padding-bottom:1rem}"
        "header .home{font-weight:700;color:var(--ink);text-decoration:none}"
        "header .home span{font-weight:400;color:var(--dim)}"
        "a{color:var(--link);overflow-wrap:anywhere}a:hover{text-decoration-thickness:2px}"
        ":focus-visible{outline:3px solid var(--link);outline-offset:2px}"
        ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:"
        "var(--paper);padding:.5rem}"
        "h1{font-size:1.9rem;line-height:1.2;margin:.5rem 0 1rem;overflow-wrap:anywhere}"
        "h2{font-size:1.2rem;margin:0 0 .75rem}"
        ".lead{font-size:1.1rem;max-width:44rem}"
        "section{margin:2rem 0;padding-top:1.5rem;border-top:1px solid var(--line)}"
        "nav ol,ul.row{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.25rem "
        "1rem}"
        "nav li+li::before{content:\"/\";color:var(--dim);margin-right:1rem}"
        "dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.4rem 1.25rem;"
        "margin:0 0 1rem}"
        "dt{color:var(--dim)}dd{margin:0;min-width:0;overflow-wrap:anywhere}"
        "code,pre{font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,\"Liberation Mono\",monospace}"
        "code{overflow-wrap:anywhere}"
        "pre{background:var(--soft);border:1px solid var(--line);border-radius:.4rem;"
        "padding:.75rem 1rem;white-space:pre-wrap;user-select:all}"
        ".state{border-left:.3rem solid;border-radius:.2rem;padding:.6rem 1rem;margin:0 0 1rem}"
        ".good{color:var(--good);background:var(--good-soft)}"
        ".bad{color:var(--bad);background:var(--bad-soft)}"
        "table{border-collapse:collapse;width:100%;font-size:.95rem}"
        "th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;"
        "border-bottom:1px solid var(--line)}"
        "thead th{color:var(--dim);font-weight:600;font-size:.85rem}"
        "tbody th{font-weight:400}td time,th a{white-space:nowrap}td a{overflow-wrap:normal}"
        "td:last-child{overflow-wrap:anywhere;padding-right:0}"
        ".event{background:var(--soft);border-radius:.3rem;padding:.1rem .45rem;white-space:nowrap}"
        ".event.unpublish,.event.retire,.event.vulnerability{background:var(--bad-soft);"
        "color:var(--bad)}"
        ".event.provenance{background:var(--good-soft);color:var(--good)}"
        "form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:1.5rem 0}"
        "input,button{font:inherit;padding:.5rem .75rem;border:1px solid var(--dim);"
        "border-radius:.4rem;background:var(--paper);color:var(--ink);min-width:0}"
        "input{flex:1 1 12rem;max-width:24rem}"
        "button{background:var(--link);border-color:var(--link);color:var(--paper);cursor:pointer}"
        "footer{color:var(--dim);border-top:1px solid var(--line);margin-top:3rem;"
        "overflow-wrap:anywhere}"
        "@media(max-width:34rem){h1{font-size:1.5rem}dl{grid-template-columns:1fr;gap:0}"
        "dd{margin-bottom:.6rem}thead{position:absolute;left:-99rem}table,tbody{display:block}"
        "tbody tr{display:flex;flex-wrap:wrap;gap:.2rem .8rem;padding:.6rem 0;border-bottom:1px "
        "solid var(--line)}th,td{border:0;padding:0}td:empty{display:none}}"
    >>.
