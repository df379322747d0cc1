"""A frame as a picture and as a page."""
