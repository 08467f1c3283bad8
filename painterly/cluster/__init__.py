"""The batch over a Ray cluster: the driver plans and counts, the nodes paint and store."""
