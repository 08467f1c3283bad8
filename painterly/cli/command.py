"""`painterly`: paints, says what there is, or runs the program that its first word names."""

import argparse
import os
import shlex
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from pathlib import Path, PurePath
from typing import Any, NoReturn, TextIO

from painterly.cli import arguments, batch
from painterly.cli.app import fail, leave, run_program, wants_json
from painterly.cli.completion import SHELLS, script
from painterly.cli.parser import HELP_WORDS, Parser, section
from painterly.cli.picture_files import as_on_disk, name_files, read_file
from painterly.cli.places import (
    STANDARD,
    is_folder_here,
    is_on_the_web,
    is_photo,
    is_ready_style,
    means_folder,
    names_file,
    names_photo,
    names_picture,
    names_style,
    no_photo_before,
    no_result,
)
from painterly.configuration import config
from painterly.configuration.flags import Work
from painterly.errors import ConfigError
from painterly.settings import ready_styles
from painterly.settings.installation import IN_CHECKOUT, PROGRAM, command, prefer_own_packages
from painterly.settings.kindness import subjects_of
from painterly.words.suggestions import closest
from painterly.words.texts import DEFAULT
from painterly.words.wording import shortened

BLENDS = ("style_weight", "style_masks", "regions")  # flags that several PAINTINGs alone have


@dataclass(frozen=True)
class Verb:
    """A program that a first word names."""

    module: str  # the module in this package, which has the program and its `parser`
    function: str  # the program: takes the words after the verb, and returns the exit code
    purpose: str  # what it does, for the help

    def attribute(self, name: str) -> Callable[..., Any]:
        """Import the module and return a function of it."""
        function: Callable[..., Any] = getattr(import_module(f"{__package__}.{self.module}"), name)
        return function


VERBS = {
    "web": Verb("web", "main", "serve a page and an API to paint from a browser"),
    "cluster": Verb("command", "cluster", "paint folders or buckets on a Ray cluster"),
    "styles": Verb("command", "styles", "list the ready styles, such as hokusai"),
    "init": Verb("init", "main", "set up buckets: create them, and write .env"),
    "send-source": Verb("sync_commands", "cl_send_source", "upload photos to BUCKET_SOURCE"),
    "send-style": Verb("sync_commands", "cl_send_style", "upload paintings to BUCKET_STYLE"),
    "get-results": Verb("sync_commands", "cl_get_results", "download BUCKET_RESULT"),
    "buckets": Verb("bucket_management", "bucket_management", "check, create, list, empty buckets"),
    "get-bucket": Verb("sync_commands", "get_bucket_content", "download a bucket"),
    "send-bucket": Verb("sync_commands", "send_to_bucket", "upload into a bucket"),
    "weights": Verb("weights", "main", "download VGG's weights"),
}
COMMANDS = section(
    "other commands, each with a --help",
    {command(name): verb.purpose for name, verb in VERBS.items()},
)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in VERBS:
        verb = VERBS[words[0]]
        return int(verb.attribute(verb.function)(words[1:]))
    start = Path(os.environ.get("STARTED_IN") or os.curdir)  # start.sh has changed the folder.
    wrong = _wrong_verb(words, start)
    painter = parser(instead=wrong)
    given, work = _given(painter, [word for word in words if word not in HELP_WORDS], start)
    if asked := [word for word in words if word in HELP_WORDS]:
        (arguments.parser(work) if given.places else painter).parse_args(asked[:1])
    if "version" in given:
        print(f"painterly {_version()}")
        return 0
    if "completion" in given:
        parsers = {name: verb.attribute("parser")(name) for name, verb in VERBS.items()}
        purposes = {name: verb.purpose for name, verb in VERBS.items()}
        print(script(given.completion, painter, parsers, purposes), end="")
        return 0
    if not words and not IN_CHECKOUT and not _has_buckets():
        painter.print_help(sys.stderr)
        return ConfigError.exit_code
    args = arguments.of_work(painter, given, work)
    if work is Work.FOLDERS and 0 < len(given.places) < 3 and "sheet" not in given:
        if wrong:
            return fail(painter.prog, wrong, ConfigError.exit_code)
        if len(given.places) == 1 and names_photo(given.places[0], start):
            return run_program(painter.prog, partial(_offer_styles, given.places[0], start))
    if work is Work.FOLDERS:
        return batch.run(args, painter.prog)
    os.chdir(start)
    return _paint_one(args, painter.prog)


def inetwork(words: Sequence[str] | None = None) -> int:
    """Paint one picture, as inetwork.py, and return the exit code."""
    words = sys.argv[1:] if words is None else words
    painter = arguments.parser(Work.PICTURE, arguments.INETWORK)
    if not words and not wants_json():
        print(f"{painter.format_usage()}       {painter.prog} --help", file=sys.stderr)
        return ConfigError.exit_code
    args = arguments.of_work(painter, arguments.parsed(painter, words), Work.PICTURE)
    return _paint_one(args, painter.prog)


def cluster(words: Sequence[str]) -> int:
    """Paint folders and buckets on a Ray cluster, and return the exit code."""
    painter = arguments.parser(Work.FOLDERS)
    given = arguments.parsed(painter, [*words, "--cluster"])
    return batch.run(arguments.of_work(painter, given, Work.FOLDERS), painter.prog)


def styles(words: Sequence[str]) -> int:
    """Print a line for each ready style, and return the exit code."""
    lister = parser("styles")
    lister.parse_args(words)
    return run_program(lister.prog, _print_styles)


def painterly() -> NoReturn:
    """Run the command, and end the process with its exit code."""
    prefer_own_packages()
    leave(main())


def parser(verb: str = "", instead: str = "") -> Parser:
    """Return the parser of the command, which knows the flags of all that it paints, or of a verb
    of this module."""
    if verb == "cluster":
        return arguments.parser(Work.FOLDERS, command(verb))
    if verb == "styles":
        return Parser(
            command(verb),
            description="Lists the ready styles: the name to paint with, title, artist, year, and "
            "the photos that it is kind to.",
            example=f"  {command()} beach.jpg hokusai out.jpg\n  {command()} beach.jpg all ./out",
            notes="In a pipe, tabs separate the columns, and an empty one is unknown.",
        )
    painter = arguments.parser(commands=COMMANDS, instead=instead)
    add = partial(arguments.add_flag, painter)
    add("version", "--version", action="store_true", help="print the version")
    text = "print a script that completes this command"
    add("completion", "--completion", choices=SHELLS, help=text)
    return painter


def _given(painter: Parser, words: Sequence[str], start: Path) -> tuple[argparse.Namespace, Work]:
    """Return what is given on a command line, and what it paints. Exits with one line for a
    mistake."""
    given = arguments.parsed(painter, words)
    try:
        given.places = as_on_disk(given.places, start)
        return given, _work_of(given, start)
    except ConfigError as error:
        painter.exit(fail(painter.prog, str(error), error.exit_code))


def _work_of(given: argparse.Namespace, start: Path) -> Work:
    """Return what a command line paints: PHOTO, PAINTING … RESULT, or PHOTO and a ready style, or
    PHOTOS PAINTINGS RESULTS, or several photos, PAINTINGS and RESULTS. Raises ConfigError if it may
    be several photos, or one and several paintings."""
    if "from_record" in given:
        return Work.PICTURE
    _check_order(given.places, start)
    if "sheet" in given or len(given.places) < 2:
        return Work.FOLDERS
    if len(given.places) == 2:
        photo, style = given.places
        one = names_photo(photo, start) and names_style(style, start)
        return Work.PICTURE if one else Work.FOLDERS
    photo, *paintings, result = given.places
    if photo == STANDARD:
        return _single(photo, result, start)
    elsewhere = ("://" in photo and not is_on_the_web(photo)) or "://" in result
    if elsewhere or is_folder_here(photo, start):
        return Work.FOLDERS
    if len(paintings) > 1:
        return _work_of_several(given, start)
    is_picture = result == STANDARD or names_file(result, start)
    return Work.PICTURE if is_picture else Work.FOLDERS


def _work_of_several(given: argparse.Namespace, start: Path) -> Work:
    """Return `_work_of` for more words than three: several photos if the last one is a folder, or a
    blend of paintings. Raises ConfigError if it may be both, or neither."""
    *words, style, result = given.places
    if any(flag in given for flag in BLENDS):
        return _single(words[0], result, start)
    if means_folder(result, start):
        return Work.FOLDERS
    is_picture = result == STANDARD or names_picture(result)
    is_ready = names_style(style, start)
    are_here = all(is_photo(each, start) for each in words)
    are_here = are_here and (is_ready or is_photo(style, start) or is_folder_here(style, start))
    if not are_here or (is_picture and not is_ready):  # The picture's program says what is missing.
        return Work.PICTURE if names_picture(words[0]) else Work.FOLDERS
    if not is_picture:
        raise ConfigError(no_result(result, start))
    folder = shlex.quote(f"./{PurePath(result).stem.strip(STANDARD) or 'painted'}")
    raise ConfigError(
        f"RESULT is {shortened(result)}, a single picture, for {len(words)} pictures and "
        f"{shortened(style)}; to paint each of them, name a folder, such as {folder}; to blend "
        "paintings in a single picture, pass --style_weight 1"
    )


def _single(photo: str, result: str, start: Path) -> Work:
    """Return Work.PICTURE. Raises ConfigError if its result is a folder: the picture would be next
    to that, under its name."""
    if result != STANDARD and means_folder(result, start):
        name = "picture.jpg" if photo == STANDARD else PurePath(photo).name
        picture = shlex.quote(str(PurePath(result, name)))
        raise ConfigError(
            f"RESULT is {shortened(result)}, a folder; name the picture in it, such as {picture}"
        )
    return Work.PICTURE


def _check_order(places: Sequence[str], start: Path) -> None:
    photo = next((each for each in places[1:] if is_photo(each, start)), "")
    if photo and is_ready_style(places[0], start):
        raise ConfigError(no_photo_before(places[0], photo))


def _paint_one(args: argparse.Namespace, name: str) -> int:
    try:
        name_files(args)
    except ConfigError as error:
        return fail(name, str(error), error.exit_code)
    if args.from_record is None:
        from painterly.cli import picture

        return picture.run(args, name)
    from painterly.cli import repaint

    return repaint.run(args, name)


def _version() -> str:
    if IN_CHECKOUT:
        text = (PROGRAM / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])
    return metadata.version("painterly")


def _has_buckets() -> bool:
    try:
        environment = config.environment()
    except ConfigError:
        return True  # The batch reports it.
    return any(name in environment for name in config.BUCKETS)


def _wrong_verb(words: Sequence[str], start: Path) -> str:
    """Return what to say of a first word that is almost a verb, and nothing else here; else an
    empty text."""
    word = words[0] if words else ""
    if not word or word.startswith("-") or not names_style(word, start):
        return ""
    verb = closest(word, VERBS)
    is_style = word in ready_styles.tables()
    return (
        f"there is no command {word!r}; did you mean {command(verb)}?"
        if verb and not is_style
        else ""
    )


def _offer_styles(photo: str, start: Path) -> NoReturn:
    """List the styles that a photo can be painted in, unless the log is JSON, and raise ConfigError
    with the words that are missing: nothing is painted in a style that was not chosen."""
    os.chdir(start)
    if photo != STANDARD:
        read_file(photo, "photo")
    if not wants_json():
        _print_styles(sys.stderr)
    typed = f"{command()} {shlex.quote(photo)}"
    raise ConfigError(
        f"{photo} needs a style, as in {typed} {next(iter(ready_styles.tables()))}; "
        f"{typed} {ready_styles.ALL} --sheet sheet.jpg shows it in all of them"
    )


def _print_styles(to: TextIO | None = None) -> int:
    to = to or sys.stdout
    rows = []
    for name in ready_styles.tables():
        title = ready_styles.title(name)
        shown = title.title_in(DEFAULT, name), title.artist or "", title.year or ""
        kind_to = ", ".join(each.replace("_", " ") for each in subjects_of(name))
        rows.append((name, *shown, kind_to))
    if to.isatty():
        widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print("".join(cells).rstrip(), file=to)
    else:
        for row in rows:
            print("\t".join(row), file=to)
    return 0
