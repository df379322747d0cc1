"""Links, tracks, and what is fitted to them."""
