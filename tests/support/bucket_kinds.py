"""The web service on each kind of result bucket."""

from pathlib import Path

import pytest

from painterly.storage import open_bucket

FOLDER, S3, VERSIONS = "a folder", "S3", "S3 with versions"
KINDS = (
    FOLDER,
    pytest.param(S3, marks=pytest.mark.slow),
    pytest.param(VERSIONS, marks=pytest.mark.slow),
)
EACH_KIND = (FOLDER, pytest.param(S3, marks=pytest.mark.thorough), KINDS[2])


def placed(request, place):
    """The configuration of `support.web_world` with the kind of bucket of a fixture's parameter, a
    folder without one."""
    kind = getattr(request, "param", FOLDER)
    if kind == FOLDER:
        return place
    moto = request.getfixturevalue("moto")
    result, style, photos = (moto.new_bucket() for _ in range(3))
    if kind == VERSIONS:
        versioning = {"Status": "Enabled"}
        moto.client.put_bucket_versioning(Bucket=result, VersioningConfiguration=versioning)
    paintings = open_bucket(style, moto.account)
    paintings.write("monet.jpg", Path(place["BUCKET_STYLE"], "monet.jpg").read_bytes())
    names = {"BUCKET_SOURCE": photos, "BUCKET_STYLE": style, "BUCKET_RESULT": result}
    return {**place, **moto.environment, **names}


def keys(buckets):
    """The keys of all objects in the result bucket, and of their versions if there are some."""
    listed = {entry.key for entry in buckets.result.list()}
    return listed | {version.key for version in buckets.result.versions() or ()}
