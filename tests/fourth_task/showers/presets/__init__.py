"""Named configurations of `showers`."""
