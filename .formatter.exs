[
  inputs: ["mix.exs", ".formatter.exs", "lib/**/*.ex", "test/**/*.exs"],
  line_length: 120
]
