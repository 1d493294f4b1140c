defmodule HexProvenance.SigningKey do
  @moduledoc """
  A private key to sign with: prepared once, held outside of the VM's memory, so that it is in no crash dump and in no
  `inspect`, and wiped when nobody holds it.

      {:ok, key} = HexProvenance.SigningKey.load(pem: File.read!("key.pem"), password: password)
      HexProvenance.Sigstore.sign({:statement, json}, key: key)
  """

  alias HexProvenance.Error
  alias HexProvenance.Term

  @enforce_keys [:handle]
  defstruct [:handle]

  @opaque t :: %__MODULE__{handle: :hex_provenance_sigstore.signing_key()}

  @doc """
  Reads a PKCS #8 private key (P-256, P-384 or Ed25519): `:pem` or `:der`, and the `:password` of an encrypted one.
  """
  @spec load(keyword() | :hex_provenance_sigstore.signing_key_source()) :: {:ok, t()} | {:error, Error.t()}
  def load(source) do
    Term.answer(:hex_provenance_sigstore.signing_key(Term.options(source)), &%__MODULE__{handle: &1})
  end

  @doc """
  As `load/1`, but raises `HexProvenance.Error`.
  """
  @spec load!(keyword() | :hex_provenance_sigstore.signing_key_source()) :: t()
  def load!(source), do: Term.unwrap!(load(source))

  @doc """
  The public key: `der`, a SubjectPublicKeyInfo; `key_id`, its SHA-256; and `key_algorithm`.
  """
  @spec public_key(t()) :: {:ok, :hex_provenance_sigstore.public_key()} | {:error, Error.t()}
  def public_key(%__MODULE__{handle: handle}) do
    Term.answer(:hex_provenance_sigstore.public_key(handle), & &1)
  end

  defimpl Inspect do
    def inspect(key, _options) do
      case HexProvenance.SigningKey.public_key(key) do
        {:ok, %{key_algorithm: algorithm}} -> "#HexProvenance.SigningKey<#{algorithm}>"
        {:error, _} -> "#HexProvenance.SigningKey<>"
      end
    end
  end
end
