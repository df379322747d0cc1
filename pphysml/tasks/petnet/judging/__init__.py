"""What is counted of pairs of singles against the truth."""
