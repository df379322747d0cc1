"""What makes a score independent of a mass: losses, weights, adversaries, and a map of the finished score."""
