# Newer Elixirs hide the applications that a project does not list; tests use more of them than the library does.
if function_exported?(Mix, :ensure_application!, 1), do: apply(Mix, :ensure_application!, [:public_key])
ExUnit.start()
