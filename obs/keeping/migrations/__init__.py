"""The schema of `obs.db` by revisions, from the first one on; `obs.keeping.store` runs them."""
