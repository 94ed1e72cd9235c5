"""The live page as data: what it says of days that are played here."""
