"""Files by which programs for image reconstruction read the pairs."""
