defmodule HexProvenance.Log.Event do
  @moduledoc """
  An event that is in the log.

  `seq` is its number within its package, `previous` the package's entry before it, `leaf` the log's own bytes. `statement` is
  the signed statement (JSON), which the leaf repeats; it is `nil` when the service had to delete it: then the log's word
  alone is left. `links` are the digests of the bundles that the statement links; `key_id` is the registry key that signed.
  `subjects` are SHA-256 digests; of more than sixteen, how many and a digest of their list.
  """

  @enforce_keys [:index, :hash, :leaf, :event, :id, :package, :seq, :subjects, :time, :envelope]
  defstruct [
    :index,
    :hash,
    :leaf,
    :event,
    :id,
    :package,
    :version,
    :seq,
    :previous,
    :subjects,
    :time,
    :envelope,
    :statement,
    :links,
    :key_id
  ]

  @type t :: %__MODULE__{
          index: non_neg_integer(),
          hash: <<_::256>>,
          leaf: binary(),
          event: :hex_provenance_log.event_name(),
          id: String.t(),
          package: String.t(),
          version: String.t() | nil,
          seq: non_neg_integer(),
          previous: %{index: non_neg_integer(), hash: <<_::256>>} | nil,
          subjects: [<<_::256>>] | %{count: pos_integer(), sha256: <<_::256>>},
          time: non_neg_integer(),
          envelope: <<_::256>>,
          statement: binary() | nil,
          links: [<<_::256>>] | nil,
          key_id: <<_::256>> | nil
        }

  @doc false
  @spec from_term(:hex_provenance_log.event()) :: t()
  def from_term(event), do: struct!(__MODULE__, HexProvenance.Term.with_nils(event))
end
