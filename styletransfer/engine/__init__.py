"""Arrays in, optimised arrays out: Gatys' style transfer, coarse to fine."""
