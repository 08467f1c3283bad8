"""Arrays in, optimised arrays out: pictures that are grown scale by scale to match paintings."""
