defmodule HexProvenance.Command do
  @moduledoc false

  # How a Mix task ends before its end.

  @doc false
  @spec stop(IO.chardata()) :: no_return()
  def stop(message) do
    IO.puts(:stderr, message)
    halt(2)
  end

  @doc false
  # Within another task or a test the status is that of an exit, which the caller may catch.
  @spec halt(non_neg_integer()) :: no_return()
  def halt(status), do: exit({:shutdown, status})
end
