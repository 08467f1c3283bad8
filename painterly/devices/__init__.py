"""Find, prove and describe what computes."""
