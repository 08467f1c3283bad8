"""The settings that a request may choose, and how far."""

OFFERED = (
    *("preserve_color", "strength", "size", "iterations", "color_match", "init_image"),
    *("structure_weight", "style_scale", "total_variation_weight", "seed"),
)
