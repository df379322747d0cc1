"""High-level variables of jets, from their constituents."""
