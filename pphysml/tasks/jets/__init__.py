"""Jets by their class, flat in the mass if asked."""
