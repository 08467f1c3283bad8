"""Stable Diffusion 1.5's networks (Rombach et al. 2022), for recipe `attention`."""
