"""The command line: parses, calls the library, prints. Installed as `pphysml_cli`."""
