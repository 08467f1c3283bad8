"""Several pictures as one: on a sheet or a wall, with labels."""
