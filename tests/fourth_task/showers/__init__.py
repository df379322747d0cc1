"""A task made for the tests: photons and pions among the showers of an event, several or none in each."""
