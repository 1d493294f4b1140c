defmodule HexProvenance.Plug do
  @moduledoc """
  The attestation service's HTTP API as a plug, for hosts with a web server of their own.

      # in a Phoenix router
      forward "/", HexProvenance.Plug, service: :hex_provenance_service

  The service is one that was started with `:hex_provenance_service.start_link/1`, without a server.

  ## Options

    * `:service` - the service's name, by default `:hex_provenance_service`
    * `:body` - how many bytes of a body are read, by default a mebibyte; whatever is longer is answered with 413
    * `:principal` - a function of the connection that says whom the host has authenticated; the service's `authorise`
      finds it in the request
    * `:handler` - a function that answers a request, instead of a service
  """

  # Plug is no dependency: it is there where this is used.
  @compile {:no_warn_undefined, Plug.Conn}

  @body 1_048_576

  @doc false
  def init(options) do
    service = Keyword.get(options, :service, :hex_provenance_service)

    %{
      handler: Keyword.get(options, :handler, &:hex_provenance_service.handle(service, &1)),
      body: Keyword.get(options, :body, @body),
      principal: Keyword.get(options, :principal)
    }
  end

  @doc false
  def call(conn, options) do
    {body, conn} = read_body(conn, options.body)
    response = options.handler.(request(conn, body, options))

    response.headers
    |> Enum.reduce(conn, fn {name, value}, conn -> Plug.Conn.put_resp_header(conn, name, value) end)
    |> Plug.Conn.send_resp(response.status, response.body)
    |> Plug.Conn.halt()
  end

  # One byte over the limit is enough to be refused.
  defp read_body(conn, limit) do
    case Plug.Conn.read_body(conn, length: limit, read_timeout: 15_000) do
      {:ok, body, conn} -> {body, conn}
      {:more, _, conn} -> {:too_large, conn}
      {:error, _} -> {"", conn}
    end
  end

  defp request(conn, body, options) do
    request = %{
      method: conn.method,
      path: below(conn.request_path, conn.script_name),
      query: conn.query_string,
      headers: conn.req_headers,
      body: body
    }

    if options.principal, do: Map.put(request, :principal, options.principal.(conn)), else: request
  end

  # Where a router forwards from is not the service's to know.
  defp below(path, []), do: path

  defp below(path, script_name) do
    prefix = "/" <> Enum.join(script_name, "/")

    case String.replace_prefix(path, prefix, "") do
      "" -> "/"
      rest -> rest
    end
  end
end
