"""The record of a result: a JSON object stored beside it that says how the result was made.

By its fingerprint a later run knows whether the result is up to date. A record of a failure says
why a photo could not be painted and keeps what an earlier result's record said.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

Scalar = str | int | float | bool | None
OutputFields = tuple[str | None, int, int, bool]  # format, quality, depth, keep_gps


@dataclass(frozen=True)
class PictureRef:
    """A mask or region that a result was made from, or a result: its key, and its content's
    ETag."""

    key: str
    etag: str


@dataclass(frozen=True)
class PaintingRef:
    """A painting that a result was made from, and its share of the blend."""

    key: str
    share: float | None = None
    etag: str | None = None
    mask: PictureRef | None = None
    region: PictureRef | None = None


@dataclass(frozen=True)
class Record:
    """What is known of one photo in one look. None: not known, as in records of older versions,
    or, for `photo_mask`, `vgg_weights` and `note`, that there is none.

    Fields are in the order of the JSON keys. `network` is the name of what painted, `weights` its
    identity, `output` are the fields of images.output.OutputFormat in their order, `source` and
    `style` values for storage.open_bucket, `content_weight` the photo's at the end (see
    engine.optimizers.steered), `seconds` the time it took to paint, `finished` and
    `tried` times in ISO 8601. `result_etag` and `result_size` (in bytes) are those of the object
    under the key `result`; `made` is what else the bucket may hold of this photo in this look: a
    result that is about to be stored, or earlier ones under other keys.
    """

    photo: str | None = None
    photo_etag: str | None = None
    photo_mask: PictureRef | None = None
    look: str | None = None
    paintings: tuple[PaintingRef, ...] | None = None
    width: int | None = None
    height: int | None = None
    settings: Mapping[str, Scalar] | None = None
    network: str | None = None
    weights: str | None = None
    vgg_weights: str | None = None
    engine: str | None = None
    device: str | None = None
    losses: Mapping[str, float] | None = None
    content_weight: float | None = None
    seconds: float | None = None
    source: str | None = None
    style: str | None = None
    output: OutputFields | None = None
    fingerprint: str | None = None
    note: str | None = None
    result: str | None = None
    result_etag: str | None = None
    result_size: int | None = None
    made: tuple[PictureRef, ...] | None = None
    finished: str | None = None
    error: str | None = None
    tried: str | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> "Record | None":
        """The record that a file's content holds, or None where it is not one: no JSON, or a field
        of another type than ours. Fields that are missing or unknown do no harm."""
        try:
            return cls._from_json(json.loads(data))
        except (ValueError, RecursionError):
            return None

    def to_bytes(self) -> bytes:
        """The record as a file's content, which `from_bytes` reads."""
        # A result without a mask, or with the default weights, says so.
        explicit = ("photo_mask", "vgg_weights") if self.result is not None else ()
        known = {
            name: value
            for name, value in asdict(self).items()
            if value is not None or name in explicit
        }
        try:
            return json.dumps(known, indent=2, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # A key from a file name that is not UTF-8.
            return json.dumps(known, indent=2).encode()

    @classmethod
    def _from_json(cls, content: object) -> "Record":
        given = _object(content)
        return cls(
            **{
                name: read(given[name])
                for name, read in _READERS.items()
                if given.get(name) is not None
            }
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    return value


def _scalar(value: object) -> Scalar:
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError
    return value


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError
    return value


def _picture(value: object) -> PictureRef | None:
    return None if value is None else _picture_ref(value)


def _picture_ref(value: object) -> PictureRef:
    given = _object(value)
    return PictureRef(_text(given.get("key")), _text(given.get("etag")))


def _painting(value: object) -> PaintingRef:
    given = _object(value)
    share, etag = given.get("share"), given.get("etag")
    return PaintingRef(
        key=_text(given.get("key")),
        share=None if share is None else _number(share),
        etag=None if etag is None else _text(etag),
        mask=_picture(given.get("mask")),
        region=_picture(given.get("region")),
    )


def _output(value: object) -> OutputFields:
    given = _list(value)
    name, quality, depth, keep_gps = (*given, *_OUTPUT_DEFAULTS[len(given) :])[:4]
    if not isinstance(keep_gps, bool):
        raise ValueError
    return None if name is None else _text(name), _whole(quality), _whole(depth), keep_gps


_OUTPUT_DEFAULTS = (None, 95, 8, False)  # Records of older versions end with the quality.
_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys((each.name for each in fields(Record)), _text),
    "photo_mask": _picture,
    "paintings": lambda value: tuple(map(_painting, _list(value))),
    "result_size": _whole,
    "made": lambda value: tuple(_picture_ref(each) for each in _list(value)),
    "width": _whole,
    "height": _whole,
    "settings": lambda value: {name: _scalar(each) for name, each in _object(value).items()},
    "losses": lambda value: {name: _number(each) for name, each in _object(value).items()},
    "content_weight": _number,
    "seconds": _number,
    "output": _output,
}
