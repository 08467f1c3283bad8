"""Clips: frames in, coherent frames out. A plug-in, which settings/sources.py names."""
