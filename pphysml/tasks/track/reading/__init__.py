"""Files to frames: layers, hits, and which of them belong together."""
