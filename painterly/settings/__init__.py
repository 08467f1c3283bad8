"""The settings of a picture, ready styles, and the names that are fixed."""
