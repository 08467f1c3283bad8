"""The web service of `support.web_world`."""

from support.web_world import (  # noqa: F401
    buckets,
    engine,
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
