"""The minimisation of the losses at one size."""
