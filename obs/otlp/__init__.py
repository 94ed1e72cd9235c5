"""OpenTelemetry comes in: what OTLP/HTTP carries becomes our events, whatever language a bot is in."""
