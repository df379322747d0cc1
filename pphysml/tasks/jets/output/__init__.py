"""What the output says of jets."""
