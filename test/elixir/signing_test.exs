defmodule HexProvenance.SigningTest do
  # What the Elixir face adds to signing: structs, keyword options, and an inspect that shows nothing.
  use ExUnit.Case, async: false

  alias HexProvenance.{Error, Evidence, Sigstore, SigningKey, TrustRoot}
  alias HexProvenance.Sigstore.Signed

  setup_all do
    {pem, 0} = System.cmd("openssl", ~w(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256))
    {:ok, key} = SigningKey.load(pem: pem)
    {:ok, public} = SigningKey.public_key(key)
    %{pem: pem, key: key, public: public}
  end

  test "a key signs, and its public part verifies", %{key: key, public: public} do
    assert %Signed{bundle: bundle, evidence: %Evidence{}} = Sigstore.sign!({:bytes, "content"}, key: key)
    options = [keys: [%{der: public.der}], trust: :none, untimed: true]
    assert {:ok, %Evidence{transparency: :none}} = Sigstore.verify(bundle, {:bytes, "content"}, options)
    assert {:error, %Error{}} = Sigstore.verify(bundle, {:bytes, "other"}, options)
  end

  test "a key given as it is signs as well", %{pem: pem} do
    assert {:ok, %Signed{}} = Sigstore.sign({:bytes, "content"}, key: %{pem: pem})
  end

  test "a key elsewhere signs", %{pem: pem, public: public} do
    [entry] = :public_key.pem_decode(pem)
    private = :public_key.pem_entry_decode(entry)
    sign = fn {:digest, algorithm, digest} -> {:ok, :public_key.sign({:digest, digest}, algorithm, private)} end
    assert {:ok, %Signed{}} = Sigstore.sign({:bytes, "x"}, external_key: %{der: public.der, sign: sign})
    raise_ = fn _ -> raise "secret" end
    assert {:error, error} = Sigstore.sign({:bytes, "x"}, external_key: %{der: public.der, sign: raise_})
    assert error.code == :signer_failed
    refute Exception.message(error) =~ "secret"
  end

  test "an inspected key shows its kind alone", %{key: key, pem: pem} do
    assert inspect(key) == "#HexProvenance.SigningKey<ecdsa_p256>"
    assert_raise Error, fn -> SigningKey.load!(pem: String.replace(pem, "PRIVATE", "PUBLIC")) end
  end

  test "options that are none are told, not raised" do
    for options <- [nil, [1], "key", [key: nil], [key: %{}], [token: 1]] do
      assert {:error, %Error{code: :option_invalid}} = Sigstore.sign({:bytes, ""}, options)
    end

    assert_raise Error, fn -> Sigstore.sign!({:bytes, ""}, token: "none") end
  end

  test "what Hex is told of the network counts", %{key: key} do
    System.put_env("HEX_CACERTS_PATH", "no/such/file")
    on_exit(fn -> System.delete_env("HEX_CACERTS_PATH") end)

    for answer <- [
          Sigstore.sign({:bytes, ""}, key: key, services: :staging),
          TrustRoot.refresh(:staging, cache: :none),
          TrustRoot.refresh_services(:staging, cache: :none)
        ] do
      assert {:error, %Error{code: :storage_failed, details: %{path: "no/such/file"}}} = answer
    end
  end
end
