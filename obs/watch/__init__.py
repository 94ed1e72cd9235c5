"""What is expected of the bots and of their markets, and what breaks it: sessions, rhythms, thresholds."""
