"""What the facts of issues mean together: incidents, effects, life over time, rank."""
