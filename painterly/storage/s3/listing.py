"""Complete listings of a bucket, page after page, also by services that give no way to the next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from painterly.storage.s3.errors import NOT_OFFERED, CutListingError, error_code

PAGE = 1000  # items at most, on all services
MOST_EMPTY = 1000  # pages in a row: a service may send some while it passes deleted objects
# Not every service gives all of these.
_OF_LISTINGS = {"Name", "Bucket", "KeyCount", "IsTruncated"}
# Answers to a token or a request that a service does not know.
_UNKNOWN = (*NOT_OFFERED, "InvalidArgument", "InvalidRequest")
_Item = Mapping[str, Any]
_Asked = tuple[tuple[str, str], ...]  # the parameters that say where a page begins
_Value = TypeVar("_Value")


class _Way(NamedTuple):
    """A way to ask for the next page."""

    operation: str  # the request
    # The parameters that say where a page begins, each with the field that has its value.
    parameters: Mapping[str, str]
    of_page: bool = False  # whether these are fields of the page before, or else of the last item

    def asked(self, page: _Item, last: _Item) -> _Asked:
        """Return the parameters for the next page; none if one of them has no value. An empty one
        would be refused, and a key alone leads past its other versions."""
        source = page if self.of_page else last
        values = {name: str(source.get(field) or "") for name, field in self.parameters.items()}
        return tuple(values.items()) if all(values.values()) else ()


@dataclass(frozen=True)
class Listing:
    """A kind of listing."""

    fields: tuple[str, ...]  # the fields of a page that list items
    identity: tuple[str, ...]  # the fields of an item that tell it from all others
    # The ways to ask for the next page. The first one is Amazon's.
    ways: tuple[_Way, ...]
    takes_prefix: bool = True  # whether services list by the start of keys


_NEXT_VERSION = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
_NEXT_UPLOAD = {"KeyMarker": "NextKeyMarker", "UploadIdMarker": "NextUploadIdMarker"}
OBJECTS = Listing(
    ("Contents",),
    ("Key",),
    (
        _Way("list_objects_v2", {"ContinuationToken": "NextContinuationToken"}, of_page=True),
        _Way("list_objects_v2", {"StartAfter": "Key"}),
        # Services that know only the first version of the request answer the second like it.
        _Way("list_objects", {"Marker": "Key"}),
    ),
)
VERSIONS = Listing(
    ("Versions", "DeleteMarkers"),
    ("Key", "VersionId"),
    (
        _Way("list_object_versions", _NEXT_VERSION, of_page=True),
        _Way("list_object_versions", {"KeyMarker": "Key", "VersionIdMarker": "VersionId"}),
    ),
)
UPLOADS = Listing(
    ("Uploads",),
    ("Key", "UploadId"),
    (
        _Way("list_multipart_uploads", _NEXT_UPLOAD, of_page=True),
        _Way("list_multipart_uploads", {"KeyMarker": "Key", "UploadIdMarker": "UploadId"}),
    ),
    takes_prefix=False,  # MinIO takes it for a whole key.
)


def all_items(
    client: Any,
    listing: Listing,
    bucket: str,
    prefix: str,
    read: Callable[[str, _Item], _Value],
    after: str = "",
) -> list[_Value]:
    """List a bucket to its end, each item once, for objects from after a key. `read` makes a value
    of an item, and of the field that lists it. Raises CutListingError if there is more, and no way
    leads to it; KeyError if an answer is not a listing.

    botocore's paginator ends in silence, or never, if a service says that there is more and sends
    no token, an empty one, or one that leads to the same page again. This function then asks for
    what comes after the last key, if the keys are sorted. If a token comes a second time, it lists
    from the start without tokens: the service may have taken the token for a key, and skipped the
    keys before it.
    """
    where = {"Bucket": bucket, **({"Prefix": prefix} if listing.takes_prefix else {})}
    found = _Found(listing, prefix, read)
    ways, empty = [*listing.ways], 0
    asked: _Asked = (("StartAfter", after),) if after else ()
    tried, has_ended = {asked}, False
    while True:
        page = _page(client, listing, ways[0].operation, where, asked, is_first=len(tried) == 1)
        listed, has_new = found.add(page)
        has_more = page.get("IsTruncated")
        empty = 0 if listed else empty + 1
        # Some services leave that field out, send a token without it, or end at a full page. If a
        # token leads to an empty end, it may have been taken for a key after all of these.
        unsure = has_more is None or ways[0].asked(page, {}) or listed >= PAGE
        is_empty_end = not has_more and not listed and bool(asked) and ways[0].of_page
        has_ended = has_ended or is_empty_end
        if not has_more and not (has_new and unsure) and not is_empty_end:
            break
        # It is the same page again, or such an end.
        if not has_new and (listed or is_empty_end or empty > MOST_EMPTY):
            ways.pop(0)
        elif (token := ways[0].asked(page, {})) and token in tried:
            tokenless = replace(listing, ways=listing.ways[1:])
            return all_items(client, tokenless, bucket, prefix, read, after)
        last = found.last if found.is_sorted else {}
        asked = _next(ways, page, last, set() if has_new else tried)
        if not asked:
            if has_more and not has_ended:
                raise CutListingError(found.last.get("Key", ""))
            break
        tried.add(asked)
    return found.values


class _Found(Generic[_Value]):
    """The items of a listing so far, each once.

    Attributes:
        last: The last one by its key; empty before the first.
        is_sorted: Whether the keys have come in their order.
    """

    def __init__(self, listing: Listing, prefix: str, read: Callable[[str, _Item], _Value]) -> None:
        self._fields, self._prefix, self._read = listing.fields, prefix, read
        self._identity = itemgetter(*listing.identity)
        self._values: dict[Any, _Value | None] = {}
        self.last: _Item = {}
        self.is_sorted = True

    def add(self, page: _Item) -> tuple[int, bool]:
        """Add the items of a page. Return their number, and whether one of them is new."""
        known, listed, before = len(self._values), 0, self.last.get("Key", "")
        for field in self._fields:
            items = page.get(field, ())
            listed += len(items)
            new = (item["Key"] for item in items if self._identity(item) not in self._values)
            keys = [before, *new]
            self.is_sorted = self.is_sorted and keys == sorted(keys)
            self._values |= {self._identity(item): self._value(field, item) for item in items}
            self.last = max((*items[-1:], self.last), key=_position)
        return listed, len(self._values) > known

    @property
    def values(self) -> list[_Value]:
        return [value for value in self._values.values() if value is not None]

    def _value(self, field: str, item: _Item) -> _Value | None:
        is_asked = item["Key"].startswith(self._prefix)  # Some services pass over the prefix.
        return self._read(field, item) if is_asked else None


def _page(
    client: Any,
    listing: Listing,
    operation: str,
    where: Mapping[str, str],
    asked: _Asked,
    *,
    is_first: bool,
) -> _Item:
    """Ask for a page. If a service refuses another one than the first, return a page without items
    that says that there is more."""
    from botocore.exceptions import ClientError

    try:
        page: _Item = getattr(client, operation)(**where, **dict(asked))
    except ClientError as error:
        if is_first or error_code(error) not in _UNKNOWN:
            raise
        return {"IsTruncated": True}
    if not page.keys() & {*_OF_LISTINGS, *listing.fields}:
        raise KeyError("Name")  # It is not a listing, not an empty one.
    return page


def _next(ways: list[_Way], page: _Item, last: _Item, tried: set[_Asked]) -> _Asked:
    """Return how to ask for the next page by the first of the ways that shows one, and drop the
    ways before it: they do not get better; nothing if none does."""
    while ways:
        asked = ways[0].asked(page, last)
        if asked and asked not in tried:
            return asked
        ways.pop(0)
    return ()


def _position(item: _Item) -> tuple[str, float]:
    """Return what sorts items of several fields: versions of a key come from new to old."""
    modified = item.get("LastModified")
    return item.get("Key", ""), -modified.timestamp() if modified else 0.0
