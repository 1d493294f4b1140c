defmodule Mix.Tasks.Provenance.Monitor do
  @shortdoc "Follows a registry's transparency log and reports what does not fit"
  @moduledoc """
  Follows a registry's transparency log to its present end and reports what does not fit: hidden events, forked chains,
  checkpoints rolled back, split views, leaves at odds with their statements, wrong heads maps, things withheld.

      mix provenance.monitor https://provenance.example --trust hex.pm.trust.json --state hex.pm.monitor --package phoenix

  ## Options

    * `--trust FILE` - the trust file: the log's keys, the registry's, the witnesses; needed
    * `--state FILE` - keeps how far the log was followed, for the next run
    * `--package NAME` - reports every event of this package; may be given several times
    * `--note FILE` - a checkpoint that somebody else was shown, to compare; may be given several times
    * `--only-watched` - reads the statements of these packages only
    * `--max-age SECONDS` - how old witnesses' cosignatures may be to count
    * `--ca-file FILE` - a certificate authority (PEM) trusted for TLS besides the platform's

  Exit status: 0 nothing wrong was found, 1 misbehaviour, 2 it could not be evaluated.
  """

  use Mix.Task

  import HexProvenance.Command

  alias HexProvenance.Log.{Finding, Monitor, Trust}

  @switches [
    trust: :string,
    state: :string,
    package: :keep,
    note: :keep,
    only_watched: :boolean,
    max_age: :integer,
    ca_file: :keep
  ]

  @impl true
  def run(arguments) do
    case OptionParser.parse(arguments, strict: @switches) do
      {options, [url], []} ->
        follow(url, options)

      {_, _, [{option, _} | _]} ->
        stop("option #{option} is unknown or has no such value: see mix help provenance.monitor")

      {_, _, []} ->
        stop("exactly one URL, please: see mix help provenance.monitor")
    end
  end

  defp follow(url, options) do
    with {:ok, file} <- trust_file(options),
         {:ok, trust} <- Trust.load({:file, file}),
         {:ok, notes} <- notes(Keyword.get_values(options, :note)),
         {:ok, report} <- Monitor.run(given(url, trust, notes, options)) do
      show(report)
    else
      {:error, %HexProvenance.Error{} = error} -> stop(Exception.message(error))
      {:error, message} -> stop(message)
    end
  end

  defp trust_file(options) do
    case options[:trust] do
      nil -> {:error, "--trust FILE is needed: see mix help provenance.monitor"}
      file -> {:ok, file}
    end
  end

  defp notes(files) do
    Enum.reduce_while(files, {:ok, []}, fn file, {:ok, notes} ->
      case File.read(file) do
        {:ok, note} -> {:cont, {:ok, [note | notes]}}
        {:error, reason} -> {:halt, {:error, "#{file}: #{:file.format_error(reason)}"}}
      end
    end)
  end

  defp given(url, trust, notes, options) do
    files = Keyword.get_values(options, :ca_file)
    http = if files == [], do: [], else: [http: :hex_provenance_httpc.new(%{ca_files: files})]
    statements = if options[:only_watched], do: :watched, else: :all
    packages = Keyword.get_values(options, :package)

    [url: url, trust: trust, packages: packages, notes: notes, statements: statements] ++
      Keyword.take(options, [:state, :max_age]) ++ http
  end

  defp show(report) do
    Enum.each(report.findings, fn finding -> Mix.shell().info(line(finding)) end)
    verdict = if report.misbehaviour, do: "MISBEHAVIOUR was found", else: "nothing wrong was found"
    Mix.shell().info("#{report.origin}, #{report.size} entries, #{report.packages} packages: #{verdict}")
    if report.misbehaviour, do: halt(1)
  end

  defp line(%Finding{kind: :event, event: event} = finding) do
    "#{place(finding)}#{event.event} #{event.package}#{version(event)} (#{time(event.time)})"
  end

  defp line(%Finding{kind: :key_changed, change: change} = finding) do
    "#{place(finding)}the #{change.purpose} key is now #{Base.encode16(change.new.key_id, case: :lower)}"
  end

  defp line(%Finding{kind: :redacted, digest: digest} = finding) do
    "#{place(finding)}deleted: sha256:#{Base.encode16(digest, case: :lower)}"
  end

  defp line(%Finding{misbehaviour: true} = finding) do
    evidence = for note <- finding.evidence, do: "\n  signed:\n#{indented(note)}"
    "#{place(finding)}MISBEHAVIOUR #{finding.kind}: #{Exception.message(finding.error)}#{evidence}"
  end

  defp place(%Finding{index: nil}), do: ""
  defp place(%Finding{index: index}), do: "entry #{index}: "

  defp version(%{version: nil}), do: ""
  defp version(%{version: version}), do: " " <> version

  defp time(seconds), do: :calendar.system_time_to_rfc3339(seconds, offset: ~c"Z")

  defp indented(text), do: text |> String.split("\n") |> Enum.map_join("\n", &("    " <> &1))
end
