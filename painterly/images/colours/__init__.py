"""Colour spaces, profiles and high dynamic range, to sRGB and back."""
