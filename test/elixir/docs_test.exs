defmodule HexProvenance.DocsTest.Given do
  @moduledoc "What a document's examples take for granted."

  @doc "Its variables, or why they cannot be had."
  @spec bindings(String.t()) :: {:ok, map()} | {:skip, charlist()}
  def bindings("guides/registry.md") do
    with {:ok, server} <- :hex_provenance_test_postgres.start() do
      folder = Path.join(System.tmp_dir!(), "hex_provenance_docs_#{System.unique_integer([:positive])}")
      File.mkdir_p!(folder)
      functions = server |> :hex_provenance_test_postgres.database() |> :hex_provenance_test_postgres.functions()
      {:ok, %{Query: functions.query, Transaction: functions.transaction, LastSigned: String.to_charlist(folder)}}
    end
  end

  def bindings(_), do: {:ok, %{}}
end

defmodule HexProvenance.DocsTest do
  @moduledoc """
  The README and the guides are tests: their Elixir and Erlang examples run in the folder that script/demo leaves, their
  commands are ones that script/test runs. (Their Gleam examples are compiled and run by script/test-lane.)
  """
  use ExUnit.Case, async: false

  @documents ["README.md" | Path.wildcard("guides/*.md")]
  @samples ".tools/samples"

  # guides/slsa.md and guides/log.md are about packages that are not real ones.
  @made_up %{
    "app.tar" => "fixtures/artifact",
    "app.tar.sigstore.json" => "fixtures/v1-dsse.json",
    "trusted_root.json" => "fixtures/trusted_root.json",
    "log-trust.json" => "log/fixtures/trust/trust.json",
    "log-history.json" => "log/fixtures/answers/history.json",
    "log-rotation.json" => "log/fixtures/answers/rotation-log.json"
  }

  setup_all do
    for {name, fixture} <- @made_up, do: File.cp!(Path.join("test", fixture), Path.join(@samples, name))
    :ok
  end

  for document <- @documents do
    @external_resource document
    blocks =
      ~r/^```(elixir|erlang)\n(.*?)^```$/ms
      |> Regex.scan(File.read!(document), capture: :all_but_first)
      |> Enum.with_index(1)

    for {[language, code], number} <- blocks do
      test "#{document}: #{language} example #{number}" do
        assert File.exists?(Path.join(@samples, "tampered.conda")), "run script/demo once: it fetches the samples"

        case HexProvenance.DocsTest.Given.bindings(unquote(document)) do
          {:ok, bindings} ->
            {result, expected} = File.cd!(@samples, fn -> run(unquote(language), unquote(code), bindings) end)
            if expected, do: assert(expected == String.trim(result))

          {:skip, reason} ->
            IO.puts("skipped: #{unquote(document)}: #{reason}")
        end
      end
    end

    test "#{document}: every command is one that script/test runs" do
      script = File.read!("script/test")

      for [block] <- Regex.scan(~r/^```sh\n(.*?)^```$/ms, File.read!(unquote(document)), capture: :all_but_first),
          line <- String.split(block, "\n", trim: true) do
        [command | _] = String.split(line)
        assert command == "script/test" or script =~ "\n#{command}"
        assert File.exists?(command)
      end
    end

    test "#{document}: every link to a file leads to one" do
      for [path] <- Regex.scan(~r/\]\((?!https?:)([^)#]+)/, File.read!(unquote(document)), capture: :all_but_first) do
        assert File.exists?(Path.expand(path, Path.dirname(unquote(document)))), path
      end
    end
  end

  test "the limits in the guide are the limits" do
    guide = File.read!("guides/verification.md")
    names = HexProvenance.Sigstore.default_options().limits |> Map.keys() |> Enum.sort()
    rows = Regex.scan(~r/^\| `([a-z_]+)` \| [0-9]/m, guide, capture: :all_but_first) |> List.flatten()
    assert Enum.sort(rows) == Enum.map(names, &Atom.to_string/1)
  end

  defp run("elixir", code, _) do
    {result, _} = Code.eval_string(code)
    {inspect(result), expectation(code, "#=>")}
  end

  defp run("erlang", code, bindings) do
    {:ok, tokens, _} = code |> String.to_charlist() |> :erl_scan.string()
    {:ok, expressions} = :erl_parse.parse_exprs(tokens)
    {:value, result, _} = :erl_eval.exprs(expressions, bindings)
    {:io_lib.format("~p", [result]) |> to_string(), expectation(code, "%=>")}
  end

  defp expectation(code, mark) do
    case String.split(code, mark) do
      [_] -> nil
      parts -> parts |> List.last() |> String.trim()
    end
  end
end
