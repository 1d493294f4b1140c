%% @private
%% @doc What script/sigstore-conformance runs: the protocol's arguments in, an exit status out.
-module(hex_provenance_conformance).

-export([main/0]).

-spec main() -> no_return().
main() ->
    Status =
        try
            run(init:get_plain_arguments())
        catch
            throw:{Code, Text} ->
                io:put_chars(standard_error, [Text, $\n]),
                Code;
            Class:Reason:Stack ->
                io:format(standard_error, "~p:~tp~n~tp~n", [Class, Reason, Stack]),
                1
        end,
    erlang:halt(Status, [{flush, true}]).

run(["verify-bundle" | Arguments]) ->
    {Options, Input} = parse(Arguments, #{}),
    Answer = hex_provenance_sigstore:verify(
        read(required(bundle, Options)), artifact(Input), verify_options(Options)
    ),
    accept(Answer);
run(["sign-bundle" | Arguments]) ->
    {Options, Input} = parse(Arguments, #{}),
    Payload =
        case Options of
            #{in_toto := true} -> {statement, read(Input)};
            #{} -> {file, Input}
        end,
    case hex_provenance_sigstore:sign(Payload, sign_options(Options)) of
        {ok, #{bundle := Bundle}} ->
            write(required(bundle, Options), Bundle);
        {error, Error} ->
            refuse(hex_provenance_error:format_error(Error))
    end;
run(_) ->
    usage("the commands are verify-bundle and sign-bundle").

parse(["--staging" | Rest], Options) -> parse(Rest, Options#{staging => true});
parse(["--bundle", File | Rest], Options) -> parse(Rest, Options#{bundle => File});
parse(["--trusted-root", File | Rest], Options) -> parse(Rest, Options#{trusted_root => File});
parse(["--key", File | Rest], Options) -> parse(Rest, Options#{key => File});
parse(["--certificate-identity", Text | Rest], Options) -> parse(Rest, Options#{san => Text});
parse(["--certificate-oidc-issuer", Text | Rest], Options) -> parse(Rest, Options#{issuer => Text});
parse(["--in-toto" | Rest], Options) -> parse(Rest, Options#{in_toto => true});
parse(["--identity-token", Token | Rest], Options) -> parse(Rest, Options#{token => Token});
parse(["--signing-config", File | Rest], Options) -> parse(Rest, Options#{signing_config => File});
parse([Input], Options) -> {Options, Input};
parse(_, _) -> usage("unknown or missing arguments").

verify_options(Options) ->
    Trust = trust(Options),
    maps:merge(signer(Options), thresholds(Trust, Options, #{trust => Trust})).

sign_options(Options) ->
    Services =
        case Options of
            #{signing_config := File} -> {file, File};
            #{staging := true} -> staging;
            #{} -> public_good
        end,
    Token = unicode:characters_to_binary(required(token, Options)),
    #{token => Token, services => Services, trust => trust(Options)}.

signer(#{key := File}) ->
    #{keys => [#{pem => read(File)}]};
signer(Options) ->
    San = unicode:characters_to_binary(required(san, Options)),
    Issuer = unicode:characters_to_binary(required(issuer, Options)),
    #{identity => #{san => San, issuer => Issuer}}.

trust(#{trusted_root := File}) -> accept_root(hex_provenance_sigstore:trust_root({file, File}));
trust(#{staging := true}) -> accept_root(hex_provenance_sigstore:trust_root(staging));
trust(_) -> accept_root(hex_provenance_sigstore:trust_root(public_good)).

%% A root file without logs has no rules of its own; the protocol has no way to state them.
thresholds(Trust, #{trusted_root := _}, Verify) ->
    {ok, Info} = hex_provenance_sigstore:trust_root_info(Trust),
    case Info of
        #{transparency_logs := 0, certificate_logs := CertificateLogs} ->
            Thresholds = #{log_entries => 0, timestamps => 1, scts => min(1, CertificateLogs)},
            Verify#{thresholds => Thresholds};
        #{certificate_logs := 0} ->
            Verify#{thresholds => #{scts => 0}};
        #{} ->
            Verify
    end;
thresholds(_, _, Verify) ->
    Verify.

artifact(Input) ->
    case string:split(Input, ":") of
        [Algorithm, Hex] ->
            case {algorithm(Algorithm, length(Hex)), unhex(Hex)} of
                {{ok, Name}, {ok, Digest}} -> digest_unless_file(Input, {digest, Name, Digest});
                _ -> {file, Input}
            end;
        _ ->
            {file, Input}
    end.

digest_unless_file(Input, Digest) ->
    case filelib:is_file(Input) of
        true -> {file, Input};
        false -> Digest
    end.

algorithm("sha256", 64) -> {ok, sha256};
algorithm("sha384", 96) -> {ok, sha384};
algorithm("sha512", 128) -> {ok, sha512};
algorithm(_, _) -> error.

unhex(Hex) ->
    try
        {ok, <<<<(list_to_integer([Digit], 16)):4>> || Digit <- Hex>>}
    catch
        error:badarg -> error
    end.

accept({ok, _}) -> 0;
accept({error, Error}) -> refuse(hex_provenance_error:format_error(Error)).

accept_root({ok, Root}) -> Root;
accept_root({error, Error}) -> refuse(hex_provenance_error:format_error(Error)).

read(File) ->
    case file:read_file(File) of
        {ok, Bytes} -> Bytes;
        {error, Reason} -> refuse([File, ": ", file:format_error(Reason)])
    end.

write(File, Bytes) ->
    case file:write_file(File, Bytes) of
        ok -> 0;
        {error, Reason} -> refuse([File, ": ", file:format_error(Reason)])
    end.

required(Name, Options) ->
    case Options of
        #{Name := Value} -> Value;
        #{} -> usage(["missing: ", atom_to_list(Name)])
    end.

-spec refuse(iodata()) -> no_return().
refuse(Text) -> throw({1, Text}).

-spec usage(iodata()) -> no_return().
usage(Text) -> throw({2, ["usage error: ", Text]}).
