defmodule HexProvenance.Bundle do
  @moduledoc """
  What is written in a Sigstore bundle, before anything of it is verified.
  """

  @doc """
  What is written in a bundle (JSON): to look at, never to decide by.

  The map has `unverified: true` in it to say so. Absent values are `nil`.
  """
  @spec info(binary()) :: {:ok, map()} | {:error, HexProvenance.Error.t()}
  def info(bundle) do
    HexProvenance.Term.answer(:hex_provenance_sigstore.bundle_info(bundle), fn info ->
      %{
        info
        | signer: HexProvenance.Term.with_nils(info.signer),
          content: HexProvenance.Term.with_nils(info.content),
          log_entries: Enum.map(info.log_entries, &HexProvenance.Term.with_nils/1)
      }
    end)
  end
end
