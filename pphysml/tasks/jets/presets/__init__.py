"""Named configurations of `jets`."""
