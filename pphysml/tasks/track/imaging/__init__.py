"""From tracks to what images are reconstructed of: lists of protons, their outliers, and the files of reconstruction programs."""
