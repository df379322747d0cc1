"""The coincidence sorter: windows, policies for multiples, cuts."""
