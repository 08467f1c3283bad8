"""Decoding of strangers' pictures in a process with limits."""
