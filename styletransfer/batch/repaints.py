"""Why photos are painted that have results already: what differs from what their records say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from styletransfer import ENGINE_VERSION
from styletransfer.batch.records import record_of_inputs
from styletransfer.images.output import OutputFormat
from styletransfer.log import printable
from styletransfer.record import Record

if TYPE_CHECKING:
    from styletransfer.batch.network_pool import NetworkPool
    from styletransfer.batch.plan import Plan, Task

MOST_DIFFERENCES = 3  # differences of a kind
_OUTPUT_NAMES = tuple(each.name.replace("_", " ") for each in fields(OutputFormat))


class _Difference(NamedTuple):
    """One way in which a result is not what a run would paint; names: of what differs."""

    kind: str
    names: tuple[str, ...] = ()


def repaint_causes(
    tasks: "Iterable[Task]", plan: "Plan", networks: "NetworkPool"
) -> list[tuple[int, str]]:
    """How many results of these tasks are there, and in what they differ, most frequent first:
    (60, `with other settings (strength 0.6 → 0.3)`). Tasks without a result do not count."""
    counts: dict[tuple[str, ...], int] = {}
    names: dict[tuple[str, ...], dict[str, dict[str, None]]] = {}
    for task in tasks:
        record = task.previous_record
        if record is None or record.result not in plan.stored:
            continue
        found = list(_differences(task, record, plan, networks))
        kinds = tuple(each.kind for each in found)
        counts[kinds] = counts.get(kinds, 0) + 1
        for each in found:
            known = names.setdefault(kinds, {}).setdefault(each.kind, {})
            known.update(dict.fromkeys(each.names))
    ordered = sorted(counts, key=lambda kinds: -counts[kinds])
    return [
        (counts[kinds], " and ".join(_with_names(each, names[kinds][each]) for each in kinds))
        for kinds in ordered
    ]


def _differences(
    task: "Task", record: Record, plan: "Plan", networks: "NetworkPool"
) -> Iterator[_Difference]:
    """What differs between a record and what would be painted. Fields that records of earlier
    versions lack count as equal."""
    now = record_of_inputs(task.photo, task.mask, task.look)
    found = []
    if record.photo_etag not in (None, now.photo_etag):
        found.append(_Difference("of another photo of the same name", (task.photo.key,)))
    if record.photo_etag is not None and record.photo_mask != now.photo_mask:
        found.append(_Difference("with another mask", (task.photo.key,)))
    if record.paintings is not None and record.paintings != now.paintings:
        inputs = now.paintings or ()
        changed = set(record.paintings) ^ set(inputs) or set(inputs)
        keys = sorted({each.key for each in changed})
        found.append(_Difference("of other paintings, masks or shares", tuple(keys)))
    if record.settings is not None and now.settings is not None:
        found.append(_Difference("with other settings", _changes(record.settings, now.settings)))
    if record.weights and not networks.accepts(record, task.look.settings):
        change = f"{record.network or record.weights} → {networks.described(task.look.settings)}"
        found.append(_Difference("by another network", (change,)))
    if record.engine not in (None, ENGINE_VERSION):
        change = f"{record.engine} → {ENGINE_VERSION}"
        found.append(_Difference("by another version of the engine", (change,)))
    if record.output is not None:
        old_format, new_format = (
            dict(zip(_OUTPUT_NAMES, each, strict=True))
            for each in (record.output, astuple(plan.output))
        )
        found.append(_Difference("in another format", _changes(old_format, new_format)))
    found = [each for each in found if each.names]
    if not found and record.fingerprint == task.fingerprint:
        found = [_Difference("with other content than recorded", (record.result or "",))]
    yield from found or [_Difference("by an earlier version")]


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{name} {_shown(old.get(name))} → {_shown(new.get(name))}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def _shown(value: object) -> str:
    return "unset" if value is None else str(value)


def _with_names(kind: str, names: Iterable[str]) -> str:
    named = [printable(each) for each in names]
    if not named:
        return kind
    more = f", and {len(named) - MOST_DIFFERENCES} more" if len(named) > MOST_DIFFERENCES else ""
    return f"{kind} ({', '.join(named[:MOST_DIFFERENCES])}{more})"
