"""Trains the project's own networks on pictures that this package draws. Development only: the
product never imports it."""
