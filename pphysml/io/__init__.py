"""ROOT files to columns and back; the only room that touches uproot."""
