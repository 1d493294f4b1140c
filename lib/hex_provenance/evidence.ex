defmodule HexProvenance.Evidence do
  @moduledoc """
  What a verification found: who signed, what, when, and what was checked.

  Times are Unix seconds (UTC), hashes and keys are raw bytes, and what is absent is `nil`.

    * `signer` - a `HexProvenance.Evidence.CertificateSigner` or a `HexProvenance.Evidence.KeySigner`
    * `trust` - the trust root that vouches for the signer: `instance`, `source`, `sha256` and `as_of`
    * `transparency` - `:log`, or `:none` when no log entry was verified
    * `times` - every verified time, earliest first: `time`, `nanos`, `source` and `by`
    * `ignored_timestamps` - how many timestamps no trusted authority made
    * `log_entries` - every verified `HexProvenance.Evidence.LogEntry`
    * `content` - `:message` when the artifact itself was signed, else a `HexProvenance.Evidence.Statement`
    * `artifact` - the digests of the artifact that was verified
    * `checked` and `unchecked` - what was checked and what was not, by name
  """

  alias HexProvenance.Evidence.{CertificateSigner, KeySigner, LogEntry, Statement}
  alias HexProvenance.Term

  defstruct [
    :media_type,
    :signer,
    :trust,
    :transparency,
    :times,
    :ignored_timestamps,
    :log_entries,
    :content,
    :artifact,
    :checked,
    :unchecked
  ]

  @type t :: %__MODULE__{
          media_type: String.t(),
          signer: CertificateSigner.t() | KeySigner.t(),
          trust: trust(),
          transparency: :log | :none,
          times: [:hex_provenance_sigstore.verified_time()],
          ignored_timestamps: non_neg_integer(),
          log_entries: [LogEntry.t()],
          content: :message | Statement.t(),
          artifact: %{optional(:sha256 | :sha384 | :sha512) => binary()},
          checked: [check()],
          unchecked: [check()]
        }

  @type trust :: %{
          instance: String.t(),
          source: :embedded | :tuf | :file | :none,
          sha256: <<_::256>> | nil,
          as_of: integer() | nil
        }

  @type check :: :hex_provenance_sigstore.check()

  defmodule CertificateSigner do
    @moduledoc """
    A signer known by certificate.

    `identity` is the first of the subject alternative names in `sans`; `claims` are Fulcio's certificate extensions by
    name; `certificate` has `der`, `sha256`, `serial`, `not_before`, `not_after`, `key_algorithm` and `sct_times` (Unix
    milliseconds).
    """

    defstruct [:sans, :identity, :issuer, :claims, :unknown_extensions, :certificate, kind: :certificate]

    @type t :: %__MODULE__{
            kind: :certificate,
            sans: [{:uri | :email | :dns | :other_name, String.t()}],
            identity: String.t(),
            issuer: String.t() | nil,
            claims: %{optional(:hex_provenance_sigstore.claim()) => String.t()},
            unknown_extensions: [String.t()],
            certificate: %{
              der: binary(),
              sha256: <<_::256>>,
              serial: binary(),
              not_before: integer(),
              not_after: integer(),
              key_algorithm: String.t(),
              sct_times: [integer()]
            }
          }
  end

  defmodule KeySigner do
    @moduledoc """
    A signer known by a key the caller trusts; `key_id` is the SHA-256 of its SubjectPublicKeyInfo.
    """

    defstruct [:hint, :key_id, :key_algorithm, :valid_from, :valid_to, kind: :key]

    @type t :: %__MODULE__{
            kind: :key,
            hint: String.t(),
            key_id: <<_::256>>,
            key_algorithm: String.t(),
            valid_from: integer() | nil,
            valid_to: integer() | nil
          }
  end

  defmodule LogEntry do
    @moduledoc """
    A verified transparency log entry.

    `integrated_time` is there only under a verified promise. `checkpoint` has `origin`, `size`, `root_hash` and
    `other_signatures`: names such as those of witnesses, which are not verified.
    """

    defstruct [
      :log,
      :log_id,
      :index,
      :kind,
      :version,
      :integrated_time,
      :inclusion_promise,
      :checkpoint,
      :body
    ]

    @type t :: %__MODULE__{
            log: String.t(),
            log_id: binary(),
            index: non_neg_integer(),
            kind: String.t(),
            version: String.t(),
            integrated_time: integer() | nil,
            inclusion_promise: boolean(),
            checkpoint: :hex_provenance_sigstore.checkpoint() | nil,
            body: binary()
          }
  end

  defmodule Statement do
    @moduledoc """
    A signed in-toto statement: `statement_bytes` exactly as signed, and `statement` decoded, with string keys and
    `:null` for JSON's null. `subject` is the one that is the artifact: `index`, `name` and `digests`.
    """

    defstruct [:payload_type, :statement_bytes, :statement, :subject]

    @type t :: %__MODULE__{
            payload_type: String.t(),
            statement_bytes: binary(),
            statement: :hex_provenance_sigstore.json(),
            subject: %{
              index: non_neg_integer(),
              name: String.t() | nil,
              digests: %{optional(String.t()) => String.t()}
            }
          }
  end

  @doc false
  @spec from_term(:hex_provenance_sigstore.evidence()) :: t()
  def from_term(evidence) do
    Map.merge(%__MODULE__{}, %{
      evidence
      | signer: signer(evidence.signer),
        trust: Term.with_nils(evidence.trust),
        log_entries: Enum.map(evidence.log_entries, &Map.merge(%LogEntry{}, Term.with_nils(&1))),
        content: content(evidence.content)
    })
  end

  defp signer(%{kind: :certificate} = signer), do: Map.merge(%CertificateSigner{}, Term.with_nils(signer))
  defp signer(%{kind: :key} = signer), do: Map.merge(%KeySigner{}, Term.with_nils(signer))

  defp content(:message), do: :message

  defp content(%{subject: subject} = statement) do
    Map.merge(%Statement{}, %{statement | subject: Term.with_nils(subject)})
  end
end
