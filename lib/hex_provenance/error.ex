defmodule HexProvenance.Error do
  @moduledoc """
  What every function of this library returns when it cannot do what was asked, and what those ending in `!` raise.

  `code` is stable and made to be matched on; `stage` says where in the work it was found; `message` and `remedy` are
  for people; `details` holds the facts by name. When more than one thing is wrong the most useful error is reported and
  the others are in its details, under `:also`.

      case HexProvenance.Sigstore.verify(bundle, {:file, path}, identity: identity) do
        {:ok, evidence} -> evidence
        {:error, %HexProvenance.Error{code: :identity_refused, details: %{actual: actual}}} -> {:signed_by, actual}
        {:error, error} -> raise error
      end
  """

  defexception [:code, :stage, :message, :remedy, details: %{}]

  @type t :: %__MODULE__{
          code: :hex_provenance_error.code(),
          stage: :hex_provenance_error.stage(),
          message: String.t(),
          remedy: String.t(),
          details: %{optional(atom()) => String.t() | integer() | [t()]}
        }

  @doc """
  Every error that this build can return: its code, stage, remedy and the names of its details.
  """
  @spec catalogue() :: [:hex_provenance_error.entry()]
  defdelegate catalogue, to: :hex_provenance_error

  @doc false
  @spec from_term(:hex_provenance_error.error()) :: t()
  def from_term(%{details: details} = error) do
    details =
      case details do
        %{also: also} -> %{details | also: Enum.map(also, &from_term/1)}
        %{} -> details
      end

    Map.merge(%__MODULE__{}, %{error | details: details})
  end

  @impl true
  def message(%__MODULE__{code: code, message: message, remedy: remedy, details: details}) do
    also = for %{code: code, message: message} <- Map.get(details, :also, []), do: "\nalso: #{message} (#{code})"
    "#{message} (#{code})#{also}\n#{remedy}"
  end
end
