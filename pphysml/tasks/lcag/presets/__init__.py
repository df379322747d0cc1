"""Named configurations of `lcag`."""
