"""The town of `town.py`: what is built there, what its surfaces are made of, and its light."""
