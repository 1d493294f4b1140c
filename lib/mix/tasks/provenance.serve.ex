defmodule Mix.Tasks.Provenance.Serve do
  @shortdoc "Runs an attestation service: a log of signed registry events with its HTTP API and pages"
  @moduledoc """
  Runs an attestation service in one folder: a log of signed registry events, its HTTP API and its pages.

      mix provenance.serve --port 4040 --data provenance-data

  The first start makes the keys and a token that may write, and shows the token once.

  ## Options

    * `--port PORT` - where to listen, by default 4040; 0 for any that is free
    * `--data FOLDER` - the folder with the database and keys, by default `provenance-data`
    * `--address ADDRESS` - the address to listen on, by default 127.0.0.1
    * `--origin ORIGIN` - the log's name for ever, by default `localhost/attestations`

  The environment variable `HEX_PROVENANCE_TOKEN` states the token that may write.
  """

  use Mix.Task

  @requirements ["app.start"]

  @impl true
  def run(arguments) do
    case :hex_provenance_serve.start(Enum.map(arguments, &String.to_charlist/1)) do
      {:ok, running} ->
        IO.puts("Attestation service on http://localhost:#{running.port}/, data in #{running.data}")
        IO.puts("Log key: #{running.vkey}")
        if running.token != :undefined, do: IO.puts("Token that may write, shown this once: #{running.token}")
        wait(running.supervisor)

      {:error, text} ->
        IO.puts(:stderr, text)
        exit({:shutdown, 2})
    end
  end

  # In IEx the shell goes on beside the service.
  defp wait(supervisor) do
    unless Code.ensure_loaded?(IEx) and apply(IEx, :started?, []) do
      monitor = Process.monitor(supervisor)

      receive do
        {:DOWN, ^monitor, :process, _, reason} -> Mix.raise("the service ended: #{inspect(reason)}")
      end
    end
  end
end
