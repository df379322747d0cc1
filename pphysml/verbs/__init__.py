"""What the program does, one file per verb of the command line."""
