"""What the running sidecar keeps: intake, database, view files, its own health."""
