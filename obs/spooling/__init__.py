"""The spool from inside: segments, locks, quotas, and the books of each writer."""
