# Bench driver for the library on the BEAM: one command a line in, `ok ...` or `error ...` out. Times are nanoseconds.

defmodule Bench.Case do
  @moduledoc false
  defstruct [:bundle, :artifact, :options]

  def load(folder) do
    [identity, issuer, sha256] = folder |> Path.join("case.txt") |> File.read!() |> String.split()
    root = HexProvenance.TrustRoot.load!({:file, Path.join(folder, "root.json")})

    %__MODULE__{
      bundle: File.read!(Path.join(folder, "bundle.json")),
      artifact: {:digest, :sha256, Base.decode16!(sha256, case: :lower)},
      options: [trust: root, identity: %{san: identity, issuer: issuer}]
    }
  end
end

defmodule Bench.Sleeper do
  @moduledoc false
  # A process that sleeps one millisecond in a loop: how late it wakes is what the rest of the VM would feel.

  def start do
    parent = self()
    spawn_link(fn -> loop(parent, []) end)
  end

  def stop(sleeper) do
    send(sleeper, :stop)

    receive do
      {^sleeper, delays} -> quantiles(Enum.sort(delays))
    end
  end

  defp loop(parent, delays) do
    start = System.monotonic_time(:nanosecond)

    receive do
      :stop -> send(parent, {self(), delays})
    after
      1 -> loop(parent, [System.monotonic_time(:nanosecond) - start | delays])
    end
  end

  defp quantiles(sorted) do
    at = fn percent -> Enum.at(sorted, div(length(sorted) * percent, 100)) end
    [at.(50), at.(99), List.last(sorted)]
  end
end

defmodule Bench.Memory do
  @moduledoc false

  def resident, do: status("VmRSS")
  def peak, do: status("VmHWM")

  # Writing 5 makes the kernel count the peak from now on.
  def reset_peak, do: File.write!("/proc/self/clear_refs", "5")

  defp status(field) do
    [_, kibibytes] = Regex.run(~r/#{field}:\s+(\d+) kB/, File.read!("/proc/self/status"))
    String.to_integer(kibibytes)
  end
end

defmodule Bench do
  @moduledoc false
  alias Bench.{Case, Memory, Sleeper}
  alias HexProvenance.Sigstore

  def main(folder) do
    case IO.gets("") do
      line when is_binary(line) ->
        IO.puts(reply(folder, String.split(line)))
        main(folder)

      _ ->
        :ok
    end
  end

  defp reply(folder, words) do
    "ok " <> (folder |> answer(words) |> Enum.join(" "))
  rescue
    error -> "error " <> String.replace(Exception.message(error), "\n", " ")
  end

  defp answer(_, ["versions"]), do: ["otp=#{otp()}", "elixir=#{System.version()}", "schedulers=#{schedulers()}"]
  defp answer(folder, ["verify", name, n]), do: samples(number(n), verification(kase(folder, name)))
  defp answer(folder, ["verify_erlang", name, n]), do: samples(number(n), erlang_verification(kase(folder, name)))

  defp answer(folder, ["judge", name, n]), do: samples(number(n), judging(kase(folder, name)))

  defp answer(_, ["idle", milliseconds]) do
    loaded(fn -> Process.sleep(number(milliseconds)) && 0 end)
  end

  defp answer(folder, ["callers", name, callers, milliseconds]) do
    verify = verification(kase(folder, name))
    verify.()
    loaded(fn -> from_callers(number(callers), deadline(milliseconds), verify) end)
  end

  defp answer(folder, ["many", name, batch, milliseconds]) do
    kase = kase(folder, name)
    items = List.duplicate({kase.bundle, kase.artifact}, number(batch))
    loaded(fn -> in_batches(items, kase.options, deadline(milliseconds), 0) end)
  end

  # The whole call, with the file read and hashed by the library, and how far memory rose meanwhile.
  defp answer(_, ["file", path, bundle, key]) do
    options = [trust: :none, untimed: true, keys: [%{pem: File.read!(key)}]]
    bundle = File.read!(bundle)
    :erlang.garbage_collect()
    Memory.reset_peak()
    before = Memory.resident()
    start = now()
    {:ok, _} = Sigstore.verify(bundle, {:file, path}, options)
    [now() - start, Memory.peak() - before]
  end

  defp answer(folder, ["memory", name, calls]) do
    verify = verification(kase(folder, name))
    half = div(number(calls), 2)
    repeat(div(half, 10), verify)
    for calls <- [0, half, half], do: resident_after(calls, verify)
  end

  # One after the other, and nothing else: whoever asks also reads the clock of the whole VM's processor time.
  defp answer(folder, ["sign", name, token, n]) do
    sign = signing(Path.join(folder, name), token)

    for _ <- 1..number(n) do
      start = now()
      {:ok, _} = sign.()
      now() - start
    end
  end

  # So many processes, each of which signs that often; then the codes of what failed.
  defp answer(folder, ["sign_at_once", name, token, processes, each]) do
    sign = signing(Path.join(folder, name), token)
    collect_garbage()
    Memory.reset_peak()
    before = Memory.resident()
    sleeper = Sleeper.start()
    start = now()
    failures = from_signers(number(processes), fn -> failures(number(each), sign) end)
    elapsed = now() - start
    slept = Sleeper.stop(sleeper)
    peak = Memory.peak()
    collect_garbage()
    [elapsed | slept] ++ [before, peak, Memory.resident() | failures]
  end

  defp kase(folder, name) do
    with nil <- Process.get({:case, name}) do
      kase = Case.load(Path.join(folder, name))
      Process.put({:case, name}, kase)
      kase
    end
  end

  defp signing(folder, token) do
    services = {:file, Path.join(folder, "services.json")}
    options = [token: token, services: services, trust: root(Path.join(folder, "root.json"))]
    payload = {:bytes, File.read!(Path.join(folder, "artifact"))}
    fn -> Sigstore.sign(payload, options) end
  end

  defp from_signers(processes, sign) do
    1..processes
    |> Enum.map(fn _ -> Task.async(sign) end)
    |> Task.await_many(:infinity)
    |> List.flatten()
  end

  defp failures(n, sign), do: for(_ <- 1..n, {:error, %{code: code}} <- [sign.()], do: code)

  # Prepared once, as whoever signs more than once has it.
  defp root(path) do
    with nil <- Process.get({:root, path}) do
      root = HexProvenance.TrustRoot.load!({:file, path})
      Process.put({:root, path}, root)
      root
    end
  end

  defp verification(kase) do
    fn -> {:ok, _} = Sigstore.verify(kase.bundle, kase.artifact, kase.options) end
  end

  # From evidence to judgement; a bundle without provenance has none.
  defp judging(kase) do
    evidence = Sigstore.verify!(kase.bundle, kase.artifact, kase.options)
    fn -> {:ok, _} = HexProvenance.Slsa.judge(evidence) end
  end

  defp erlang_verification(kase) do
    options = HexProvenance.Term.options(kase.options)
    fn -> {:ok, _} = :hex_provenance_sigstore.verify(kase.bundle, kase.artifact, options) end
  end

  # Two untimed calls first: whoever measured before has filled the caches with something else.
  defp samples(n, verify) do
    verify.()
    verify.()

    for _ <- 1..n do
      start = now()
      verify.()
      now() - start
    end
  end

  defp loaded(work) do
    sleeper = Sleeper.start()
    start = now()
    calls = work.()
    elapsed = now() - start
    [calls, elapsed | Sleeper.stop(sleeper)]
  end

  defp from_callers(callers, deadline, verify) do
    1..callers
    |> Enum.map(fn _ -> Task.async(fn -> until(deadline, verify, 0) end) end)
    |> Task.await_many(:infinity)
    |> Enum.sum()
  end

  defp until(deadline, verify, calls) do
    verify.()
    if now() < deadline, do: until(deadline, verify, calls + 1), else: calls + 1
  end

  defp in_batches(items, options, deadline, calls) do
    results = Sigstore.verify_many(items, options)
    true = Enum.all?(results, &match?({:ok, _}, &1))
    calls = calls + length(items)
    if now() < deadline, do: in_batches(items, options, deadline, calls), else: calls
  end

  defp resident_after(calls, verify) do
    fn -> repeat(div(calls, 2), verify) end
    |> List.duplicate(2)
    |> Enum.map(&Task.async/1)
    |> Task.await_many(:infinity)

    collect_garbage()
    Memory.resident()
  end

  defp collect_garbage, do: Enum.each(Process.list(), &:erlang.garbage_collect/1)

  defp repeat(0, _), do: :ok

  defp repeat(calls, verify) do
    verify.()
    repeat(calls - 1, verify)
  end

  defp deadline(milliseconds), do: now() + number(milliseconds) * 1_000_000
  defp now, do: System.monotonic_time(:nanosecond)
  defp number(word), do: String.to_integer(word)
  defp otp, do: :erlang.system_info(:otp_release)
  defp schedulers, do: :erlang.system_info(:schedulers_online)
end

Bench.main(hd(System.argv()))
