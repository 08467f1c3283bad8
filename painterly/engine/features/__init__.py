"""Statistics of feature maps, and the nearest neighbours of their places."""
