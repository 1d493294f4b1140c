defmodule HexProvenance.LogTest do
  # The log's cases through the Elixir face, and what it adds.
  use ExUnit.Case, async: true

  import ExUnit.CaptureIO

  alias HexProvenance.{Error, Log}
  alias HexProvenance.Log.{Event, Finding, Monitor, Trust}

  for %{name: name} = contract <- :hex_provenance_test_log_cases.all() do
    @contract contract
    test name do
      %{options: options, trust: trust, expect: expect, check: checks} = @contract
      options = Map.put(options, :trust, trust(trust))

      case answer(@contract, options) do
        {:ok, found} ->
          assert expect == "ok"

          for {path, value} <- checks do
            actual = :hex_provenance_test_cases.at(path, found)
            assert :hex_provenance_test_cases.matches(value, actual), "#{path} is #{inspect(actual)}"
          end

        {:error, %Error{code: code}} ->
          assert expect == Atom.to_string(code)
      end
    end
  end

  defp answer(%{call: :entry, entry: item}, options), do: Log.verify_entry(item, options)
  defp answer(%{call: :list, answer: answer}, options), do: Log.verify_list(answer, Map.to_list(options))

  defp answer(%{call: :state, answer: answer, state: state}, options) do
    {:ok, %{lists: [list | _]}} = Log.verify_list(answer, options)
    locked = if state.locked == :undefined, do: nil, else: state.locked
    Log.state(list, state.version, locked, state.chain)
  end

  defp trust(file), do: Trust.load!({:file, :hex_provenance_test_log_cases.trust_file(file)})

  defp history(trust) do
    answer = :hex_provenance_test_log_cases.answer("history.json")
    {:ok, verified} = Log.verify_list(answer, trust: trust(trust))
    verified
  end

  test "events are structs, absence is nil" do
    %{lists: [%{items: [%Event{} = first, second | _], version: nil}], next_after: nil} = history("trust.json")
    assert %Event{event: :publish, version: "1.0.0", previous: nil, seq: 0} = first
    assert %Event{event: :owners, version: nil, previous: %{index: 0}} = second
    refute inspect(history("trust.json"), limit: :infinity) =~ "undefined"
  end

  test "trust is quiet and tells what it is" do
    trust = trust("witnessed.json")
    assert inspect(trust) == "#HexProvenance.Log.Trust<log.example/hex, 2 keys>"
    assert {:ok, %{origin: "log.example/hex", keys: [%{purpose: :log, last_index: nil}, _]}} = Trust.info(trust)
    {:ok, json} = Trust.to_json(trust)
    assert Trust.info(Trust.load!({:json, json})) == Trust.info(trust)
    assert {:error, %Error{code: :trust_file_invalid}} = Trust.load({:json, "{}"})
    assert_raise Error, fn -> Trust.load!({:file, "no/such/file"}) end
  end

  test "a key change is followed" do
    item = :hex_provenance_test_log_cases.item(:hex_provenance_test_log_cases.answer("rotation-log.json"))
    assert {:ok, %Trust{} = next} = Log.rotate(item, trust: trust("trust.json"))
    assert {:ok, %{keys: keys}} = Trust.info(next)
    assert [%{last_index: 4}, %{last_index: nil}] = Enum.filter(keys, &(&1.purpose == :log))
  end

  test "textual proofs and checkpoints" do
    proof = File.read!("test/log/fixtures/answers/entry-3.tlog-proof")
    %{lists: [%{items: items}], checkpoint: checkpoint} = history("trust.json")
    leaf = Enum.find(items, &(&1.index == 3)).leaf
    options = [trust: trust("trust.json")]
    assert {:ok, %{index: 3, extra: nil, checkpoint: ^checkpoint}} = Log.verify_proof(proof, leaf, options)
    assert {:ok, ^checkpoint} = Log.verify_checkpoint(checkpoint.note, options)

    assert {:error, %Error{code: :checkpoint_untrusted}} =
             Log.verify_checkpoint(checkpoint.note, trust: trust("other-origin.json"))
  end

  defp serving(world, answers \\ %{}, fun) do
    world = :hex_provenance_test_log_cases.world(world)
    server = %{url: url} = :hex_provenance_test_log_cases.serve(%{world | answers: answers})

    try do
      fun.(List.to_string(url))
    after
      :hex_provenance_test_proxy.stop(server)
    end
  end

  test "a release is checked at a service" do
    history = File.read!("test/log/fixtures/answers/history.json")

    serving("honest", %{"/api/packages/a/attestations?limit=100" => history}, fn url ->
      options = [trust: trust("trust.json")]
      locked = :crypto.hash(:sha256, "x")
      assert {:ok, %{state: %{retired: 5}, items: [%Event{} | _]}} = Log.check(url, "a", "1.0.0", locked, options)
      assert {:ok, %{state: %{retired: nil}}} = Log.check(url, "a", "1.1.0", nil, options)
      assert {:error, %Error{code: :release_replaced}} = Log.check(url, "a", "1.1.0", locked, options)
      assert {:ok, [%{lists: [%{whole: true}]}]} = Log.fetch(url, {:package, "a"}, options)
      assert {:error, %Error{code: :transport_failed}} = Log.fetch(url, {:package, "b"}, options)
    end)
  end

  test "a monitor's findings are structs" do
    serving("forked", fn url ->
      options = [url: url, trust: trust("trust.json"), packages: ["b"], patience: 1]
      assert {:ok, %{misbehaviour: true, findings: findings}} = Monitor.run(options)
      assert [%Finding{kind: :forked_chain, index: 2, error: %Error{code: :chain_broken}}] = findings
    end)

    assert {:error, %Error{code: :option_invalid}} = Monitor.run([])
  end

  defp monitor(arguments) do
    output =
      capture_io(fn ->
        capture_io(:stderr, fn -> send(self(), {:status, status(arguments)}) end) |> IO.write()
      end)

    assert_received {:status, status}
    {status, output}
  end

  defp status(arguments) do
    Mix.shell(Mix.Shell.IO)
    Mix.Tasks.Provenance.Monitor.run(arguments)
    0
  catch
    :exit, {:shutdown, status} -> status
  end

  test "mix provenance.monitor tells by its status" do
    trust = "test/log/fixtures/trust/trust.json"

    serving("honest", fn url ->
      {0, output} = monitor([url, "--trust", trust, "--package", "b"])
      assert output =~ "entry 1: publish pkg:hex/b 1.0.0"
      assert output =~ "10 entries, 2 packages: nothing wrong was found"
    end)

    serving("hidden", fn url ->
      {1, output} = monitor([url, "--trust", trust])
      assert output =~ "entry 2: MISBEHAVIOUR hidden_event"
    end)

    serving("rotated", fn url ->
      {0, output} = monitor([url, "--trust", trust])
      assert output =~ "the registry key is now"
    end)

    assert {2, output} = monitor(["http://127.0.0.1:1", "--trust", trust])
    assert output =~ "transport_failed"
    assert {2, _} = monitor(["http://127.0.0.1:1"])
    assert {2, _} = monitor(["http://127.0.0.1:1", "--trust", "no/such/file"])
    assert {2, _} = monitor(["http://127.0.0.1:1", "--trust", trust, "--note", "no/such/file"])
    assert {2, _} = monitor(["--colour", "red"])
    assert {2, _} = monitor([])
  end
end
