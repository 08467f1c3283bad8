"""The comparison of a result's record with what a run would paint in its place.

An upgrade repaints nothing by itself: a result that differs only in the engine's version stays.
"""

from collections.abc import Mapping
from dataclasses import astuple, fields
from typing import Any

from painterly import ENGINE_VERSION
from painterly.configuration.config import Config
from painterly.images.output import OutputFormat
from painterly.orders.order import Order, etag_of
from painterly.orders.record import PaintingRef, Record
from painterly.settings.settings import Settings
from painterly.vgg.sources import BUILT_IN_NETWORK, is_built_in

ENGINE = "by another version of the engine"
_OUTPUT_NAMES = tuple(each.name.replace("_", " ") for each in fields(OutputFormat))
Differences = Mapping[str, tuple[str, ...]]


def differences(order: Order, record: Record) -> Differences:
    """Return the ways in which a result differs from what a run would paint, each with the names of
    the inputs or settings that differ.

    If the fingerprints differ, the recorded inputs are compared: versions differ in the settings
    that they have, and hash them all.
    """
    if order.is_described_by(record):
        return {}
    now = order.record_of_inputs()
    found = {
        "of another photo of the same name": (
            (order.photo.key,) if record.photo_etag != now.photo_etag else ()
        ),
        "with another mask": (
            (order.photo.key,) if etag_of(record.photo_mask) != etag_of(now.photo_mask) else ()
        ),
        "of other paintings, masks or shares": _changed_paintings(record, now),
        "with other settings": _changed_settings(record, now, order.style.settings),
        "by another network": _changed_network(record, order),
        ENGINE: _changes({"": record.engine}, {"": ENGINE_VERSION}),
        "in another format": _changes(
            dict(zip(_OUTPUT_NAMES, record.output or (), strict=False)),
            dict(zip(_OUTPUT_NAMES, astuple(order.output), strict=True)),
        ),
    }
    return {kind: names for kind, names in found.items() if names}


def stays(found: Differences, config: Config) -> bool:
    """Return whether a run leaves a result as it is.

    Args:
        found: The differences of the result.
        config: The run's configuration.
    """
    return not found or config.keep or (is_only_of_another_engine(found) and not config.repaint)


def is_only_of_another_engine(found: Differences) -> bool:
    """Return whether the engine's version is the only difference."""
    return found.keys() == {ENGINE}


def _changed_paintings(record: Record, now: Record) -> tuple[str, ...]:
    """Return the keys of paintings that differ in their content, masks or shares, whatever their
    names; all of today's if only their order differs."""
    before, after = ([*map(_content, each.paintings or ())] for each in (record, now))
    if before == after:
        return ()
    both = (*(record.paintings or ()), *(now.paintings or ()))
    changed = {each.key for each in both if (_content(each) in before) != (_content(each) in after)}
    return tuple(sorted(changed or {each.key for each in now.paintings or ()}))


def _content(painting: PaintingRef) -> tuple[Any, ...]:
    return painting.etag, painting.share, etag_of(painting.mask), etag_of(painting.region)


def _changed_settings(record: Record, now: Record, settings: Settings) -> tuple[str, ...]:
    """Return the changes of settings; none if the same ones are given: then another version had
    other defaults. A setting that is not in the record is taken as its default, and one that is
    only there is ignored: another version wrote it."""
    if record.given == now.given:
        return ()
    usual = Settings(preset=settings.preset, recipe=settings.recipe).deciding()
    recorded = {name: value for name, value in (record.settings or {}).items() if name in usual}
    if record.given is None and settings.has_default_size:
        recorded["size"] = settings.size  # Versions before 11 had other defaults.
    return _changes(usual | recorded, settings.deciding())


def _changed_network(record: Record, order: Order) -> tuple[str, ...]:
    """Return the change of network. Another version of the engine may have another built-in one."""
    both_built_in = is_built_in(order.weights.identity) and (
        (record.network or "").startswith(BUILT_IN_NETWORK)
    )
    if order.accepts_weights(record) or (both_built_in and record.engine != ENGINE_VERSION):
        return ()
    return (f"{record.network or record.weights} → {order.network}",)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{name} {_shown(old.get(name))} → {_shown(new.get(name))}".lstrip()
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)
