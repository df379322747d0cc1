"""How good scores of jets are."""
