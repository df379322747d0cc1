"""PET scanners: where each crystal is, and what its ids are."""
