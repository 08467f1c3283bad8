"""Clips by the program ffmpeg: frames in, coherent frames out."""
