"""The batch: paints folders and buckets."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from logging import WARNING
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from painterly.cli.app import open_in_browser, run_service
from painterly.cli.brief_help import (
    OF_BATCH,
    OF_BOTH,
    ONLY_OF_PICTURE,
    ending,
    other_flags,
    section,
)
from painterly.cli.installed_defaults import check_samples, paints_instantly
from painterly.cli.parser import Parser, add_setting, filled, normalized, settings_given
from painterly.cli.places import check_not_on_the_web, similar_picture
from painterly.configuration.config import BUCKETS
from painterly.errors import ConfigError
from painterly.log import event
from painterly.settings import bucket_layout, ready_styles
from painterly.settings.installation import IN_CHECKOUT, command
from painterly.settings.settings import FIELDS, Settings, gives_way
from painterly.storage.address import is_folder, parse_address
from painterly.storage.files import storage_errors
from painterly.words.wording import printable

if TYPE_CHECKING:
    from painterly.configuration.config import Config

WATCH_S = "60"
PLACES = ("PHOTOS", "PAINTINGS", "RESULTS")
EXAMPLE = f"""\
  {command()} ./photos ./paintings ./painted --size 2048 --open
  {command()} beach.jpg monet.jpg ./painted
  {command()} my-photos my-paintings my-results --dry-run"""
SHEET = "--sheet"
NO_RESULTS = "expected a folder or bucket, or as PHOTO a single picture"
WHERE = "beside start.sh (see .env.example)" if IN_CHECKOUT else "in the current folder"
SAMPLES = "the samples are painted into ./results" if IN_CHECKOUT else "there is nothing to paint"
NOTES_ON_PLACES = f"""\
PHOTOS, PAINTINGS and RESULTS are folders, starting with ./ ../ / or ~, or buckets,
as name, name/prefix or s3://name/prefix. PHOTOS and PAINTINGS may be one picture, and
PAINTINGS ready styles, such as hokusai,klimt or all ({command("styles")} lists them).
Without them, BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT name them, in the
environment or in a file .env {WHERE}; without these,
{SAMPLES}."""
NOTES = f"""\
{NOTES_ON_PLACES} Variables set everything else as well.
Arguments override variables, and a style's settings in styles.toml override both.

exit codes: 0 all done or nothing to do, 1 some photos failed, 2 wrong configuration,
3 VGG_WEIGHTS missing or damaged, 4 no GPU though asked for, 5 storage unreachable or
access refused, 143 or 130 stopped by SIGTERM or Ctrl-C; the next run resumes from a checkpoint"""
FLAGS = {
    "--dry-run": "only report what would be painted, how long it takes here, and the memory",
    "--keep": "paint only pictures without a result, whatever has changed",
    "--repaint": "also paint again what an earlier version of the engine has painted",
    "--open": "open the results page in the browser at the end, if RESULTS is a folder",
    "--watch": "stay, and every WATCH seconds (default: 60) paint what is new or changed",
    "--cluster": "paint on the Ray cluster at CLUSTER, or else on the one on this machine",
}
PATTERN_FLAGS = {
    "--include": "only photos with such keys, as beach.jpg or '2026/*.jpg', where * stands for any "
    "text with /; may be repeated",
    "--exclude": "not photos with such keys; may be repeated",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the batch, and return its exit code."""
    batch = parser()
    words = sys.argv[1:] if arguments is None else arguments
    args = batch.parse_intermixed_args(normalized(words))

    def run(environment: Mapping[str, str]) -> int:
        from painterly.configuration import config
        from painterly.runs.run import run as run_batch

        # start.sh leaves the folder where it was called.
        start = Path(environment.get("STARTED_IN") or os.curdir).absolute()
        usual = {"CLUSTER": "auto"} if args.cluster else {}
        if args.watch:
            usual["WATCH"] = WATCH_S
        values = {**usual, **environment, **_variables(args, start)}
        if args.sheet is not None:
            from painterly.cli.sheet import make_sheet

            return make_sheet(start, args.sheet, values)
        here = is_folder(values.get("BUCKET_RESULT", "")) and "CLUSTER" not in values
        if here and paints_instantly(values):
            values["STYLE_PRESET"] = "instant"
        loaded = replace(config.load(values), include=args.include, exclude=args.exclude)
        if loaded.watch and args.open:
            raise ConfigError("--watch (WATCH) and --open do not go together: a watch has no end")
        check_samples(loaded)
        _warn_of_equal_instances(loaded, environment)
        if loaded.cluster:
            from painterly.cluster.driver import run_on_cluster

            code = run_on_cluster(loaded, environment)
        else:
            code = run_batch(loaded)
        _show_gallery(loaded, args.open, start)
        return code

    # The log is set up before anything else.
    flags = {"PROGRESS": args.progress or "", "DRY_RUN": "1" if args.dry_run else ""}
    variables = {name: value for name, value in flags.items() if value}
    return run_service(batch.prog, run, variables)


def cluster(arguments: Sequence[str]) -> int:
    """Run the batch on a Ray cluster, and return its exit code."""
    return main([*arguments, "--cluster"])


def parser(verb: str = "") -> Parser:
    """Return the parser of `painterly` for batches, or of its verb `cluster`."""
    batch = Parser(
        command(verb),
        usage=f"%(prog)s [{' '.join(PLACES)}] [flags]",
        description="Paints every photo in every style and stores each result as soon as it is "
        "done.",
        example=EXAMPLE,
        notes=NOTES,
        brief="\n\n".join(
            [
                EXAMPLE,
                filled(NOTES_ON_PLACES),
                section("flags", {**OF_BATCH, **OF_BOTH}),
                ending(),
            ]
        ),
        other_flags=other_flags(
            ONLY_OF_PICTURE,
            f"one picture ({command()} PHOTO PAINTING … RESULT.jpg)",
            "for folders and buckets",
        ),
    )
    batch.add_argument("places", metavar=" ".join(PLACES), nargs="*", help="see below")
    add_flags(batch)
    return batch


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a batch."""
    own = parser.add_argument_group("folders and buckets")
    for flag, meaning in FLAGS.items():
        own.add_argument(
            *dict.fromkeys((flag, flag[:2] + flag[2:].replace("-", "_"))),
            action="store_true",
            help=meaning,
        )
    for flag, meaning in PATTERN_FLAGS.items():
        own.add_argument(flag, action="append", default=[], metavar="PATTERN", help=meaning)
    own.add_argument(
        SHEET,
        metavar="FILE",
        help="only write one picture to choose from: one photo in all styles, or all photos in one "
        "style, with their names, by preset instant; takes no RESULTS",
    )
    own.add_argument(
        "--progress",
        metavar="WORD",
        help="bar (on a terminal), plain for a line every 10 %%, json for objects that a program "
        "reads, or none for warnings, errors and the summary only (default: bar, or plain "
        "elsewhere)",
    )
    settings = parser.add_argument_group("settings, also with dashes (docs/settings.md)")
    for name in FIELDS:
        add_setting(settings, name)


def _variables(args: argparse.Namespace, start: Path) -> dict[str, str]:
    """Return the variables that the arguments stand for.

    Args:
        args: The arguments.
        start: The folder of relative paths.

    Raises:
        ConfigError: A setting or a place is wrong.
    """
    settings = settings_given(args)
    if args.sheet is not None:
        _check_sheet(args, settings)
    asked = Settings().replaced(settings, "--")  # A wrong one is named as it was given.
    variables = {f"STYLE_{name.upper()}": "" for name in gives_way(asked.given)}
    variables |= {f"STYLE_{name.upper()}": value for name, value in settings.items()}
    if "preset" in settings:
        variables["PRESET"] = settings["preset"]
    variables |= {name.upper(): "1" for name in ("keep", "repaint") if getattr(args, name)}
    if args.places:
        names = PLACES if args.sheet is None else PLACES[:2]
        variables |= place_variables(args.places, start, names)
    return variables


def _check_sheet(args: argparse.Namespace, settings: Mapping[str, str]) -> None:
    """Raise ConfigError for a flag that a sheet cannot have."""
    others = [
        f"--{name}"
        for name in ("dry_run", "keep", "repaint", "open", "watch", "cluster")
        if getattr(args, name)
    ]
    others += [f"--{name}" for name in ("recipe", "timelapse") if name in settings]
    if settings.get("preset", "instant") != "instant":
        others.append("--preset")
    if others:
        flag = others[0].replace("_", "-")
        raise ConfigError(f"{SHEET} paints small pictures by preset instant; leave {flag} out")


def place_variables(
    places: Sequence[str], start: Path, names: Sequence[str] = PLACES
) -> dict[str, str]:
    """Return the variables for PHOTOS, PAINTINGS and RESULTS.

    Args:
        places: A folder or bucket for each of `names`; the first two may also be a single picture.
        start: The folder of relative paths.
        names: PLACES, or the first two.

    Raises:
        ConfigError: There are more or fewer, or one may be a folder or a bucket.
    """
    if len(places) != len(names):
        missing = " and ".join(names[len(places) :])
        raise ConfigError(
            f"expected {', '.join(names)}, or none of them; got {' '.join(places)}"
            + (f", so {missing} {'are' if ' and ' in missing else 'is'} missing" if missing else "")
        )
    ready = _ready_styles(places[1], start)
    located = [
        "" if ready and name == PLACES[1] else _located(place, name, start)
        for place, name in zip(places, names, strict=True)
    ]
    if len(located) == len(PLACES) and _is_picture(located[2]):
        raise ConfigError(f"RESULTS is {places[2]!r}; {NO_RESULTS}")
    values = dict(zip(BUCKETS, located, strict=False))
    for variable, one in zip(BUCKETS[:2], ("PHOTO", "STYLE"), strict=True):
        if _is_picture(values[variable]):
            values[variable], values[one] = _parts(values[variable])
    if "STYLE" in values:
        values["STYLE_MODE"] = "each"
    if ready:
        values["STYLES"] = ready
    return values


def _ready_styles(place: str, start: Path) -> str | None:
    """Return PAINTINGS if it names ready styles, or a list of them, and nothing here has that name.

    Raises ConfigError for a list with a name that there is not.
    """
    known = (*ready_styles.tables(), ready_styles.ALL)
    is_list = "," in place and "/" not in place
    if not (is_list or place in known) or os.path.lexists(start / place):
        return None
    try:
        ready_styles.named(place)
    except ConfigError as error:
        raise ConfigError(f"{PLACES[1]} is {place!r}; {error}") from None
    return place


def _located(place: str, name: str, start: Path) -> str:
    """Return a place as a value of BUCKET_*."""
    if name != PLACES[-1]:
        check_not_on_the_web(place, name)
    if place.startswith("file:"):
        return place
    try:
        path = start / Path(place).expanduser()
    except RuntimeError:  # The home of an unknown user, which opening the address reports.
        return place
    if is_folder(place):
        # Logs and records show it as it is written, if that means the same here.
        return place if path.resolve() == Path(place).expanduser().resolve() else str(path)
    with storage_errors(f"{name} {printable(place)}"):
        is_file, is_dir = path.is_file(), path.is_dir()
    if is_file:
        return str(path)
    if is_dir and not place.startswith("s3://"):
        raise ConfigError(
            f"{name} is {place!r}, which would be a bucket, and a folder here has that name; write "
            f"./{place} for the folder or s3://{place} for the bucket"
        )
    if _names_picture(place) and "/" not in place:
        problem = "there is no such file here" + similar_picture(path)
        raise ConfigError(f"{name} is {place!r}; {NO_RESULTS if name == PLACES[-1] else problem}")
    return place


def _parts(place: str) -> tuple[str, str]:
    """Return the folder or bucket of a picture, and its name in there."""
    if is_folder(place) and not place.startswith("file:"):
        return os.path.split(place)  # Path drops the ./ that makes it a folder.
    folder, _, name = place.rpartition("/")
    return folder, name


def _names_picture(place: str) -> bool:
    return PurePath(place).suffix.lower() in bucket_layout.picture_extensions()


def _is_picture(place: str) -> bool:
    if not _names_picture(place) or not ("/" in place or is_folder(place)):
        return False
    with storage_errors(printable(place)):
        return not Path(place).is_dir()


def _warn_of_equal_instances(config: "Config", environment: Mapping[str, str]) -> None:
    """Log a warning if a platform's instances of one application would all paint the same."""
    number = environment.get("INSTANCE_NUMBER", "0")  # They count from 0.
    if number != "0" and config.shard is None and not config.cluster:
        event(
            f"this is instance {number}, and every instance paints all photos; "
            "SHARD=INSTANCE_NUMBER/n divides them among n instances",
            level=WARNING,
        )


def _show_gallery(config: "Config", in_browser: bool, start: Path) -> None:
    """Log the results page if it is in a folder and complete, and open it if asked to."""
    where = parse_address(config.result_bucket)
    if config.dry_run or not config.makes_page or not isinstance(where, Path):
        return
    page, here = (where / bucket_layout.PAGE).resolve(), start.resolve()
    if page.is_file():
        shown = page.relative_to(here) if page.is_relative_to(here) else page
        event(f"Open {shown}", summary=True)
        if in_browser:
            open_in_browser(page)
