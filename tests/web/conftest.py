"""The web service of `support.web_world`."""

from support.web_world import (  # noqa: F401
    buckets,
    fresh_gallery,
    hand,
    locked,
    page,
    painting,
    place,
    server,
    store,
    web,
    worker,
)
