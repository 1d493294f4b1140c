defmodule Mix.Tasks.Provenance.Inspect do
  @shortdoc "Explains a Sigstore bundle: who built what, from where, at which SLSA level"
  @moduledoc """
  Explains a Sigstore bundle to a person: who signed, what was built, from where and how, at which SLSA level, and what
  that does not prove.

      mix provenance.inspect app.tar.sigstore.json --artifact app.tar

  It verifies first, and says so when it could not: then what is shown is only what the bundle says of itself. Nobody in
  particular is expected to have signed.

  ## Options

    * `--artifact FILE` - what the bundle should be about; without it the bundle is verified for the digest that it states
    * `--trusted-root FILE` - a trusted_root.json, instead of the roots that come with this library
    * `--key FILE` - a public key (PEM), for bundles that a key signed
    * `--json` - prints one JSON object instead

  Exit status: 0 verified, 1 not verified, 2 not readable as a bundle or options that are not valid.
  """

  use Mix.Task

  import HexProvenance.Command

  @switches [artifact: :string, trusted_root: :string, key: :string, json: :boolean]

  @impl true
  def run(arguments) do
    case OptionParser.parse(arguments, strict: @switches) do
      {options, [file], []} -> inspect_file(file, options)
      {_, _, [{option, _} | _]} -> stop("unknown option #{option}: see mix help provenance.inspect")
      {_, _, []} -> stop("exactly one file, please: see mix help provenance.inspect")
    end
  end

  defp inspect_file(file, options) do
    with {:ok, bundle} <- read(file),
         {:ok, given} <- given(options),
         {:ok, inspection} <- :hex_provenance_inspect.inspect(bundle, given) do
      show(inspection, options[:json])
    else
      {:error, error} -> stop(:hex_provenance_error.format_error(error))
    end
  end

  defp given(options) do
    Enum.reduce_while(options, {:ok, %{}}, fn option, {:ok, given} ->
      case option(option) do
        {:ok, name, value} -> {:cont, {:ok, Map.put(given, name, value)}}
        :none -> {:cont, {:ok, given}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end

  defp option({:artifact, path}), do: {:ok, :artifact, {:file, path}}
  defp option({:trusted_root, path}), do: {:ok, :trust, {:file, path}}
  defp option({:json, _}), do: :none

  defp option({:key, path}) do
    with {:ok, pem} <- read(path), do: {:ok, :keys, [%{pem: pem}]}
  end

  defp read(file) do
    with {:error, reason} <- File.read(file) do
      {:error, storage_failed(file, reason)}
    end
  end

  defp storage_failed(file, reason) do
    %{
      code: :storage_failed,
      message: "#{file}: #{:file.format_error(reason)}",
      remedy: "Check the file's name and that it may be read.",
      details: %{}
    }
  end

  defp show(%{verified: verified} = inspection, json) do
    text =
      if json, do: [:hex_provenance_inspect.json(inspection), ?\n], else: :hex_provenance_inspect.format(inspection)

    IO.write(text)
    unless verified, do: halt(1)
  end
end
