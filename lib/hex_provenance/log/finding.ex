defmodule HexProvenance.Log.Finding do
  @moduledoc """
  One thing that a monitor saw.

  `kind` is `:event` (of a package that is watched), `:key_changed`, `:redacted` (deleted openly), or a misbehaviour:
  `:hidden_event`, `:forked_chain`, `:rolled_back_checkpoint`, `:split_view`, `:leaf_at_odds`, `:malformed_leaf`,
  `:bad_statement`, `:wrong_heads_map`, `:withheld` or `:bad_key_change`. A misbehaviour has its facts in `error`, and the
  signed notes that contradict each other in `evidence`.
  """

  @enforce_keys [:kind, :misbehaviour]
  defstruct [:kind, :misbehaviour, :index, :package, :event, :change, :digest, :error, evidence: []]

  @type t :: %__MODULE__{
          kind: :event | :key_changed | :redacted | :hex_provenance_monitor.kind(),
          misbehaviour: boolean(),
          index: non_neg_integer() | nil,
          package: String.t() | nil,
          event: HexProvenance.Log.Event.t() | nil,
          change: :hex_provenance_log.key_change() | nil,
          digest: <<_::256>> | nil,
          error: HexProvenance.Error.t() | nil,
          evidence: [String.t()]
        }
end
