defmodule HexProvenance.Log.Monitor do
  @moduledoc """
  Follows a registry's log over HTTP and reports what does not fit.

      {:ok, %{misbehaviour: false, findings: events}} =
        HexProvenance.Log.Monitor.run(
          url: "https://provenance.example",
          trust: trust,
          state: "hex.pm.monitor",
          packages: ["phoenix"]
        )

  What it reports was signed by the log. What it could not evaluate, such as a service that does not answer, is an error.
  `mix provenance.monitor` is the same as a command.
  """

  alias HexProvenance.{Error, Log, Term}
  alias HexProvenance.Log.{Event, Finding}

  @type report :: %{
          origin: String.t(),
          size: non_neg_integer(),
          checkpoint: String.t(),
          packages: non_neg_integer(),
          misbehaviour: boolean(),
          findings: [Finding.t()]
        }

  @doc """
  Follows a log, from nothing or from its saved state, to its present end; then asks for the checkpoint once more, and compares
  those that others were shown.

  Options: `:url` and `:trust` are needed.

    * `:http` - another client: `{module, config}`, see `:hex_provenance_http`
    * `:state` - a file that keeps how far the log was followed. It is the monitor's own memory: whoever can write it decides
      what the monitor believes. With another trust file than before the log is read from its beginning again; the newest
      checkpoint is still remembered.
    * `:packages` - those whose events are reported, by name or purl
    * `:statements` - whether `:all` statements are read (the default), or those of the `:watched` packages only
    * `:notes` - checkpoints that others were shown, to compare
    * `:max_age`, `:now`, `:prefix` - as in `HexProvenance.Log`
    * `:patience` - milliseconds after which it asks once more before it reports that the log shows a checkpoint that does not
      fit, or withholds something; by default 2000
  """
  @spec run(Log.options()) :: {:ok, report()} | {:error, Error.t()}
  def run(options) do
    Term.answer(:hex_provenance_monitor.run(Log.options(options)), fn report ->
      %{report | findings: Enum.map(report.findings, &finding/1)}
    end)
  end

  defp finding(finding) do
    finding = Term.with_nils(finding)

    struct!(Finding, %{
      finding
      | event: finding.event && Event.from_term(finding.event),
        error: finding.error && Error.from_term(finding.error)
    })
  end
end
