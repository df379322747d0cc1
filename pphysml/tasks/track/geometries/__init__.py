"""Known calorimeters; see `geometry`."""
