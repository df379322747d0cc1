"""Networks of `jets` for other programs."""
