"""`painterly`: paints, says what there is, or runs the program that its first word names."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TextIO

from cyclopts import App, CycloptsError, Group, Parameter, UnusedCliTokensError
from cyclopts.help.formatters.default import DefaultFormatter

from painterly import __version__
from painterly.cli import asked, bucket_management, init, sync_commands, web
from painterly.cli.app import run_program, wants_json
from painterly.cli.options import (
    PIPE,
    SWITCHES,
    BatchOptions,
    OutputOptions,
    PictureOptions,
    SettingOptions,
    Shares,
    Word,
    given,
    unpiped,
)
from painterly.cli.picture_files import read_file
from painterly.cli.places import STANDARD, is_photo, names_picture, started_in, typed
from painterly.cli.words import Words, matched, no_photo, part_of_style, words_of
from painterly.errors import ConfigError
from painterly.settings import ready_styles
from painterly.settings.installation import IN_CHECKOUT, command, install_command
from painterly.settings.kindness import subjects_of
from painterly.settings.settings import FIELDS
from painterly.settings.values import parse_bool
from painterly.words.texts import DEFAULT
from painterly.words.wording import shortened

INETWORK = "inetwork.py"
CLUSTER = "cluster"  # a flag that may also be the first word, with the help of all flags
EXIT_CODES = """\
Exit codes: 0 all done or nothing to do, 1 some photos or files failed, 2 wrong words or
configuration, 3 weights missing or damaged, 4 no GPU though asked for, 5 storage unreachable or
access refused, or a problem that a check found, 143, 130 or 129 stopped by SIGTERM, Ctrl-C or a
closed terminal; the same command continues from there."""
PAINTING = f"""\
Flags may be written with dashes or underscores. They override variables, and settings in
styles.toml override both.

{EXIT_CODES}"""
if not IN_CHECKOUT and not find_spec("tensorflow"):
    PAINTING += f"\n\nFor other presets than instant: {install_command('cpu')}"
MODELS = tuple(sorted(FIELDS["model"].metadata["choices"], reverse=True))


def paint(
    *words: Annotated[Word, Parameter(metavar="PHOTO … STYLE")],
    output: Annotated[Word | None, Parameter(name=["--output", "-o"], metavar="RESULT")] = None,
    shares: Shares = None,
    settings: SettingOptions = SettingOptions(),
    results: OutputOptions = OutputOptions(),
    one: PictureOptions = PictureOptions(),
    several: BatchOptions = BatchOptions(),
    completion: Literal["bash", "zsh", "fish"] | None = None,
) -> int:
    """Paint photos in the style of paintings.

    painterly beach.jpg hokusai
    painterly beach.jpg monet.jpg+klimt --shares 0.7,0.3 -o both.png
    painterly *.jpg klimt,munch -o painted/
    painterly ./photos ./paintings -o ./painted --size 2048 --open
    painterly s3://my-photos s3://my-paintings -o s3://my-results

    PHOTO: files, a folder, s3://BUCKET/PREFIX, or - for standard input.

    STYLE: a ready style by name, artist or title, a painting, a folder or s3://BUCKET of paintings;
    with commas several, each with a result; with + several in one blend; all for every ready style.
    A file of that very name wins. The command styles lists the ready styles.

    RESULT: a file, a folder (if it ends with /, is there, or gets several pictures), s3://BUCKET,
    or - for standard output. Without it, beach.jpg becomes beach-hokusai.jpg beside it, and several
    go to ./painted.

    Without words, BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT say what is painted, in the
    environment or in a file .env.

    Args:
        words: the photos, and the style
        output: where the result goes
        shares: the share of each painting in a blend (default: equal ones)
        completion: print a script that completes this command in a shell
    """
    if completion:
        print(_command().generate_completion(shell=completion), end="")
        return 0
    places = matched(words)
    if len(places) == 1:
        _one_word(places[0])
    if output is not None and several.only is not None:
        raise ConfigError(f"--{several.only} names the result; leave -o out")
    read = words_of(places, output) if places or output is not None else None
    return asked.paint(read, given(settings), results, one, several, shares)


def styles() -> int:
    """List the ready styles, such as hokusai.

    Each line has the name to paint with, title, artist, year, and the photos that it is kind to. In
    a pipe, tabs separate the columns, and an empty one is unknown.
    """
    _print_styles(sys.stdout)
    return 0


def weights(*models: Annotated[str, Parameter(choices=MODELS, metavar="MODEL")]) -> int:
    """Download VGG's weights.

    It fetches those that Keras publishes into weights/, and prints their paths.

    Args:
        models: the networks (default: vgg19)
    """
    from painterly.vgg.sources import published_file

    for model in models or MODELS[:1]:
        print(published_file(model), flush=True)
    return 0


def _inetwork(
    *words: Annotated[Word, Parameter(metavar="BASE REF … PREFIX")],
    shares: Shares = None,
    settings: SettingOptions = SettingOptions(),
    results: OutputOptions = OutputOptions(),
    one: PictureOptions = PictureOptions(),
) -> int:
    """Paint a photo in the style of one or more paintings.

    The result is PREFIX.png, or PREFIX itself if it ends in .png, .jpg, .webp or .tiff.
    docs/inetwork.md says how the flags differ from the original's.

    Args:
        words: the photo; the painting or ready style, or several to blend; the result
        shares: the share of each painting, or one weight divided equally (default: 1)
    """
    if len(words) < 3:
        got = " ".join(words) or "none"
        raise ConfigError(f"expected BASE, one or more REF, and PREFIX; got {got}; see --help")
    if not all(map(str.strip, words)):
        raise ConfigError(f"a word is empty, as a variable is that was not set: {[*words]}")
    base, *refs, prefix = words
    blend = tuple(map(part_of_style, refs))
    read = Words((base,), "", (blend,), prefix, is_one=True)
    return asked.paint(read, given(settings), results, one, shares=shares)


VERBS: dict[str, Callable[..., int]] = {
    "web": web.web,
    "styles": styles,
    "init": init.init,
    "send-source": sync_commands.send_source,
    "send-style": sync_commands.send_style,
    "get-results": sync_commands.get_results,
    "buckets": bucket_management.buckets,
    "get-bucket": sync_commands.get_bucket,
    "send-bucket": sync_commands.send_bucket,
    "weights": weights,
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    words = sys.argv[1:] if words is None else [*words]
    if words[:1] == [CLUSTER]:
        words[0] = f"--{CLUSTER}"
    named = words[0] if words and words[0] in VERBS else ""
    return _run(_command(), words, command(named).removeprefix("./" if named else ""))


def verb(name: str, words: Sequence[str] | None = None) -> int:
    """Run a verb of the command with the words after it, and return the exit code."""
    return main([name, *(sys.argv[1:] if words is None else words)])


def inetwork(words: Sequence[str] | None = None) -> int:
    """Paint one picture, as inetwork.py, and return the exit code."""
    words = sys.argv[1:] if words is None else words
    usage = f"Usage: {INETWORK} BASE REF [REF …] PREFIX [flags]"
    return _run(_app(_inetwork, usage, name=INETWORK, version_flags=()), words, INETWORK)


def _command() -> App:
    usage = f"Usage: {command()} PHOTO … STYLE [-o RESULT] [flags]"
    group = Group("Commands, each with a --help", sort_key=0)
    version = f"painterly {__version__}"
    app = _app(paint, usage, name="painterly", version=version, group_commands=group)
    for name, of in VERBS.items():
        under = App(name=name, help=_flowing(of.__doc__), help_epilogue=_flowing(EXIT_CODES))
        under.default(of)
        for action, each in (bucket_management.ACTIONS if name == "buckets" else {}).items():
            under.command(each, name=action)
        app.command(under)
    return app


def _app(of: Callable[..., int], usage: str, **about: Any) -> App:
    app = App(
        help=_flowing(of.__doc__),
        usage=usage.replace("[", "\\["),
        help_format="plaintext",
        help_formatter=_panel,
        help_epilogue=_flowing(PAINTING),
        default_parameter=Parameter(show_default=False, json_list=False),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        **about,
    )
    app.default(of)
    return app


def _flowing(text: str | None) -> str:
    """Return the help in a docstring with each paragraph in one line, apart from examples: the
    terminal wraps it."""
    about = cleandoc(text or "").partition("\n\nArgs:")[0]
    parts = [
        each.replace("painterly ", f"{command()} ")
        if each.startswith("painterly ")
        else " ".join(each.split())
        for each in about.split("\n\n")
    ]
    return "\n\n".join(parts)


def _panel(console: Any, options: Any, panel: Any) -> None:
    for entry in panel.entries:
        if entry.description is not None:
            about = entry.description.primary_renderable
            about.plain = " ".join(about.plain.split())
    DefaultFormatter()(console, options, panel)


def _run(app: App, words: Sequence[str], name: str) -> int:
    def run() -> int:
        try:
            Path.cwd()
        except FileNotFoundError:
            raise ConfigError("the current folder was deleted; change into another one") from None
        try:
            return int(app(_tokens(words)) or 0)
        except UnusedCliTokensError as error:
            unused = shortened(unpiped(" ".join(error.unused_tokens or ())))
            raise ConfigError(f"there is no place for {unused}; see --help") from None
        except CycloptsError as error:
            what = " ".join(unpiped(str(error)).split())
            end = "" if what.endswith((".", "?")) else "."
            raise ConfigError(f"{what}{end} See --help.") from None

    return run_program(name, run)


def _tokens(words: Sequence[str]) -> list[str]:
    """Return words as the parser takes them. A switch may have true or false after it, as the
    original's have; `-` is no flag, nor is the name of a picture; the last word of a line has a
    carriage return in scripts with the line ends of Windows."""
    tokens: list[str] = []
    for word in (each.removesuffix("\r") for each in words):
        if word.startswith("-") and word[1:2] != "-" and names_picture(word):
            word = f"./{word}"
        flag = tokens[-1].replace("_", "-") if tokens else ""
        value = parse_bool(word) if flag in SWITCHES else None
        if value is None:
            tokens.append(PIPE if word == STANDARD else word)
        else:
            tokens[-1] += f"={str(value).lower()}"
    return tokens


def _one_word(word: str) -> NoReturn:
    """List the styles that a photo can be painted in, unless the log is JSON: nothing is painted in
    a style that was not chosen. Raises ConfigError with the words that are missing."""
    if word != STANDARD and not is_photo(word):
        raise ConfigError(no_photo(word, (*VERBS, CLUSTER)))
    os.chdir(started_in())
    if word != STANDARD:
        read_file(word, "photo")
    if not wants_json():
        _print_styles(sys.stderr)
    raise ConfigError(
        f"{word} needs a style, as in {typed([word, 'hokusai'])}; "
        f"{typed([word, ready_styles.ALL, '--sheet', 'sheet.jpg'])} shows it in all of them"
    )


def _print_styles(to: TextIO) -> None:
    rows = []
    for name in ready_styles.tables():
        title = ready_styles.title(name)
        shown = title.title_in(DEFAULT, name), title.artist or "", title.year or ""
        kind_to = ", ".join(each.replace("_", " ") for each in subjects_of(name))
        rows.append((name, *shown, kind_to))
    is_table = to.isatty()
    widths = [max(map(len, column)) + 2 if is_table else 0 for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(("" if is_table else "\t").join(cells).rstrip(" "), file=to)
