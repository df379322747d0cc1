"""Networks and decoder for other programs."""
