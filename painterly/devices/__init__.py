"""GPUs and CPUs: found, tried, described, with their memory."""
