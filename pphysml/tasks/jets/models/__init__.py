"""Networks of `jets`, and what is made of their outputs."""
