defmodule HexProvenance.ContractTest do
  # The contract cases through the Elixir face.
  use ExUnit.Case, async: true

  alias HexProvenance.{Error, Evidence, Sigstore}

  for %{name: name} = contract <- :hex_provenance_test_cases.all() do
    @contract contract
    test name do
      %{bundle: bundle, artifact: artifact, options: options} = @contract
      check(@contract, Sigstore.verify(bundle, artifact, options))
      check(@contract, Sigstore.verify(bundle, artifact, Map.to_list(options)))
      [answer] = Sigstore.verify_many([{bundle, artifact}], options)
      check(@contract, answer)
    end
  end

  defp check(%{expect: "ok", check: checks}, answer) do
    assert {:ok, %Evidence{} = evidence} = answer
    stated(checks, evidence)
  end

  defp check(%{expect: code, check: checks}, answer) do
    assert {:error, %Error{} = error} = answer
    assert Atom.to_string(error.code) == code
    assert Exception.message(error) =~ error.remedy
    stated(checks, error)
  end

  defp stated(checks, term) do
    for {path, value} <- checks do
      found = :hex_provenance_test_cases.at(path, term)
      assert :hex_provenance_test_cases.matches(value, found), "#{path} is #{inspect(found)}, not #{inspect(value)}"
    end
  end
end
