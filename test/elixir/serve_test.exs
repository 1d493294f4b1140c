defmodule HexProvenance.ServeTest do
  # script/serve as a person starts it, asked by curl, ended by a signal.
  use ExUnit.Case, async: false

  @moduletag timeout: 180_000

  setup do
    folder = Path.join(System.tmp_dir!(), "hex_provenance_serve_#{System.unique_integer([:positive])}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    {:ok, folder: folder, data: Path.join(folder, "data")}
  end

  test "keys and token are made once, events recorded and served, ended in order", %{folder: folder, data: data} do
    {port, first} = serve(data)
    assert [_, token] = Regex.run(~r/shown this once: ([0-9a-f]{64})/, first)
    url = url(first)

    for file <- ["log.seed", "registry.pem", "token.sha256"] do
      assert Bitwise.band(File.stat!(Path.join(data, file)).mode, 0o777) == 0o600
    end

    refute File.read!(Path.join(data, "token.sha256")) =~ token

    event = ~s({"events":[{"event":"publish","eventId":"e1","package":"phoenix","version":"1.8.1",
      "digest":{"sha256":"#{String.duplicate("8", 64)}"},"occurredAt":"2026-11-24T12:00:00Z",
      "actor":{"kind":"user","id":"chrismccord"}}]})

    json = ["-H", "content-type: application/json", "--data-binary", event]
    assert curl(json ++ [url <> "api/events"]) == "401"
    assert curl(["-H", "authorization: Bearer #{token}" | json] ++ [url <> "api/events"]) == "201"

    {newest, 0} = wait_for("event\":\"publish", url <> "api/packages/phoenix/releases/1.8.1/attestations")
    assert newest =~ "localhost/attestations"
    stop(port)

    # What was made is still there, and the token is not told again.
    {port, second} = serve(data)
    refute second =~ "shown this once"
    assert Regex.run(~r/Log key: .*/, first) == Regex.run(~r/Log key: .*/, second)
    assert curl(["-H", "authorization: Bearer #{token}" | json] ++ [url(second) <> "api/events"]) == "200"
    screenshots(url(second), folder)
    stop(port)
  end

  test "options that are not valid say what is" do
    {text, 2} = System.cmd(Path.expand("script/serve"), ["--sort", "1"], stderr_to_stdout: true, env: env())
    assert text =~ "usage: [--port PORT]"
  end

  defp serve(data) do
    port =
      Port.open({:spawn_executable, Path.expand("script/serve")}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        args: ["--port", "0", "--data", data],
        env: for({name, value} <- env(), do: {String.to_charlist(name), String.to_charlist(value)})
      ])

    {port, read_until(port, "Ctrl-C", "")}
  end

  defp env, do: [{"MIX_ENV", "test"}, {"HEX_PROVENANCE_BUILD", "0"}]

  defp read_until(port, text, read) do
    receive do
      {^port, {:data, more}} ->
        read = read <> more
        if read =~ text, do: read, else: read_until(port, text, read)

      {^port, {:exit_status, status}} ->
        flunk("script/serve ended with #{status}: #{read}")
    after
      120_000 -> flunk("script/serve did not start: #{read}")
    end
  end

  defp url(text), do: Regex.run(~r/on (http\S+)/, text) |> List.last() |> String.trim_trailing(",")

  defp stop(port) do
    {:os_pid, pid} = Port.info(port, :os_pid)
    {_, 0} = System.cmd("kill", ["-TERM", "#{pid}"])
    assert_receive {^port, {:exit_status, 0}}, 20_000
  end

  defp curl(arguments) do
    {status, 0} = System.cmd("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}" | arguments])
    status
  end

  defp wait_for(text, url, tries \\ 100) do
    {answer, status} = System.cmd("curl", ["-s", url])

    if answer =~ text or tries == 0 do
      {answer, status}
    else
      Process.sleep(50)
      wait_for(text, url, tries - 1)
    end
  end

  # Each page as a browser shows it: as wide as the window, and nothing that the policy refuses.
  defp screenshots(url, folder) do
    case System.find_executable("chromium") do
      nil ->
        IO.puts(:stderr, "SKIPPED: pages in a browser: chromium is not installed")

      chromium ->
        for path <- ["", "packages/phoenix", "packages/phoenix/1.8.1"], width <- [390, 1200] do
          picture = Path.join(folder, "page.png")

          {log, 0} =
            System.cmd(
              chromium,
              ~w(--headless --no-sandbox --disable-gpu --hide-scrollbars --enable-logging=stderr) ++
                ["--window-size=#{width},1500", "--screenshot=#{picture}", url <> path],
              stderr_to_stdout: true
            )

          refute log =~ "Content Security Policy"
          assert <<137, "PNG", _::binary>> = File.read!(picture)
          File.rm!(picture)
        end
    end
  end
end
