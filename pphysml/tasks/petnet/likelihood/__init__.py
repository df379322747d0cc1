"""How likely a pair is, learnt from the data without truth."""
