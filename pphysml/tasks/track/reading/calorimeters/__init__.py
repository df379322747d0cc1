"""Which calorimeter hits lie in, and in which of its layers."""
