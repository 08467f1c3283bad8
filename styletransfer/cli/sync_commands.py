"""A laptop's errands, one function for each script: pictures from buckets to folders, and back.

boto3 and rich are imported when there is something to move, so that `--help` answers at once.
"""

import argparse
import contextlib
import os
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from styletransfer import bucket_layout, config
from styletransfer.errors import ConfigError, StorageError, StyleTransferError
from styletransfer.paths import WORKSPACE
from styletransfer.storage import open_bucket
from styletransfer.storage.base import Bucket, NoBucketError
from styletransfer.storage.sync import POOL, SyncResult, SyncRules, download_all, upload_all

BUCKET_HELP = "a bucket's name, or name/prefix; or a folder, starting with ./ ../ / ~ or file:"
ACCOUNT_HELP = """
CELLAR_ADDON_HOST, CELLAR_ADDON_KEY_ID and CELLAR_ADDON_KEY_SECRET are read from the environment,
or from a file .env beside this script. Without them, buckets are Amazon's."""
BUCKETS_HELP = f"""
BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT say which buckets.{ACCOUNT_HELP}"""
MOVING_HELP = """

Files that are the same on both sides are left as they are, and so is what lies only where the
files go to, unless you say --delete. Hidden files (.DS_Store) stay where they are.

exit codes: 0 all done, 1 some files failed, 2 wrong arguments or configuration,
5 storage unreachable or refused"""


def get_bucket_content(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "get_bucket_content.py",
        "Downloads what a bucket holds into a folder.",
        "  ./get_bucket_content.py my-paintings ./paintings\n"
        "  ./get_bucket_content.py my-results/monet ./results",
        ACCOUNT_HELP + MOVING_HELP,
    )
    parser.add_argument("bucket", metavar="BUCKET", help=BUCKET_HELP)
    parser.add_argument("folder", metavar="FOLDER", help="where to; made if it is missing")
    _add_rules(parser, "FOLDER", "BUCKET")
    told = parser.parse_args(arguments)

    def errand() -> SyncResult:
        return download_all(open_named(told.bucket), Path(told.folder), _rules(told))

    return finish(parser.prog, errand)


def send_to_bucket(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "send_to_bucket.py",
        "Uploads what a folder holds into a bucket.",
        "  ./send_to_bucket.py ./holidays my-photos\n"
        "  ./send_to_bucket.py ./holidays my-photos/2026/brittany",
        ACCOUNT_HELP + MOVING_HELP,
    )
    parser.add_argument("folder", metavar="FOLDER", help="what to send, with its sub-folders")
    parser.add_argument("bucket", metavar="BUCKET", help=BUCKET_HELP)
    _add_rules(parser, "BUCKET", "FOLDER")
    told = parser.parse_args(arguments)

    def errand() -> SyncResult:
        return _send(Path(told.folder), open_named(told.bucket, new=True), _rules(told))

    return finish(parser.prog, errand)


def cl_send_source(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    return _send_configured(
        arguments,
        "cl_send_source.py",
        "Sends photos, and masks (beach.mask.png beside beach.jpg), to BUCKET_SOURCE.",
        "  ./cl_send_source.py ./holidays",
        "BUCKET_SOURCE",
        bucket_layout.for_source,
    )


def cl_send_style(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    return _send_configured(
        arguments,
        "cl_send_style.py",
        "Sends paintings, masks, looks.toml and VGG's weights (.h5, .mat, .npz) to BUCKET_STYLE.",
        "  ./cl_send_style.py ./paintings",
        "BUCKET_STYLE",
        bucket_layout.for_style,
    )


def cl_get_results(arguments: Sequence[str] | None = None) -> int:
    """The script of that name; returns its exit code."""
    parser = new_parser(
        "cl_get_results.py",
        "Fetches results, their records and the gallery from BUCKET_RESULT.",
        "  ./cl_get_results.py ./results --open\n  ./cl_get_results.py ./results --watch",
        BUCKETS_HELP + MOVING_HELP + "; 130 stopped by Ctrl-C, as --watch is",
    )
    parser.add_argument("folder", metavar="FOLDER", help="where to; made if it is missing")
    _add_rules(parser, "FOLDER", "the bucket", ", in folders that came from there")
    parser.add_argument(
        "--watch", action="store_true", help="keep fetching as results appear, until Ctrl-C"
    )
    parser.add_argument(
        "--every",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how often --watch looks for new ones (default: 10)",
    )
    parser.add_argument(
        "--open", action="store_true", help="open the gallery in the browser once it is there"
    )
    told = parser.parse_args(arguments)
    if told.watch and told.dry_run:
        parser.error("--watch and --dry-run do not go together")
    folder = Path(told.folder)
    rules = _rules(told, include=bucket_layout.for_laptop, managed=bucket_layout.results_tree)

    def errand() -> SyncResult:
        [bucket] = configured("BUCKET_RESULT", new=told.watch).values()
        if told.watch:
            _watch(parser.prog, bucket, folder, rules, told.every, told.open)
        result = download_all(bucket, folder, rules)
        if told.open and not told.dry_run:
            _show(
                folder / bucket_layout.PAGE if (folder / bucket_layout.PAGE).is_file() else folder
            )
        return result

    return finish(parser.prog, errand)


def open_named(value: str, *, new: bool = False) -> Bucket:
    """The bucket of that name, with the account of the environment; `new` as in `open_bucket`."""
    return open_bucket(value, config.account(config.environment()), new=new)


def configured(*variables: str, new: bool = False) -> dict[str, Bucket]:
    """The buckets of those variables BUCKET_*, or of all three, by variable.

    Raises ConfigError where none is set: the demo's samples are nothing to send to.
    """
    loaded = config.load(config.environment())
    variables = variables or config.BUCKETS
    if loaded.demo:
        which = variables[0] if len(variables) == 1 else "BUCKET_*"
        raise ConfigError(
            f"{which} is not set; set {', '.join(config.BUCKETS)} in the environment or in "
            f"{WORKSPACE / '.env'}"
        )
    values = dict(zip(config.BUCKETS, (loaded.source, loaded.style, loaded.result), strict=True))
    return {name: open_bucket(values[name], loaded.account, new=new) for name in variables}


def on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str) -> str:
    """What is answered to a question on the terminal; nothing where the input ends."""
    try:
        return input(question).strip()
    except EOFError:
        return ""


def finish(prog: str, errand: Callable[[], SyncResult]) -> int:
    """Runs an errand and tells how it went: the summary, then what failed. Returns the code."""
    return guarded(prog, lambda: _told(prog, errand()))


def guarded(prog: str, script: Callable[[], int]) -> int:
    """A script's exit code; what it raises is told in one line."""
    try:
        return script()
    except StyleTransferError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        needed = "pip install boto3 python-dotenv rich"
        print(f"{prog}: the Python package {error.name} is missing; {needed}", file=sys.stderr)
        return ConfigError.exit_code
    except BrokenPipeError:
        # As `… list | head` ends it. What is still in the buffer has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        told = f"{prog}: stopped; what was done stays, run it again for the rest"
        print(told, file=sys.stderr, flush=True)
        if any(each.name.startswith(POOL) for each in threading.enumerate()):
            os._exit(130)  # Asked twice: Python would wait for the files under way.
        return 130


def new_parser(prog: str, what: str, example: str, more: str) -> argparse.ArgumentParser:
    """A parser whose help ends with an example, and with what the environment has to say."""
    return argparse.ArgumentParser(
        prog=prog,
        description=what,
        epilog=f"example:\n{example}\n{more}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _send_configured(
    arguments: Sequence[str] | None,
    prog: str,
    what: str,
    example: str,
    variable: str,
    include: Callable[[str], bool],
) -> int:
    more = f"\nOther kinds of files are left out.{BUCKETS_HELP}{MOVING_HELP}"
    parser = new_parser(prog, what, example, more)
    parser.add_argument("folder", metavar="FOLDER", help="what to send, with its sub-folders")
    _add_rules(parser, variable, "FOLDER", ", of these kinds")
    told = parser.parse_args(arguments)

    def errand() -> SyncResult:
        [bucket] = configured(variable, new=True).values()
        return _send(Path(told.folder), bucket, _rules(told, include=include))

    return finish(prog, errand)


def _send(folder: Path, bucket: Bucket, rules: SyncRules) -> SyncResult:
    """Sends, after offering to create the bucket if it is missing and somebody can be asked."""
    try:
        return upload_all(folder, bucket, rules)
    except NoBucketError as error:
        if rules.dry_run or not on_terminal():
            raise
        if ask(f"{str(error).partition(';')[0]}. Create it? [y/N] ").lower() not in ("y", "yes"):
            raise
        bucket.create()
        return upload_all(folder, bucket, rules)


def _watch(
    prog: str, bucket: Bucket, folder: Path, rules: SyncRules, every: float, show: bool
) -> None:
    """Fetches again and again, until somebody stops it. Only what the first look meets ends it:
    later on, the network has been there, and will be again."""
    rules = replace(rules, named=True, known={})
    told: set[str] = set()
    next(iter(bucket.list()), None)
    while True:
        try:
            result = download_all(bucket, folder, rules)
        except StorageError as error:
            print(f"{prog}: {error}; trying again in {every:g} s", file=sys.stderr, flush=True)
        else:
            if result.moved or result.deleted or not told:
                print(f"{result}".removesuffix(":"), f"· watching {bucket.name}", flush=True)
            for failure in {*result.failures} - told:
                print(f"{prog}: {failure}", file=sys.stderr, flush=True)
            told |= {"", *result.failures}
        if show and (folder / bucket_layout.PAGE).is_file():
            _show(folder / bucket_layout.PAGE)
            show = False
        time.sleep(every)


def _show(path: Path) -> None:
    opened = False
    with contextlib.suppress(webbrowser.Error):
        opened = webbrowser.open(path.resolve().as_uri())
    if not opened:
        print(f"no browser could be started; open {path} yourself", flush=True)


def _told(prog: str, result: SyncResult) -> int:
    print(result, flush=True)
    for failure in result.failures:
        print(f"{prog}: {failure}", file=sys.stderr)
    return result.exit_code


def _add_rules(
    parser: argparse.ArgumentParser, receiver: str, sender: str, which: str = ""
) -> None:
    parser.add_argument(
        "--delete",
        action="store_true",
        help=f"afterwards delete in {receiver} what {sender} does not have{which}",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what would be moved and deleted, and do not"
    )


def _rules(told: argparse.Namespace, **more: Callable) -> SyncRules:
    return SyncRules(delete=told.delete, dry_run=told.dry_run, **more)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
