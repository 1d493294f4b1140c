defmodule HexProvenance do
  @moduledoc """
  Build provenance for Hex packages.

  This release verifies Sigstore bundles: see `HexProvenance.Sigstore`.
  """

  @doc """
  The version of this library, such as `"0.1.0"`.
  """
  @spec version() :: String.t()
  defdelegate version, to: :hex_provenance

  @doc """
  Whether the native library is loaded; if not, the error says why and what to do. Good to ask at start.
  """
  @spec ready() :: :ok | {:error, HexProvenance.Error.t()}
  def ready do
    with {:error, error} <- :hex_provenance.ready(), do: {:error, HexProvenance.Error.from_term(error)}
  end
end
