"""The schema of `obs.db` by revisions, from the first one on; `obs.store` runs them."""
