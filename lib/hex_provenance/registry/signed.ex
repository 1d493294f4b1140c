defmodule HexProvenance.Registry.Signed do
  @moduledoc """
  A signed registry event: a `bundle` of version 0.3 (JSON), the `envelope` in it in the canonical form whose SHA-256 the
  log names, the `signature` alone, and the `HexProvenance.Evidence` of its verification.
  """

  defstruct [:bundle, :envelope, :signature, :evidence]

  @type t :: %__MODULE__{
          bundle: String.t(),
          envelope: String.t(),
          signature: binary(),
          evidence: HexProvenance.Evidence.t()
        }
end
