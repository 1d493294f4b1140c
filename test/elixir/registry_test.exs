defmodule HexProvenance.RegistryTest do
  # The cases of registry events through the Elixir face, and what it adds.
  use ExUnit.Case, async: true

  alias HexProvenance.{Error, Evidence, Registry, SigningKey}
  alias HexProvenance.Registry.{Attestation, Signed}

  setup_all do
    {key, public} = :hex_provenance_test_registry.key()
    %{key: key, public: public}
  end

  for %{name: name} = contract <- :hex_provenance_test_registry.all() do
    @contract contract
    test name, %{key: key, public: public} do
      %{json: json, event: event, making: making} = @contract
      answer = Registry.statement(event, Map.to_list(making))
      assert answer == Registry.statement_from_json(json, making)
      check(@contract, answer, key, public)
    end
  end

  defp check(%{expect: code}, {:error, %Error{} = error}, _, _) do
    assert Atom.to_string(error.code) == code
  end

  defp check(%{reading: reading} = contract, {:ok, %{statement: statement}}, key, public) do
    bundle = :hex_provenance_test_registry.signed(contract, statement, key)
    options = Map.put(reading, :keys, [%{der: public}])
    attested(contract, Registry.verify(bundle, :any, options))
    attested(contract, Registry.verify(bundle, :any, Map.to_list(options)))
  end

  defp attested(%{expect: "ok", check: checks}, answer) do
    assert {:ok, %Attestation{evidence: %Evidence{}} = attestation} = answer
    assert Enum.sort(Map.keys(attestation)) == Enum.sort(Map.keys(%Attestation{}))
    refute inspect(%{attestation | evidence: nil} |> Map.from_struct(), limit: :infinity) =~ ":undefined"

    for {path, value} <- checks do
      found = :hex_provenance_test_cases.at(path, attestation)
      assert :hex_provenance_test_cases.matches(value, found), "#{path} is #{inspect(found)}, not #{inspect(value)}"
    end
  end

  defp attested(%{expect: code}, answer) do
    assert {:error, %Error{} = error} = answer
    assert Atom.to_string(error.code) == code
  end

  test "an event is made, signed, verified and read", %{public: other} do
    {:ok, key} = SigningKey.load(pem: :hex_provenance_test_ffi.private_key())
    {:ok, %{der: public}} = SigningKey.public_key(key)
    %{statement: statement, version: "1.8.1"} = Registry.statement!(event())
    %Signed{} = signed = Registry.sign!(statement, key: key)
    assert {:ok, %{signature: signature, envelope: envelope}} = Registry.envelope(signed.bundle)
    assert {signature, envelope} == {signed.signature, signed.envelope}
    assert {:ok, signed.bundle} == Registry.bundle(statement, signature, signed.evidence.signer.hint)

    options = [keys: [%{der: public}], package: "phoenix", event: [:publish, :unpublish]]
    attestation = Registry.verify!(signed.bundle, {:bytes, "tarball"}, options)
    assert inspect(attestation) == "#HexProvenance.Registry.Attestation<publish pkg:hex/phoenix 1.8.1, verified>"
    assert attestation.occurred_at == "2026-01-31T12:00:00Z"
    assert {:ok, %Attestation{evidence: nil} = read} = Registry.read(statement, package: "phoenix")
    assert inspect(read) =~ ", read>"
    assert %{attestation | evidence: nil} == read

    assert_raise Error, fn -> Registry.verify!(signed.bundle, :any, keys: [%{der: other}]) end
    assert {:error, %Error{code: :subject_absent}} = Registry.verify(signed.bundle, {:bytes, "x"}, options)
  end

  test "what is wrong is told or raised" do
    assert {:error, %Error{code: :event_invalid, details: %{field: "actor"}}} =
             Registry.statement(Map.delete(event(), :actor))

    assert_raise Error, fn -> Registry.statement!(%{}) end
    assert {:error, %Error{code: :option_invalid}} = Registry.statement(event(), colour: :red)
    assert {:error, %Error{code: :option_invalid}} = Registry.statement(nil)
    assert {:error, %Error{code: :malformed}} = Registry.statements_from_json("{")
    assert {:ok, []} = Registry.statements_from_json(~s({"events":[]}))
    assert {:error, %Error{code: :statement_invalid}} = Registry.read("{}")
    assert {:error, %Error{code: :option_invalid}} = Registry.verify("{}", :any, nil)
    assert_raise Error, fn -> Registry.sign!("{}", key: %{pem: ""}) end
  end

  test "the defaults are options" do
    assert Registry.statement(event()) == Registry.statement(event(), Registry.default_options())
  end

  defp event do
    %{
      event: :publish,
      package: "phoenix",
      version: "1.8.1",
      digest: {:sha256, :crypto.hash(:sha256, "tarball")},
      event_id: "e1",
      occurred_at: ~U[2026-01-31 12:00:00.5Z],
      actor: %{kind: :user, id: "chrismccord"}
    }
  end
end
