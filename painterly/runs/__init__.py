"""Runs over many orders, their rounds, and their reports."""
