"""Market data: where bars come from, how they are checked and kept, and which instruments are traded."""
