"""How a log call is recorded inside the bot: hand over, freeze, format, redact, write."""
