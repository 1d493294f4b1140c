# What script/demo shows. Argument: the folder with package.conda, tampered.conda and bundle.sigstore.json.

alias HexProvenance.{Error, Sigstore}

[folder] = System.argv()
path = &Path.join(folder, &1)
bundle = File.read!(path.("bundle.sigstore.json"))

options = [
  identity: %{
    san: {:pattern, "https://github.com/prefix-dev/sigstore-example/.github/workflows/*@refs/heads/main"},
    issuer: "https://token.actions.githubusercontent.com"
  }
]

time = fn seconds -> seconds |> DateTime.from_unix!() |> DateTime.to_iso8601() end

say = fn label, value -> IO.puts("  #{String.pad_trailing(label, 14)} #{value}") end

IO.puts("\n== package.conda and its attestation")
evidence = Sigstore.verify!(bundle, {:file, path.("package.conda")}, options)
claims = evidence.signer.claims
[entry] = evidence.log_entries

say.("verdict", "verified")
say.("package", "#{evidence.content.subject.name} (sha256 #{Base.encode16(evidence.artifact.sha256, case: :lower)})")
say.("signed by", evidence.signer.identity)
say.("vouched by", evidence.signer.issuer)
say.("built from", "#{claims.source_repository_uri} at #{claims.source_repository_digest}")
say.("built on", "a #{claims.runner_environment} runner, #{claims.run_invocation_uri}")
say.("signed at", Enum.map_join(evidence.times, ", ", &"#{time.(&1.time)} (#{&1.by})"))
say.("logged in", "#{entry.log}, entry #{entry.index}, under #{entry.checkpoint.origin}")
say.("checked", Enum.join(evidence.checked, ", "))
say.("not checked", Enum.join(evidence.unchecked, ", "))

refused = fn title, artifact, options ->
  IO.puts("\n== #{title}")
  {:error, %Error{} = error} = Sigstore.verify(bundle, artifact, options)
  say.("verdict", "refused: #{error.code}")
  say.("why", error.message)
  say.("what to do", error.remedy)
end

refused.("tampered.conda, one changed file", {:file, path.("tampered.conda")}, options)

stranger = [identity: %{options[:identity] | san: "https://github.com/somebody/else/.github/workflows/x.yml@refs/heads/main"}]
refused.("the package, if somebody else should have signed it", {:file, path.("package.conda")}, stranger)
