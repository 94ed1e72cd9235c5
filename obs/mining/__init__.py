"""The inner parts of template mining: masks (line -> form), slots (forms -> templates), tables (memory)."""
