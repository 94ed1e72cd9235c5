"""Messages to the operator: wording, splitting, delivery, and an outbox that survives a kill."""
