"""Named configurations of `track`."""
