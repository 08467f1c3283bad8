"""Recipe instant: a picture in one pass, in NumPy."""
