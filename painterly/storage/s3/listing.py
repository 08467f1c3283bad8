"""Complete listings of a bucket, page after page, as Amazon, Ceph and MinIO send them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from painterly.progress import Tally
from painterly.storage.s3.errors import (
    NOT_FOUND,
    NotS3Error,
    OddListingError,
    error_code,
    given,
)
from painterly.words.wording import printable

PAGE = 1000  # items at most, on all services
MOST_EMPTY = 1000  # pages in a row: a service may send some while it passes deleted objects
# Not every service gives all of these.
_OF_LISTINGS = {"Name", "Bucket", "KeyCount", "IsTruncated"}
_Item = Mapping[str, Any]
_Identity = tuple[str, ...]  # a key, and the number of a version or an upload
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Listing:
    """A kind of listing."""

    operation: str  # the request
    fields: tuple[str, ...]  # the fields of a page that list items
    identity: tuple[str, ...]  # the fields of an item that tell it from all others
    # The parameters of the next page, each with the field of the page that has its value.
    token: Mapping[str, str]
    after: Mapping[str, str]  # the same by the fields of an item
    takes_prefix: bool = True  # whether services list by the start of keys


OBJECTS = Listing(
    "list_objects_v2",
    ("Contents",),
    ("Key",),
    {"ContinuationToken": "NextContinuationToken"},
    {"StartAfter": "Key"},
)
VERSIONS = Listing(
    "list_object_versions",
    ("Versions", "DeleteMarkers"),
    ("Key", "VersionId"),
    {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"},
    {"KeyMarker": "Key", "VersionIdMarker": "VersionId"},
)
UPLOADS = Listing(
    "list_multipart_uploads",
    ("Uploads",),
    ("Key", "UploadId"),
    {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"},
    {"KeyMarker": "Key", "UploadIdMarker": "UploadId"},
    takes_prefix=False,  # MinIO takes it for a whole key.
)


def all_items(
    client: Any,
    listing: Listing,
    bucket: str,
    prefix: str,
    read: Callable[[str, _Item], _Value],
    after: str = "",
    tries: int = 3,
) -> list[_Value]:
    """List a bucket to its end, each item once, for objects from after a key. `read` makes a value
    of an item, and of the field that lists it.

    botocore's paginator ends in silence, or never, if a service says that there is more and sends
    no token, an empty one, or one that leads to the same page again.

    Raises:
        OddListingError: There is more, and the service does not say how to ask for it; or the keys
            are not those of the objects.
        NotS3Error: An answer is not a listing.
    """
    where = {"Bucket": bucket, **({"Prefix": prefix} if listing.takes_prefix else {})}
    asked = {"StartAfter": after} if after else {}
    found: dict[_Identity, _Value | None] = {}
    last, rest, empty, has_ended = "", dict[str, str](), 0, False
    tally = Tally(f"listing {bucket}")
    while True:
        tally.show(len(found))
        page = getattr(client, listing.operation)(**where, **asked)
        items = _items(listing, page)
        _check_spelling(client, bucket, page)
        new = [each for each in items if each not in found]
        if has_ended:
            if not any(key > after for key, *_ in new):  # It may be the first page again.
                break
            if tries == 1:
                raise _cut(printable(f"{bucket}/{prefix}".rstrip("/")), last)
            # Or it was stored just now: Ceph sends a token with each listing of uploads.
            return all_items(client, listing, bucket, prefix, read, after, tries - 1)
        for identity in new:
            is_asked = identity[0].startswith(prefix)  # Some services pass over the prefix.
            found[identity] = read(*items[identity]) if is_asked else None
        if items:
            rest = _parameters(listing.after, items[max(items)][1])
            last = max(items)[0]
        empty = 0 if items else empty + 1
        token, says_more = _parameters(listing.token, page), page.get("IsTruncated")
        if says_more and (not token or empty > MOST_EMPTY or (items and not new)):
            raise _cut(printable(f"{bucket}/{prefix}".rstrip("/")), last)
        if not says_more:
            # It may say nothing, or send a token, end at a full page, or have taken a token for a
            # key behind all of these: ask again.
            has_ended, is_certain = True, says_more is False and 0 < len(items) < PAGE
            token = token or (rest if not is_certain else {})
            if not token:
                break
        asked = token
    return [value for value in found.values() if value is not None]


def _cut(name: str, last: str) -> OddListingError:
    after = f" after {printable(last)}" if last else ""
    return OddListingError(
        f"ends the listing of {name} early: more follows{after}, and it does not say how to ask "
        "for that, as S3 does; use another service"
    )


def _check_spelling(client: Any, bucket: str, page: _Item) -> None:
    """Raise OddListingError if the keys of objects are others in a listing: a service may encode
    them, as it is asked to, and not say so. Results would never be seen again."""
    from botocore.exceptions import ClientError

    keys = (each["Key"] for each in page.get("Contents", ()))
    doubtful = next((each for each in keys if "%2F" in each), None)
    try:
        if doubtful and "EncodingType" not in page:
            client.head_object(Bucket=bucket, Key=doubtful)
    except ClientError as error:
        if error_code(error) not in NOT_FOUND:
            raise
        raise OddListingError(
            f"encodes the keys in the listing of {bucket}, and does not say so, as S3 does; use "
            "another service"
        ) from error


def _items(listing: Listing, page: _Item) -> dict[_Identity, tuple[str, _Item]]:
    if not page.keys() & {*_OF_LISTINGS, *listing.fields}:
        raise NotS3Error  # Rather than an empty listing.
    return {
        tuple(given(item, each) for each in listing.identity): (name, item)
        for name in listing.fields
        for item in page.get(name, ())
    }


def _parameters(fields: Mapping[str, str], source: _Item) -> dict[str, str]:
    """Return the parameters of the next page; none if one of them has no value. An empty one would
    be refused, and a key alone leads past its other versions."""
    values = {name: str(source.get(field) or "") for name, field in fields.items()}
    return values if all(values.values()) else {}
