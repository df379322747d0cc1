"""Fixed delays of crystals: measured in the data themselves, and corrected for, whatever engine looks for pairs."""
