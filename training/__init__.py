"""Distils the network that comes with the program from a VGG. See README.md."""
