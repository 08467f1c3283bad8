"""Recipe `attention`: it compares what Stable Diffusion's network attends to."""
