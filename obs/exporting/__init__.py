"""What the sidecar knows, sent on to any OpenTelemetry backend: logs, traces of decisions, metrics.

`exporter` is the fold's side of it: it hears, writes down and never waits. Everything that talks to the
network works in threads of its own, from what is written down. `destination` says where it goes.
"""
