"""From file entries to slices of singles in the order of time."""
