defmodule HexProvenance.FacesTest do
  # What the Elixir face adds to the Erlang one: structs, exceptions, keyword options, nil.
  use ExUnit.Case, async: true

  alias HexProvenance.{Bundle, Error, Evidence, Sigstore, TrustRoot}

  setup_all do
    contract = :hex_provenance_test_cases.valid()
    %{bundle: contract.bundle, artifact: contract.artifact, options: contract.options}
  end

  test "the version is the application's" do
    assert HexProvenance.version() == to_string(Application.spec(:hex_provenance, :vsn))
  end

  test "the library is ready" do
    assert HexProvenance.ready() == :ok
  end

  test "the applications are those of the Erlang build" do
    {:ok, [{:application, :hex_provenance, app}]} = :file.consult("src/hex_provenance.app.src")
    assert Application.spec(:hex_provenance, :applications) -- [:elixir] == app[:applications]
  end

  test "evidence is made of structs with no field too many or too few", context do
    evidence = Sigstore.verify!(context.bundle, context.artifact, context.options)
    assert_struct(evidence, Evidence)
    assert_struct(evidence.signer, Evidence.CertificateSigner)
    Enum.each(evidence.log_entries, &assert_struct(&1, Evidence.LogEntry))
    refute inspect(evidence, limit: :infinity) =~ "undefined"
  end

  defp assert_struct(struct, module) do
    assert struct.__struct__ == module
    assert Enum.sort(Map.keys(struct)) == Enum.sort(Map.keys(module.__struct__()))
  end

  test "verify! raises what verify returns", context do
    options = Map.put(context.options, :identity, %{issuer: "https://example.com"})
    assert {:error, error} = Sigstore.verify(context.bundle, context.artifact, options)
    raised = assert_raise Error, fn -> Sigstore.verify!(context.bundle, context.artifact, options) end
    assert raised == error
    assert raised.code == :identity_refused
  end

  test "what else is wrong is of the same struct", context do
    options = Map.put(context.options, :identity, %{issuer: "https://example.com"})
    digest = {:digest, :sha256, <<0::256>>}
    assert {:error, %Error{details: %{also: [%Error{} | _]}} = error} = Sigstore.verify(context.bundle, digest, options)
    assert Exception.message(error) =~ "\nalso: "
  end

  test "options that are none are told, not raised", context do
    for options <- [nil, :identity, [1], [:identity | 1], "identity", %{"identity" => 1}, [identity: nil]] do
      assert {:error, %Error{code: :option_invalid}} = Sigstore.verify(context.bundle, context.artifact, options)
    end
  end

  test "trust roots are structs, alone or in a list", context do
    root = TrustRoot.load!(:public_good)
    staging = TrustRoot.load!(:staging)
    assert inspect(root) == "#HexProvenance.TrustRoot<public_good, embedded>"
    assert {:ok, %{instance: "public_good", source: :embedded, as_of: as_of}} = TrustRoot.info(root)
    assert is_integer(as_of)

    for trust <- [root, [root], [staging, root], [:staging, root]] do
      options = Map.put(context.options, :trust, trust)

      assert {:error, %Error{code: :certificate_untrusted}} = Sigstore.verify(context.bundle, context.artifact, options)
    end
  end

  test "a root that cannot be loaded is told or raised" do
    assert {:error, %Error{code: :storage_failed}} = TrustRoot.load({:file, "no/such/file"})
    assert_raise Error, fn -> TrustRoot.load!({:json, "{}"}) end
  end

  test "an unverified bundle says so", context do
    assert {:ok, %{unverified: true, media_type: _, signer: %{kind: :certificate} = signer}} =
             Bundle.info(context.bundle)

    verified = Sigstore.verify!(context.bundle, context.artifact, context.options).signer
    assert Map.take(signer, [:sans, :issuer, :claims]) == Map.take(verified, [:sans, :issuer, :claims])
    assert signer.der == verified.certificate.der
    assert {:error, %Error{code: :malformed}} = Bundle.info("{")
    assert {:error, %Error{code: :option_invalid}} = Bundle.info(nil)
  end

  test "many are verified in order and fail alone", context do
    digest = {:digest, :sha256, <<0::256>>}
    items = for n <- 1..20, do: {context.bundle, if(rem(n, 3) == 0, do: digest, else: context.artifact)}
    answers = Sigstore.verify_many(items, context.options)
    assert Enum.map(answers, &elem(&1, 0)) == for(n <- 1..20, do: if(rem(n, 3) == 0, do: :error, else: :ok))
  end

  test "the catalogue is that of Erlang" do
    assert Error.catalogue() == :hex_provenance_error.catalogue()
  end
end
