"""Logs of other programs: bytes to lines, lines to records, records to events."""
