defmodule HexProvenance.Term do
  @moduledoc false
  # What differs between the Erlang face and this one: structs, keyword options, and nil for absence.

  alias HexProvenance.Error
  alias HexProvenance.SigningKey
  alias HexProvenance.TrustRoot

  @spec answer({:ok, term()} | {:error, :hex_provenance_error.error()}, (term() -> result)) ::
          {:ok, result} | {:error, Error.t()}
        when result: term()
  def answer({:ok, value}, fun), do: {:ok, fun.(value)}
  def answer({:error, error}, _), do: {:error, Error.from_term(error)}

  @spec unwrap!({:ok, value} | {:error, Error.t()}) :: value when value: term()
  def unwrap!({:ok, value}), do: value
  def unwrap!({:error, error}), do: raise(error)

  # What is no options at all goes on as it is, for the one place that judges options.
  @spec options(term()) :: term()
  def options(options) when is_list(options) do
    if Keyword.keyword?(options), do: options(Map.new(options)), else: options
  end

  def options(%{} = options), do: options |> handles(:trust) |> handles(:key)
  def options(options), do: options

  defp handles(options, name) do
    case options do
      %{^name => value} -> %{options | name => handle(value)}
      %{} -> options
    end
  end

  defp handle(%TrustRoot{handle: handle}), do: handle
  defp handle(%SigningKey{handle: handle}), do: handle
  defp handle([one | rest]), do: [handle(one) | handle(rest)]
  defp handle(other), do: other

  @spec with_nils(map()) :: map()
  def with_nils(map), do: :maps.map(fn _, value -> if value == :undefined, do: nil, else: value end, map)
end
