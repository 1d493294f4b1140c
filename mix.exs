defmodule Mix.Tasks.Compile.HexProvenanceNif do
  @moduledoc false
  use Mix.Task.Compiler

  @impl true
  def run(_arguments) do
    case System.cmd("sh", ["script/build-nif"], into: IO.stream(:stdio, :line)) do
      {_, 0} -> :ok
      {_, status} -> Mix.raise("script/build-nif ended with status #{status}")
    end
  rescue
    # No shell: nothing can be built here, and a library in priv/native is used as it is.
    error in ErlangError ->
      Mix.shell().error("hex_provenance: cannot run script/build-nif: #{Exception.message(error)}")
      :ok
  end
end

defmodule HexProvenance.MixProject do
  use Mix.Project

  {:ok, [{:application, :hex_provenance, app}]} = :file.consult(Path.join(__DIR__, "src/hex_provenance.app.src"))
  @app app

  def project do
    [
      app: :hex_provenance,
      version: to_string(@app[:vsn]),
      description: to_string(@app[:description]),
      elixir: "~> 1.14",
      compilers: [:hex_provenance_nif] ++ Mix.compilers(),
      erlc_paths: erlc_paths(Mix.env()),
      erlc_options: [:debug_info],
      elixirc_options: [warnings_as_errors: System.get_env("CI") == "true"],
      test_paths: ["test/elixir"],
      deps: [],
      package: package()
    ]
  end

  def application, do: [extra_applications: @app[:applications] -- [:kernel, :stdlib]]

  defp erlc_paths(:test), do: ["src", "test/support"]
  defp erlc_paths(_), do: ["src"]

  defp package do
    [
      licenses: ["Apache-2.0"],
      links: %{},
      files: ~w(lib src native script/build-nif .cargo/config.toml priv/native/.gitkeep Cargo.toml Cargo.lock mix.exs
                rebar.config gleam.toml README.md CHANGELOG.md LICENSE)
    ]
  end
end
