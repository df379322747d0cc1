"""What one particle, or several, leave in a sensor, and the pixels that fire."""
