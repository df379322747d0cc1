"""What is counted of hits, links and tracks against the truth."""
