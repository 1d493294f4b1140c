defmodule HexProvenance.SlsaTest do
  # The SLSA cases through the Elixir face, and what it adds.
  use ExUnit.Case, async: true

  alias HexProvenance.{Error, Evidence, Slsa}
  alias HexProvenance.Slsa.Judgement

  for %{name: name} = contract <- :hex_provenance_test_slsa.all() do
    @contract contract
    test name do
      %{bundle: bundle, rules: rules} = @contract
      evidence = evidence(bundle)
      check(@contract, Slsa.judge(evidence, rules))
      check(@contract, Slsa.judge(evidence, Map.to_list(rules)))
    end
  end

  defp check(%{error: code}, {:error, %Error{} = error}) when is_binary(code) do
    assert Atom.to_string(error.code) == code
  end

  defp check(%{error: :undefined, expect: expect, level: level, check: checks}, answer) do
    assert {:ok, %Judgement{} = judgement} = answer

    for {path, value} <- checks do
      found = :hex_provenance_test_cases.at(path, judgement)
      assert :hex_provenance_test_cases.matches(value, found), "#{path} is #{inspect(found)}, not #{inspect(value)}"
    end

    case Slsa.enforce(judgement) do
      {:ok, ^judgement} ->
        assert expect == "accepted" and judgement.level == level

      {:error, %Error{} = error} ->
        assert Atom.to_string(error.code) == expect
        assert_raise Error, fn -> Slsa.enforce!(judgement) end
    end
  end

  test "verifying and judging in one call" do
    bundle = bundle("v1-dsse.json")
    artifact = {:file, fixture("artifact")}
    trust = [trust: {:file, fixture("trusted_root.json")}]
    assert {:ok, %{evidence: %Evidence{}, judgement: %Judgement{}}} = Slsa.verify(bundle, artifact, trust, [])

    assert {:error, %Error{code: :source_refused, details: %{also: [%Error{code: :level_too_low}]}}} =
             Slsa.verify(bundle, artifact, trust, expect: %{source: "https://github.com/a/b", min_level: 3})
  end

  test "a record tells what changed, and is what later builds are held to" do
    {:ok, judgement} = Slsa.judge(evidence(bundle("v1-dsse.json")))
    {:ok, record} = Slsa.record(judgement)
    assert {:ok, []} = Slsa.changes(record, judgement)

    assert {:ok, [%{field: :trigger, was: nil, is: "push"}]} = Slsa.changes(Map.delete(record, :trigger), judgement)

    {:ok, expected} = Slsa.expectations(record)
    assert {:ok, %Judgement{accepted: true}} = Slsa.judge(evidence(bundle("v1-dsse.json")), expect: expected)
  end

  test "a summary is made, and is no provenance" do
    evidence = evidence(bundle("v1-dsse.json"))
    about = %{verifier: "https://v.example", resource_uri: "pkg:hex/a@1.0.0", policy: %{uri: "https://p.example"}}
    assert {:ok, json} = Slsa.summarise(evidence, [], about)
    assert json =~ "SLSA_BUILD_LEVEL_1"
    expected = %{verifiers: [], resource_uri: "pkg:hex/a@1.0.0", levels: ["SLSA_BUILD_LEVEL_1"]}
    assert {:error, %Error{code: :predicate_unsupported}} = Slsa.verify_summary(evidence, expected)
  end

  test "provenance is written from claims or not at all" do
    production = %{subjects: [%{name: "a", digests: %{"sha256" => String.duplicate("0", 64)}}]}
    assert {:error, %Error{code: :token_claim_invalid}} = Slsa.provenance(:github, %{}, production)
  end

  test "builders say why" do
    {:ok, rows} = Slsa.builders()
    assert Enum.all?(rows, &(&1.reason != "" and &1.max_level in 0..3))
  end

  test "a statement is read" do
    %Evidence{content: %{statement_bytes: json}} = evidence(bundle("v1-dsse.json"))
    assert {:ok, %{subjects: [%{name: "artifact", uri: nil}]}} = Slsa.statement(json)
    assert {:error, %Error{code: :malformed}} = Slsa.statement("{")
  end

  defp evidence(bundle) do
    trust = {:file, fixture("trusted_root.json")}
    HexProvenance.Sigstore.verify!(bundle, {:file, fixture("artifact")}, identity: :unchecked, trust: trust)
  end

  defp bundle(name), do: File.read!(fixture(name))
  defp fixture(name), do: :hex_provenance_test_cases.file(name)
end
