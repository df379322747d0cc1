"""Networks of `track` by name."""
