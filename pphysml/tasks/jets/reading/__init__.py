"""Files to jets: variables, classes, weights."""
