"""What was, in the store: examples of events with full-text search, counts by minute, trades and model calls.

`chronicle` makes rows of folded events, `writing` writes them in the sidecar's transaction, `queries` reads
them, `retention` keeps age and size within bounds, `backup` copies a store and brings it back.
"""
