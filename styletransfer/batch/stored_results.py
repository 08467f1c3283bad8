"""The records in the result bucket, and the results that they name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from styletransfer.batch.records import describes
from styletransfer.record import Record
from styletransfer.storage.base import Bucket, Entry, ObjectError

RECORD_READERS = 16  # threads that read records: each waits for the network, not for the processor


@contextmanager
def record_readers() -> Iterator[ThreadPoolExecutor]:
    """Threads that read records. After a signal or an error they begin no further one, and are not
    waited for."""
    pool = ThreadPoolExecutor(RECORD_READERS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read_records(result: Bucket, entries: Iterable[Entry]) -> dict[str, Record | None]:
    """The records in a listing's objects, by key; None: damaged. Raises StorageError."""
    ordered = sorted(entries, key=lambda entry: entry.key)

    def read(entry: Entry) -> Record | None:
        return Record.from_bytes(result.read_listed(entry))

    with record_readers() as pool:
        keys = [entry.key for entry in ordered]
        return dict(zip(keys, pool.map(read, ordered), strict=True))


def intact_records(
    records: Mapping[str, Record | None], stored: Mapping[str, Entry]
) -> dict[str, Record]:
    """The records, by key, whose result is in the bucket as they describe it. Of several that name
    one result, those of earlier versions do not count: they cannot say whose it is."""
    named = Counter(record.result for record in records.values() if record)

    def is_intact(record: Record | None) -> bool:
        if record is None or record.result is None or record.result not in stored:
            return False
        if named[record.result] > 1 and record.result_etag is None:
            return False
        try:
            return describes(record, stored[record.result])
        except ObjectError:  # A file that cannot be read.
            return False

    with record_readers() as pool:  # A folder's ETags are hashes of its files.
        verdicts = pool.map(is_intact, records.values())
        return {
            key: record
            for (key, record), good in zip(records.items(), verdicts, strict=True)
            if record and good
        }
