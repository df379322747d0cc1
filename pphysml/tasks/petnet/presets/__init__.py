"""Named configurations of `petnet`."""
