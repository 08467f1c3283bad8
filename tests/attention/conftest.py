"""Fixtures of recipe attention's tests."""

from attention.hub import diffusion_hub, small_files  # noqa: F401
from support.web_world import fresh_gallery, place, web  # noqa: F401
