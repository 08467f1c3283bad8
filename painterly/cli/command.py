"""`painterly`: paints, or runs the program that its first word names."""

import argparse
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path, PurePath
from typing import Any, NoReturn

from painterly.cli import batch, picture_arguments
from painterly.cli.app import leave
from painterly.cli.brief_help import OF_BATCH, OF_BOTH, OF_PICTURE, ending, section
from painterly.cli.completion import SHELLS, script
from painterly.cli.parser import HELP_WORDS, Parser, normalized
from painterly.cli.picture_files import STANDARD
from painterly.cli.places import is_on_the_web
from painterly.configuration import config
from painterly.errors import ConfigError
from painterly.settings import bucket_layout
from painterly.settings.installation import IN_CHECKOUT, PROGRAM, command, prefer_own_packages


@dataclass(frozen=True)
class Verb:
    """A program that a first word names.

    Attributes:
        module: The module in this package, which has the program and its `parser`.
        function: The program: takes the words after the verb, and returns the exit code.
        purpose: What it does, for the help.
    """

    module: str
    function: str
    purpose: str

    def attribute(self, name: str) -> Callable[..., Any]:
        """Import the module and return a function of it."""
        function: Callable[..., Any] = getattr(import_module(f"{__package__}.{self.module}"), name)
        return function


VERBS = {
    "web": Verb("web", "main", "serve a page and an API to paint from a browser"),
    "cluster": Verb("batch", "cluster", "paint folders or buckets on a Ray cluster"),
    "styles": Verb("styles", "main", "list the ready styles, such as hokusai"),
    "init": Verb("init", "main", "set up buckets: create them, and write .env"),
    "send-source": Verb("sync_commands", "cl_send_source", "upload photos to BUCKET_SOURCE"),
    "send-style": Verb("sync_commands", "cl_send_style", "upload paintings to BUCKET_STYLE"),
    "get-results": Verb("sync_commands", "cl_get_results", "download BUCKET_RESULT"),
    "buckets": Verb("bucket_management", "bucket_management", "check, create, list, empty buckets"),
    "get-bucket": Verb("sync_commands", "get_bucket_content", "download a bucket"),
    "send-bucket": Verb("sync_commands", "send_to_bucket", "upload into a bucket"),
    "weights": Verb("weights", "main", "download VGG's weights, or those of recipe attention"),
}
USAGE = """%(prog)s PHOTO PAINTING [PAINTING …] RESULT [flags]
       %(prog)s [PHOTOS PAINTINGS RESULTS] [flags]"""
DESCRIPTION = (
    "Paints a photo in the style of paintings, or every photo of a folder or bucket in every style."
)
COMMANDS = section(
    "other commands, each with a --help",
    {command(name): verb.purpose for name, verb in VERBS.items()},
)
EXAMPLE = f"""\
  {command()} beach.jpg hokusai out.jpg
  {command()} beach.jpg monet.jpg hokusai.jpg both.png --style_weight 0.7 0.3
  {command()} ./photos ./paintings ./painted --size 2048 --open"""
BRIEF = "\n\n".join(
    [
        EXAMPLE,
        section("flags", OF_BOTH),
        section("flags for one picture", OF_PICTURE),
        section("flags for folders and buckets", OF_BATCH),
        COMMANDS,
        ending(),
    ]
)
NOTES = f"""\
{COMMANDS}

One picture is painted if RESULT is a file's name with .jpg, .png, .webp or .tiff, or if there
are several PAINTINGs. A PAINTING may be the name of a ready style, and PAINTINGS names with
commas, or all ({command("styles")} lists them); a file of that name wins.
PHOTO may be -, the standard input, and RESULT -, the standard output; the log goes to stderr then:
  {command()} - monet.jpg - < beach.jpg > beach-by-monet.jpg

{batch.NOTES}"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    words = sys.argv[1:] if words is None else words
    if words and words[0] in VERBS:
        verb = VERBS[words[0]]
        return int(verb.attribute(verb.function)(words[1:]))
    start = Path(os.environ.get("STARTED_IN") or os.curdir)  # start.sh has changed the folder.
    args = _parsed([word for word in words if word not in HELP_WORDS])
    if asked := [word for word in words if word in HELP_WORDS]:
        _parser_for(args.places, start).parse_args(asked[:1])
    if args.version:
        print(f"painterly {_version()}")
        return 0
    if args.completion:
        parsers = {name: verb.attribute("parser")(name) for name, verb in VERBS.items()}
        purposes = {name: verb.purpose for name, verb in VERBS.items()}
        print(script(args.completion, parser(), parsers, purposes), end="")
        return 0
    if args.from_record or (args.sheet is None and _is_one_picture(args.places, start)):
        from painterly.cli.picture import inetwork

        os.chdir(start)
        return inetwork(words, command())
    if not words and not IN_CHECKOUT and not _has_buckets():
        parser().print_help(sys.stderr)
        return ConfigError.exit_code
    return batch.main(words)


def painterly() -> NoReturn:
    """Run the command, and end the process with its exit code."""
    prefer_own_packages()
    leave(main())


def parser() -> Parser:
    """Return a parser that knows the flags of one picture and of batches, for help and errors."""
    painter = Parser(
        command(),
        usage=USAGE,
        description=DESCRIPTION,
        example=EXAMPLE,
        notes=NOTES,
        brief=BRIEF,
        conflict_handler="resolve",  # Both know the settings.
        allow_abbrev=False,
    )
    painter.add_argument("places", metavar="PHOTO PAINTING … RESULT", nargs="*", help="see below")
    painter.add_argument("--version", action="store_true", help="print the version")
    painter.add_argument(
        "--completion", choices=SHELLS, help="print a script that completes this command"
    )
    picture_arguments.add_flags(painter)
    batch.add_flags(painter)
    return painter


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    return parser().parse_intermixed_args(normalized(words, picture_arguments.SWITCHES))


def _parser_for(places: Sequence[str], start: Path) -> Parser:
    """Return the parser whose help belongs to the arguments so far."""
    if not places:
        return parser()
    one = _is_one_picture(places, start)
    return picture_arguments.picture_parser(command()) if one else batch.parser()


def _version() -> str:
    if IN_CHECKOUT:
        text = (PROGRAM / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text)["project"]["version"])
    return metadata.version("painterly")


def _has_buckets() -> bool:
    """Return whether variables name what to paint."""
    try:
        environment = config.environment()
    except ConfigError:
        return True  # The batch reports it.
    return any(name in environment for name in config.BUCKETS)


def _is_one_picture(places: Sequence[str], start: Path) -> bool:
    """Return whether the arguments are PHOTO, PAINTING … and RESULT.

    Args:
        places: The arguments.
        start: The folder of relative paths.
    """
    if len(places) < 3:
        return False
    photo, result = places[0], places[-1]
    if photo == STANDARD or result == STANDARD:
        return True
    elsewhere = ("://" in photo and not is_on_the_web(photo)) or "://" in result
    if elsewhere or photo.startswith("file:") or (start / photo).is_dir():
        return False
    names_file = _is_picture(result) and not (start / result).is_dir()
    return names_file if len(places) == 3 else _is_picture(photo)


def _is_picture(name: str) -> bool:
    return PurePath(name).suffix.lower() in bucket_layout.picture_extensions()
