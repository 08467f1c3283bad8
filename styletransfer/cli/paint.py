"""`python -m styletransfer`: the batch, as `./start.sh` runs it."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from logging import WARNING
from pathlib import Path
from typing import TYPE_CHECKING

from styletransfer import bucket_layout
from styletransfer.cli.app import open_in_browser, run_service
from styletransfer.cli.parser import new_parser
from styletransfer.cli.places import PLACES
from styletransfer.cli.places import variables as place_variables
from styletransfer.cli.setting_flags import add_setting, normalized
from styletransfer.log import event
from styletransfer.settings import FIELDS, Settings
from styletransfer.storage.address import parse_address

if TYPE_CHECKING:
    from styletransfer.config import Config

EXAMPLE = """\
  ./start.sh ./photos ./paintings ./painted --size 1024 --open
  ./start.sh beach.jpg monet.jpg ./painted
  ./start.sh my-photos my-paintings my-results --dry-run"""
NOTES = """\
PHOTOS, PAINTINGS and RESULTS are folders, starting with ./ ../ / or ~, or buckets,
as name, name/prefix or s3://name/prefix. PHOTOS and PAINTINGS may be one picture.
Without them, BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT name them, in the
environment or in a file .env beside this script (see .env.example); without these,
the samples are painted into ./results. All else is set by variables there as well.
Arguments count more than variables, and what looks.toml says of a look more than both.

exit codes: 0 all done or nothing to do, 1 some photos failed, 2 wrong configuration,
3 VGG_WEIGHTS missing or damaged, 4 no GPU though asked for, 5 storage unreachable or
access refused, 143 or 130 stopped by SIGTERM or Ctrl-C; the next run resumes from a checkpoint"""

# Variables without a flag.
_VARIABLES = (
    *("PHOTO", "LOOK", "SHARD", "STYLE_MODE", "VGG_WEIGHTS", "DEVICE", "PAINTERS", "MEMORY_LIMIT"),
    *("OUTPUT_FORMAT", "OUTPUT_QUALITY", "OUTPUT_DEPTH", "KEEP_GPS", "CHECKPOINT_EVERY"),
    *("LOG_LEVEL", "RUN_MODE"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the batch; returns its exit code."""
    parser = _parser()
    words = sys.argv[1:] if arguments is None else arguments
    args = parser.parse_intermixed_args(normalized(words))

    def run(environment: Mapping[str, str]) -> int:
        from styletransfer import config
        from styletransfer.batch.run import run as run_batch

        # start.sh leaves the folder where it was called.
        start = Path(environment.get("STARTED_IN") or os.curdir).absolute()
        usual = {"CLUSTER": "auto"} if args.cluster else {}
        loaded = config.load({**usual, **environment, **_variables(args, start)})
        _warn_of_equal_instances(loaded, environment)
        if loaded.cluster:
            from styletransfer.cluster.run import run_on_cluster

            code = run_on_cluster(loaded, environment)
        else:
            code = run_batch(loaded)
        _show_gallery(loaded, args.open, start)
        return code

    # The log is set up before anything else.
    given = {"PROGRESS": args.progress or "", "DRY_RUN": "1" if args.dry_run else ""}
    variables = {name: value for name, value in given.items() if value}
    return run_service(parser.prog, run, variables)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "./start.sh",
        "Paints every photo in every look and stores each result as soon as it is done.",
        example=EXAMPLE,
        notes=NOTES,
        variables=_VARIABLES,
    )
    parser.usage = f"%(prog)s [{' '.join(PLACES)}] [flags]"
    parser.add_argument("places", metavar=" ".join(PLACES), nargs="*", help="see below")
    parser.add_argument(
        "--dry-run",
        "--dry_run",
        action="store_true",
        help="only report what would be painted, how long it takes here, and the memory it needs",
    )
    parser.add_argument(
        "--progress",
        metavar="WORD",
        help="bar (on a terminal), plain for a line every 10 %%, json for objects that a program "
        "reads, or none but warnings, errors and the summary (default: bar, or plain elsewhere)",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="only paint what has no result yet; results stay, whatever has changed since",
    )
    parser.add_argument(
        "--open", action="store_true", help="open the results' page in the browser at the end"
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="paint on the Ray cluster that CLUSTER names, or else on that of this machine",
    )
    settings = parser.add_argument_group("settings, also with dashes (docs/settings.md)")
    for name in FIELDS:
        add_setting(settings, name)
    return parser


def _variables(args: argparse.Namespace, start: Path) -> dict[str, str]:
    """The variables that the arguments stand for. start: the folder where relative paths begin.
    Raises ConfigError."""
    settings = {name: value for name in FIELDS if (value := getattr(args, name)) is not None}
    Settings().replaced(settings, "--")  # A wrong one is named as it was given.
    found = {f"STYLE_{name.upper()}": value for name, value in settings.items()}
    if "quality" in settings:
        found["QUALITY"] = settings["quality"]
    if args.keep:
        found["KEEP"] = "1"
    if args.places:
        found |= place_variables(args.places, start)
    return found


def _warn_of_equal_instances(config: "Config", environment: Mapping[str, str]) -> None:
    """A platform's instances of one application would all paint the same."""
    number = environment.get("INSTANCE_NUMBER", "0")  # They count from 0.
    if number != "0" and config.shard is None and not config.cluster:
        event(
            f"this is instance {number}, and every instance paints all photos; "
            "SHARD=INSTANCE_NUMBER/n divides them among n instances",
            level=WARNING,
        )


def _show_gallery(config: "Config", in_browser: bool, start: Path) -> None:
    """Name the page of the results if it is in a folder and complete; open it if asked to."""
    where = parse_address(config.result)
    if config.dry_run:
        return
    if not isinstance(where, Path):
        if in_browser:
            event(
                "The results are in a bucket: ./cl_get_results.py FOLDER --open shows them.",
                summary=True,
            )
        return
    page = where / bucket_layout.PAGE
    if not config.makes_page or not page.is_file():
        if in_browser:
            why = "" if config.makes_page else "; a run without SHARD makes one"
            event(f"There is no page of all results to open in {config.result}{why}.", summary=True)
        return
    here, shown = start.resolve(), page.resolve()
    event(f"Open {shown.relative_to(here) if shown.is_relative_to(here) else shown}", summary=True)
    if in_browser:
        open_in_browser(page)
