"""Lists of decay topologies that ship with the package."""
