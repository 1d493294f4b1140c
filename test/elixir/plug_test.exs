# What Plug.Conn would be, as far as HexProvenance.Plug calls it: Plug is no dependency.
defmodule Plug.Conn do
  defstruct method: "GET",
            request_path: "/",
            script_name: [],
            query_string: "",
            req_headers: [],
            resp_headers: [],
            status: nil,
            resp_body: nil,
            halted: false,
            body: ""

  def read_body(conn, options) do
    if byte_size(conn.body) > options[:length], do: {:more, "", conn}, else: {:ok, conn.body, conn}
  end

  def put_resp_header(conn, name, value), do: %{conn | resp_headers: [{name, value} | conn.resp_headers]}
  def send_resp(conn, status, body), do: %{conn | status: status, resp_body: body}
  def halt(conn), do: %{conn | halted: true}
end

defmodule HexProvenance.PlugTest do
  use ExUnit.Case, async: true

  defp call(conn, options \\ []) do
    test = self()

    handler = fn request ->
      send(test, {:asked, request})
      %{status: 201, headers: [{"content-type", "text/plain"}], body: "answer"}
    end

    HexProvenance.Plug.call(conn, HexProvenance.Plug.init([handler: handler] ++ options))
  end

  test "a request goes in as it came, a response comes out" do
    conn =
      call(%Plug.Conn{
        method: "POST",
        request_path: "/api/packages/a%2B/head",
        query_string: "x=%41",
        req_headers: [{"a", "b"}],
        body: "body"
      })

    assert_received {:asked, request}

    assert request == %{
             method: "POST",
             path: "/api/packages/a%2B/head",
             query: "x=%41",
             headers: [{"a", "b"}],
             body: "body"
           }

    assert %{status: 201, resp_body: "answer", halted: true, resp_headers: [{"content-type", "text/plain"}]} = conn
  end

  test "where a router forwards from is left out" do
    call(%Plug.Conn{request_path: "/provenance/api/log/entries", script_name: ["provenance"]})
    assert_received {:asked, %{path: "/api/log/entries"}}
    call(%Plug.Conn{request_path: "/provenance", script_name: ["provenance"]})
    assert_received {:asked, %{path: "/"}}
  end

  test "whom the host knows is in the request" do
    call(%Plug.Conn{}, principal: fn %Plug.Conn{} -> :somebody end)
    assert_received {:asked, %{principal: :somebody}}
  end

  test "a body over the limit is refused" do
    state = %{
      authorise: fn _, _ -> {:error, 401} end,
      vkey: "log.example+1+x"
    }

    options = HexProvenance.Plug.init(handler: &:hex_provenance_api.handle(&1, state), body: 10)
    conn = HexProvenance.Plug.call(%Plug.Conn{method: "POST", body: String.duplicate("x", 11)}, options)
    assert conn.status == 413
    conn = HexProvenance.Plug.call(%Plug.Conn{request_path: "/log/vkey"}, options)
    assert %{status: 200, resp_body: "log.example+1+x\n"} = conn
  end
end
