"""Kill the sidecar and the bot at random, many times, and judge by ledgers that stand outside the victims."""
