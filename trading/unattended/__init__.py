"""Looking after a core that runs alone: how it stands, and what an installation still needs."""
