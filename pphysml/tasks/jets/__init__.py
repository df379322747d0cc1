"""Jets, and what they come from."""
