%% @private
%% @doc Where the Erlang face's maps and Gleam's records differ. Nothing is judged here.
-module(hex_provenance_ffi).

-export([verify/3, verify_many/2, bundle_info/1]).
-export([trust_root/1, trust_root_info/1, refresh_trust_root/2]).
-export([sign/2, signing_key/2, public_key/1, refresh_services/2]).

%% For what else reshapes.
-export([answer/2, evidence/1, failure/1, given/1, json/1, matcher/1, option/1, options/1]).
-export([sign_options/1]).

-type answer() :: {ok, term()} | {error, tuple()}.

-spec verify(binary(), term(), tuple()) -> answer().
verify(Bundle, Artifact, Options) ->
    answer(hex_provenance_sigstore:verify(Bundle, Artifact, options(Options)), fun evidence/1).

-spec verify_many([{binary(), term()}], tuple()) -> [answer()].
verify_many(Items, Options) ->
    Convert = fun(Answer) -> answer(Answer, fun evidence/1) end,
    hex_provenance_sigstore:verify_many(Items, options(Options), Convert).

-spec trust_root(term()) -> answer().
trust_root(Source) ->
    answer(hex_provenance_sigstore:trust_root(source(Source)), fun identity/1).

-spec trust_root_info(term()) -> answer().
trust_root_info(TrustRoot) ->
    answer(hex_provenance_sigstore:trust_root_info(TrustRoot), fun root_info/1).

-spec refresh_trust_root(term(), tuple()) -> answer().
refresh_trust_root(Repository, Options) ->
    Answer = hex_provenance_sigstore:refresh_trust_root(
        repository(Repository), refresh_options(Options)
    ),
    answer(Answer, fun identity/1).

-spec refresh_services(term(), tuple()) -> answer().
refresh_services(Repository, Options) ->
    Answer = hex_provenance_sigstore:refresh_services(
        repository(Repository), refresh_options(Options)
    ),
    answer(Answer, fun(#{services := Services, trust := Trust}) ->
        {Services, {prepared, Trust}}
    end).

-spec bundle_info(binary()) -> answer().
bundle_info(Bundle) ->
    answer(hex_provenance_sigstore:bundle_info(Bundle), fun unverified/1).

-spec sign(term(), tuple()) -> answer().
sign(Payload, Options) ->
    Answer = hex_provenance_sigstore:sign(payload(Payload), sign_options(Options)),
    answer(Answer, fun(#{bundle := Bundle, evidence := Evidence}) ->
        {signed, Bundle, evidence(Evidence)}
    end).

-spec signing_key(tuple(), term()) -> answer().
signing_key({Form, Key}, Password) ->
    Source = (given([{password, Password}]))#{Form => Key},
    answer(hex_provenance_sigstore:signing_key(Source), fun identity/1).

-spec public_key(term()) -> answer().
public_key(Key) ->
    Answer = hex_provenance_sigstore:public_key(Key),
    answer(Answer, fun(#{der := Der, key_id := Id, key_algorithm := Algorithm}) ->
        {public, Der, Id, Algorithm}
    end).

%% From Gleam.

payload({'of', Artifact}) -> Artifact;
payload(Statement) -> Statement.

-spec sign_options(tuple()) -> map().
sign_options(
    {options, As, Services, Trust, Log, Timestamps, Identities, Audience, Hint, Limits, Timeout,
        CaFiles, Proxy}
) ->
    maps:merge(sign_as(As), (given(sign_extras(Trust, Identities, Hint, CaFiles)))#{
        services => services(Services),
        log => logging(Log),
        timestamps => Timestamps,
        audience => Audience,
        limits => maps:from_list(Limits),
        timeout => Timeout,
        proxy => proxy(Proxy)
    }).

sign_extras(Trust, Identities, Hint, CaFiles) ->
    [
        {trust, mapped(fun trust_one/1, Trust)},
        {identity, stated([identity_option(One) || One <- Identities])},
        {hint, Hint},
        {ca_files, CaFiles}
    ].

mapped(Fun, {some, Value}) -> {some, Fun(Value)};
mapped(_, none) -> none.

stated([]) -> none;
stated(List) -> {some, List}.

sign_as(ambient) -> #{token => environment};
sign_as({ambient_in, Variable}) -> #{token => {environment, Variable}};
sign_as({token, Fun}) -> #{token => Fun};
sign_as({key, Key}) -> #{key => Key};
sign_as({external_key, {Form, Public}, Sign}) -> #{external_key => #{Form => Public, sign => Sign}}.

services({services_of, Instance}) -> Instance;
services(no_services) -> none;
services(Services) -> Services.

logging(unlogged) -> none;
logging(Log) -> Log.

-spec options(tuple()) -> hex_provenance_sigstore:options().
options({options, Trust, Signer, Untimed, Thresholds, Limits}) ->
    maps:merge(signer_option(Signer), (given([{thresholds, thresholds(Thresholds)}]))#{
        trust => trust(Trust),
        untimed => Untimed,
        limits => maps:from_list(Limits)
    }).

trust([]) -> none;
trust(Trust) -> [trust_one(One) || One <- Trust].

trust_one({prepared, TrustRoot}) -> TrustRoot;
trust_one({from, Source}) -> source(Source).

source({built_in, Instance}) -> Instance;
source(Source) -> Source.

repository({'of', Instance}) -> Instance;
repository({custom, Url, Root}) -> {custom, #{url => Url, root => Root}}.

refresh_options({refresh_options, Timeout, Cache, Offline, CaFiles, Proxy}) ->
    (given([{cache, cache(Cache)}, {ca_files, CaFiles}]))#{
        timeout => Timeout,
        offline => Offline,
        proxy => proxy(Proxy)
    }.

cache(default_cache) -> none;
cache(no_cache) -> {some, none};
cache({folder, Path}) -> {some, Path}.

proxy({proxy_url, Url}) -> Url;
proxy(Proxy) -> Proxy.

signer_option(unstated) -> #{};
signer_option(unchecked) -> #{identity => unchecked};
signer_option({any_of, Identities}) -> #{identity => [identity_option(One) || One <- Identities]};
signer_option({keys, Keys}) -> #{keys => [key_option(Key) || Key <- Keys]}.

identity_option({identity, San, Issuer, Claims}) ->
    Stated = given([{san, matcher(San)}, {issuer, matcher(Issuer)}]),
    case Claims of
        [] -> Stated;
        _ -> Stated#{claims => maps:from_list([{Name, matcher(Value)} || {Name, Value} <- Claims])}
    end.

-spec matcher(term()) -> term().
matcher({some, Matcher}) -> {some, matcher(Matcher)};
matcher({exact, Text}) -> Text;
matcher(Other) -> Other.

key_option({key, {Form, Spki}, Hint, From, To}) ->
    (given([{hint, Hint}, {valid_from, From}, {valid_to, To}]))#{Form => Spki}.

thresholds({some, {thresholds, LogEntries, Timestamps, Scts}}) ->
    {some, #{log_entries => LogEntries, timestamps => Timestamps, scts => Scts}};
thresholds(none) ->
    none.

-spec given([{atom(), none | {some, term()}}]) -> #{atom() => term()}.
given(Options) ->
    maps:from_list([{Name, Value} || {Name, {some, Value}} <- Options]).

%% To Gleam.

-spec answer({ok, term()} | {error, hex_provenance_error:error()}, fun((term()) -> term())) ->
    answer().
answer({ok, Value}, Reshape) -> {ok, Reshape(Value)};
answer({error, Error}, _) -> {error, failure(Error)}.

identity(Value) -> Value.

-spec failure(hex_provenance_error:error()) -> tuple().
failure(#{code := Code, stage := Stage, message := Message} = Error) ->
    #{remedy := Remedy, details := Details} = Error,
    {Also, Facts} =
        case maps:take(also, Details) of
            error -> {[], Details};
            Taken -> Taken
        end,
    Named = [{atom_to_binary(Name), detail(Fact)} || {Name, Fact} <- maps:to_list(Facts)],
    {failure, Code, Stage, Message, Remedy, Named, [failure(One) || One <- Also]}.

detail(Text) when is_binary(Text) -> {text, Text};
detail(Number) -> {number, Number}.

-spec evidence(hex_provenance_sigstore:evidence()) -> tuple().
evidence(#{media_type := MediaType, signer := Signer, trust := Trust} = Evidence) ->
    #{transparency := Transparency, times := Times, ignored_timestamps := Ignored} = Evidence,
    #{log_entries := Entries, content := Content, artifact := Artifact} = Evidence,
    #{checked := Checked, unchecked := Unchecked} = Evidence,
    {evidence, MediaType, signer(Signer), trust_used(Trust), transparency(Transparency),
        [verified_time(Time) || Time <- Times], Ignored, [log_entry(Entry) || Entry <- Entries],
        content(Content), maps:to_list(Artifact), Checked, Unchecked}.

signer(#{kind := certificate, sans := Sans, identity := Identity, issuer := Issuer} = Signer) ->
    #{claims := Claims, unknown_extensions := Unknown, certificate := Certificate} = Signer,
    {certificate_signer, Sans, Identity, option(Issuer), maps:to_list(Claims), Unknown,
        certificate(Certificate)};
signer(#{kind := key, hint := Hint, key_id := Id, key_algorithm := Algorithm} = Signer) ->
    #{valid_from := From, valid_to := To} = Signer,
    {key_signer, Hint, Id, Algorithm, option(From), option(To)}.

certificate(#{der := Der, sha256 := Sha256, serial := Serial} = Certificate) ->
    #{not_before := From, not_after := To} = Certificate,
    #{key_algorithm := Algorithm, sct_times := SctTimes} = Certificate,
    {certificate, Der, Sha256, Serial, From, To, Algorithm, SctTimes}.

trust_used(#{instance := Instance, source := Source, sha256 := Sha256, as_of := AsOf}) ->
    {trust_used, Instance, origin(Source), option(Sha256), option(AsOf)}.

origin(file) -> from_file;
origin(none) -> no_root;
origin(Origin) -> Origin.

transparency(log) -> logged;
transparency(none) -> unlogged.

verified_time(#{time := Time, nanos := Nanos, source := Source, by := By}) ->
    {verified_time, Time, Nanos, Source, By}.

log_entry(#{log := Log, log_id := Id, index := Index, kind := Kind, version := Version} = Entry) ->
    #{integrated_time := Time, inclusion_promise := Promise} = Entry,
    #{checkpoint := Checkpoint, body := Body} = Entry,
    {log_entry, Log, Id, Index, Kind, Version, option(Time), Promise, checkpoint(Checkpoint), Body}.

checkpoint(undefined) -> none;
checkpoint(#{origin := Origin, size := Size, root_hash := Hash, other_signatures := Others}) ->
    {some, {checkpoint, Origin, Size, Hash, Others}}.

content(message) -> message;
content(#{payload_type := Type, statement_bytes := Bytes} = Content) ->
    #{statement := Statement, subject := Subject} = Content,
    {statement, Type, Bytes, json(Statement), subject(Subject)}.

subject(#{index := Index, name := Name, digests := Digests}) ->
    {subject, Index, option(Name), maps:to_list(Digests)}.

root_info(#{instance := Instance, source := Source, sha256 := Sha256, as_of := AsOf} = Info) ->
    #{transparency_logs := Logs, certificate_logs := CertificateLogs} = Info,
    #{certificate_authorities := Authorities, timestamp_authorities := TimestampAuthorities} = Info,
    {info, Instance, origin(Source), Sha256, option(AsOf), Logs, CertificateLogs, Authorities,
        TimestampAuthorities}.

unverified(#{media_type := MediaType, signer := Signer, log_entries := Entries} = Info) ->
    #{timestamps := Timestamps, content := Content} = Info,
    {unverified, MediaType, unverified_signer(Signer),
        [unverified_entry(Entry) || Entry <- Entries], Timestamps, unverified_content(Content)}.

unverified_signer(#{kind := certificate, der := Der, sans := Sans} = Signer) ->
    #{issuer := Issuer, claims := Claims} = Signer,
    {certificate_signer, Der, Sans, option(Issuer), maps:to_list(Claims)};
unverified_signer(#{kind := key, hint := Hint}) ->
    {key_signer, Hint}.

unverified_entry(#{log_id := Id, index := Index, kind := Kind, version := Version} = Entry) ->
    #{integrated_time := Time} = Entry,
    {log_entry, Id, Index, Kind, Version, option(Time)}.

unverified_content(#{kind := message, algorithm := Algorithm, digest := Digest}) ->
    {message, Algorithm, Digest};
unverified_content(#{kind := envelope, payload_type := Type, statement_bytes := Bytes} = Content) ->
    Statement =
        case Content of
            #{statement := undefined} -> none;
            #{statement := Json} -> {some, json(Json)}
        end,
    {envelope, Type, Bytes, Statement}.

-spec json(hex_provenance_sigstore:json()) -> term().
json(null) -> null;
json(Bool) when is_boolean(Bool) -> {bool, Bool};
json(Int) when is_integer(Int) -> {int, Int};
json(Float) when is_float(Float) -> {float, Float};
json(Text) when is_binary(Text) -> {string, Text};
json(List) when is_list(List) -> {array, [json(Value) || Value <- List]};
json(Map) -> {object, [{Name, json(Value)} || {Name, Value} <- maps:to_list(Map)]}.

-spec option(term()) -> none | {some, term()}.
option(undefined) -> none;
option(Value) -> {some, Value}.
