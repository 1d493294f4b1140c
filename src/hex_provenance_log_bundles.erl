%% @doc Envelopes and publishers' bundles by their digests: kept, staged, handed out, taken back.
-module(hex_provenance_log_bundles).

-export([envelope/2, redact/2]).
-export([stage_bundle/2, staged/4, purge_staged/2, bundle/2]).

-export_type([staged/0]).

-import(hex_provenance_log_rows, [rows/4, key/1, hex/1]).

-type db() :: hex_provenance_sql:db().
-type hash() :: <<_:256>>.
-type error() :: {error, hex_provenance_error:error()}.

-type staged() :: #{bundle_digest := hash(), predicate_type := binary(), bundle := binary()}.

%% @doc The signed envelope that a leaf names by its digest, in its canonical form.
-spec envelope(db(), hash()) -> {ok, binary()} | redacted | not_found | error().
envelope(Db, Digest) ->
    case enveloped(Db, Digest) of
        {ok, [_, Statement, Signature]} when Statement =:= null; Signature =:= null ->
            redacted;
        {ok, [_, Statement, Signature]} ->
            hex_provenance_log_nif:log_envelope(Statement, Signature);
        Other ->
            Other
    end.

enveloped(Db, Digest) ->
    Sql = <<
        "SELECT e.leaf, e.event, v.statement, e.signature FROM hp_key k "
        "JOIN hp_entry e ON e.idx = k.idx JOIN hp_event v ON v.id = e.event WHERE k.key = $1"
    >>,
    Start = iolist_to_binary([<<"{\"envelope\":\"sha256:">>, hex(Digest), $"]),
    case hex_provenance_sql:query(Db, Sql, [key(Digest)]) of
        {ok, Rows, _} ->
            case [Row || [Leaf | Row] <- Rows, begins(Leaf, Start)] of
                [Row | _] -> {ok, Row};
                [] -> not_found
            end;
        {error, _} = Error ->
            Error
    end.

begins(Bytes, Start) -> binary:longest_common_prefix([Bytes, Start]) =:= byte_size(Start).

%% @doc Takes an envelope or a bundle out of the record: its leaf stays, its bytes are gone.
-spec redact(db(), hash()) -> ok | not_found | error().
redact(Db, Digest) ->
    case enveloped(Db, Digest) of
        {ok, [Event | _]} ->
            done(Db, [
                {<<"UPDATE hp_event SET statement = NULL WHERE id = $1">>, [Event], 1},
                {<<"UPDATE hp_entry SET signature = NULL WHERE event = $1">>, [Event], 1}
            ]);
        not_found ->
            Sql = <<"UPDATE hp_bundle SET bundle = NULL, kept = 1 WHERE digest = $1">>,
            done(Db, [{Sql, [{blob, Digest}], 1}]);
        {error, _} = Error ->
            Error
    end.

done(Db, Steps) ->
    case hex_provenance_sql:transaction(Db, Steps) of
        {ok, _} -> ok;
        {conflict, _} -> not_found;
        {error, _} = Error -> Error
    end.

%% @doc Keeps a publisher's bundle (its canonical JSON) for a release until `expires' (Unix
%% seconds), or for good once an event links it. `kept' keeps it for good at once.
-spec stage_bundle(db(), #{
    package := binary(),
    version := binary(),
    digest := hash(),
    bundle := binary(),
    predicate_type := binary(),
    expires := integer(),
    atom() => term()
}) -> {ok, new | known} | error().
stage_bundle(Db, #{bundle := Bundle, expires := Expires} = Staged) ->
    #{package := Package, version := Version, digest := Subject, predicate_type := Type} = Staged,
    Digest = crypto:hash(sha256, Bundle),
    Steps = [
        {
            <<
                "INSERT INTO hp_bundle (digest, bundle) VALUES ($1, $2) "
                "ON CONFLICT (digest) DO NOTHING"
            >>,
            [{blob, Digest}, {blob, Bundle}],
            any
        },
        {
            <<
                "INSERT INTO hp_staged (package, version, subject, bundle, predicate_type, "
                "expires) VALUES ($1, $2, $3, $4, $5, $6) "
                "ON CONFLICT (package, version, subject, bundle) "
                "DO UPDATE SET expires = excluded.expires"
            >>,
            [
                {text, Package},
                {text, Version},
                {blob, Subject},
                {blob, Digest},
                {text, Type},
                Expires
            ],
            1
        }
    ],
    case hex_provenance_sql:transaction(Db, Steps) of
        {ok, [{_, 1} | _]} -> {ok, new};
        {ok, _} -> {ok, known};
        {conflict, _} -> {ok, known};
        {error, _} = Error -> Error
    end.

%% @doc The bundles that are staged for a release, as of `Now'.
-spec staged(db(), Package :: binary(), Version :: binary(), Subject :: hash()) ->
    {ok, [staged()]} | error().
staged(Db, Package, Version, Subject) ->
    Sql = <<
        "SELECT s.bundle, s.predicate_type, b.bundle FROM hp_staged s "
        "JOIN hp_bundle b ON b.digest = s.bundle WHERE s.package = $1 AND s.version = $2 "
        "AND s.subject = $3 AND s.expires >= $4 AND b.bundle IS NOT NULL ORDER BY s.bundle LIMIT 64"
    >>,
    Params = [{text, Package}, {text, Version}, {blob, Subject}, erlang:system_time(second)],
    rows(Db, Sql, Params, fun([Digest, Type, Bundle]) ->
        #{bundle_digest => Digest, predicate_type => Type, bundle => Bundle}
    end).

%% @doc Forgets what was staged until before `Now', and the bundles that no event links.
-spec purge_staged(db(), Now :: integer()) -> ok | error().
purge_staged(Db, Now) ->
    Steps = [
        {<<"DELETE FROM hp_staged WHERE expires < $1">>, [Now], any},
        {
            <<
                "DELETE FROM hp_bundle WHERE kept = 0 AND NOT EXISTS "
                "(SELECT 1 FROM hp_staged WHERE hp_staged.bundle = hp_bundle.digest)"
            >>,
            [],
            any
        }
    ],
    case hex_provenance_sql:transaction(Db, Steps) of
        {error, _} = Error -> Error;
        _ -> ok
    end.

%% @doc A publisher's bundle, by the SHA-256 of its canonical JSON.
-spec bundle(db(), hash()) -> {ok, binary()} | redacted | not_found | error().
bundle(Db, Digest) ->
    Sql = <<"SELECT bundle FROM hp_bundle WHERE digest = $1">>,
    case hex_provenance_sql:query(Db, Sql, [{blob, Digest}]) of
        {ok, [[null]], _} -> redacted;
        {ok, [[Bundle]], _} -> {ok, Bundle};
        {ok, [], _} -> not_found;
        {error, _} = Error -> Error
    end.
