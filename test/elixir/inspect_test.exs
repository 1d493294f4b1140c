defmodule HexProvenance.InspectTest do
  # mix provenance.inspect, as a person or a machine reads it.
  use ExUnit.Case, async: true

  import ExUnit.CaptureIO

  alias Mix.Tasks.Provenance.Inspect

  @root ["--trusted-root", "test/fixtures/trusted_root.json"]

  test "a verified bundle is explained" do
    {text, 0} = inspected([fixture("v1-dsse.json"), "--artifact", fixture("artifact") | @root])
    assert text =~ "VERIFIED: the signature is good, and it is about this artifact."

    for line <- [
          "signer             https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/tags/v1.2.3",
          "vouched for by     https://token.actions.githubusercontent.com",
          "repository         https://github.com/octo-org/octo-repo",
          "ref                refs/tags/v1.2.3",
          "commit             0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
          "SLSA build level 1",
          "What this does not prove"
        ] do
      assert text =~ line
    end

    refute text =~ "compare the digest"
  end

  test "without an artifact it says what was not checked" do
    {text, 0} = inspected([fixture("v1-dsse.json") | @root])
    assert text =~ "No artifact was given"
    assert text =~ "Your artifact is the one it is about: compare the digests."
  end

  test "what does not verify is said first, and is no success" do
    {text, 1} = inspected([fixture("v1-dsse.json")])

    assert text =~
             ~r/\ANOT VERIFIED: everything below is only what the bundle says of itself\.\n.*certificate_untrusted/

    assert text =~ "REFUSED"
    {text, 1} = inspected([fixture("v1-dsse.json"), "--artifact", "README.md" | @root])
    assert text =~ "subject_absent"
    refute text =~ "The signer is who you expect"
  end

  test "one JSON object" do
    {json, 0} = inspected([fixture("v1-dsse.json"), "--json" | @root])
    object = decode(json)

    assert %{
             "verified" => true,
             "artifact" => "stated",
             "predicate_type" => "https://slsa.dev/provenance/v1",
             "build_type" => "https://actions.github.io/buildtypes/workflow/v1",
             "builder" => "https://github.com/octo-org/octo-repo" <> _,
             "source" => "https://github.com/octo-org/octo-repo",
             "ref" => "refs/tags/v1.2.3",
             "commit" => "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
             "workflow" => ".github/workflows/release.yml",
             "trigger" => "push",
             "invocation" => "https://github.com/octo-org/octo-repo/actions/runs/42/attempts/1",
             "signer" => "https://github.com/octo-org/octo-repo" <> _,
             "issuer" => "https://token.actions.githubusercontent.com",
             "subjects" => [%{"name" => "artifact", "digests" => %{"sha256" => _}}],
             "level" => 1,
             "reasons" => [%{"requirement" => "provenance_exists", "met" => true} | _],
             "trust" => %{"instance" => "custom"},
             "error" => :null
           } = object
  end

  test "a bundle without provenance is explained as far as it goes, with the same keys" do
    {text, 0} = inspected([fixture("v1-message.json") | @root])
    assert text =~ "It is not build provenance"
    {json, 0} = inspected([fixture("v1-message.json"), "--json" | @root])
    object = decode(json)
    assert %{"level" => :null, "source" => :null, "signer" => "https://" <> _, "reasons" => []} = object
    assert %{"not_judged" => %{"code" => "statement_invalid"}} = object
  end

  test "a key, and nothing that dates the signature" do
    {text, 0} = inspected([fixture("key-untimed.json"), "--key", key(), "--artifact", fixture("artifact")])
    assert text =~ "signed with key"
  end

  test "hostile texts do not steer the terminal" do
    text =
      fixture("v1-dsse.json") |> File.read!() |> with_payload(&String.replace(&1, "octo-org", "\\u001b[2J\\u202eocto"))

    path = Path.join(System.tmp_dir!(), "inspect-#{System.unique_integer([:positive])}.json")
    File.write!(path, text)
    {shown, 1} = inspected([path])
    File.rm!(path)
    refute shown =~ "\e"
    refute shown =~ "\u202e"
  end

  test "what is not a bundle, and wrong use" do
    assert {"", 2} = inspected(["README.md"])
    assert {"", 2} = inspected(["no/such/file"])
    assert {"", 2} = inspected([])
    assert {"", 2} = inspected([fixture("v1-dsse.json"), "--colour"])
    assert {"", 2} = inspected([fixture("v1-dsse.json"), "--key", "no/such/file"])
  end

  # What it wrote, and the status it would exit with.
  defp inspected(arguments) do
    {:ok, text} = StringIO.open("")

    error_output =
      capture_io(:stderr, fn ->
        status = status(arguments, text)
        send(self(), {:status, status})
      end)

    assert_received {:status, status}
    if status == 2, do: assert(error_output != "")
    {_, written} = StringIO.contents(text)
    {written, status}
  end

  defp status(arguments, text) do
    leader = Process.group_leader()
    Process.group_leader(self(), text)

    try do
      Inspect.run(arguments)
      0
    catch
      :exit, {:shutdown, status} -> status
    after
      Process.group_leader(self(), leader)
    end
  end

  defp with_payload(bundle, change) do
    [whole, payload] = Regex.run(~r/"payload":\s*"([^"]+)"/, bundle)
    changed = payload |> Base.decode64!() |> change.() |> Base.encode64()
    String.replace(bundle, whole, ~s("payload":"#{changed}"))
  end

  defp decode(json), do: :hex_provenance_test_json.decode(json)
  defp fixture(name), do: to_string(:hex_provenance_test_cases.file(name))
  defp key, do: fixture("keys/p256.pem")
end
