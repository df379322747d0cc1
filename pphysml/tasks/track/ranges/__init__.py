"""Where a particle stops, from its energy losses."""
