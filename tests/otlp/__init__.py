"""What OpenTelemetry sends us."""
