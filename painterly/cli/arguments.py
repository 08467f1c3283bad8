"""The command line that paints: its one parser, made from the table of flags, and its help."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from painterly.cli.app import fail
from painterly.cli.parser import HELP_ALL, Parser, filled, section
from painterly.configuration.config import DEVICE_CHOICES
from painterly.configuration.flags import NUM_ITER, SWITCH, Flag, Work, flags, groups, only_of
from painterly.errors import ConfigError
from painterly.settings import bucket_layout
from painterly.settings.installation import IN_CHECKOUT, command, install_command
from painterly.settings.recipes import PRESETS, RECIPES
from painterly.settings.settings import FIELDS, Settings
from painterly.settings.values import expectation, parse_bool

_NO_FLAG = "\0"  # before a word that argparse would take for a flag
PLACES = ("PHOTOS", "PAINTINGS", "RESULTS")
ENDING = f"{HELP_ALL} shows all flags, and the exit codes."
INETWORK = "inetwork.py"
WHERE = "beside start.sh (see .env.example)" if IN_CHECKOUT else "in the current folder"
SAMPLES = "the samples are painted into ./results" if IN_CHECKOUT else "there is nothing to paint"
NOTES_ON_PLACES = f"""\
PHOTOS, PAINTINGS and RESULTS are folders, starting with ./ ../ / or ~, or buckets,
as name, name/prefix or s3://name/prefix. PHOTOS and PAINTINGS may be one picture, and
PAINTINGS ready styles, such as hokusai,klimt or all ({command("styles")} lists them).
Without them, BUCKET_SOURCE, BUCKET_STYLE and BUCKET_RESULT name them, in the
environment or in a file .env {WHERE}; without these,
{SAMPLES}."""


@dataclass(frozen=True)
class _Help:
    """The help of a kind of work, apart from its flags.

    Attributes:
        usage, description: As in argparse.
        example: Command lines, with `{name}` for the program.
        places: The words that are not flags, as in the usage.
        about_places: What these are.
        notes: The end of the help with all flags.
    """

    usage: str
    description: str
    example: str
    places: str
    about_places: str
    notes: str


_OF_PICTURE = _Help(
    """%(prog)s BASE REF [REF …] PREFIX [flags]
       %(prog)s --from-record FILE PREFIX""",
    """\
Paints a photo in the style of one or more paintings and writes PREFIX.png (or PREFIX
itself if it ends in .png, .jpg, .webp or .tiff).""",
    """\
  {name} beach.jpg monet.jpg beach-by-monet.jpg
  {name} beach.jpg monet.jpg hokusai.jpg both --style_weight 0.7 0.3
  {name} beach.jpg monet.jpg hokusai.jpg parts --regions sky.png ground.png
  {name} beach.jpg monet.jpg original --recipe inetwork --num_iter 10
  {name} --from-record results/_records/monet/beach.jpg.json repainted""",
    "BASE REF [REF …] PREFIX",
    "the photo; the painting, or several to blend; the result, with or without its extension; a "
    "painting may be the name of a ready style",
    """\
A switch without a value is true; values are True or False, yes or no, 1 or 0. Flags
may be written with dashes. docs/inetwork.md says how they differ from the original's.

exit codes: 0 painted, 1 a picture cannot be used, 2 wrong arguments,
3 --weights missing or damaged, 4 no GPU though asked for, 143, 130 or 129 stopped by
SIGTERM, Ctrl-C or a closed terminal, with the picture as it stands; the same command
continues from there""",
)
_OF_FOLDERS = _Help(
    f"%(prog)s [{' '.join(PLACES)}] [flags]",
    "Paints every photo in every style and stores each result as soon as it is done.",
    """\
  {name} ./photos ./paintings ./painted --size 2048 --open
  {name} beach.jpg monet.jpg ./painted
  {name} my-photos my-paintings my-results --dry-run""",
    " ".join(PLACES),
    "see below",
    f"""\
{NOTES_ON_PLACES} Variables set everything else as well.
Arguments override variables, and a style's settings in styles.toml override both.

exit codes: 0 all done or nothing to do, 1 some photos failed, 2 wrong configuration,
3 VGG_WEIGHTS missing or damaged, 4 no GPU though asked for, 5 storage unreachable or
access refused, 143, 130 or 129 stopped by SIGTERM, Ctrl-C or a closed terminal; the next
run resumes from a checkpoint""",
)
_OF_BOTH = _Help(
    """%(prog)s PHOTO PAINTING [PAINTING …] RESULT [flags]
       %(prog)s [PHOTOS PAINTINGS RESULTS] [flags]""",
    "Paints a photo in the style of paintings, or every photo of a folder or bucket in every "
    "style.",
    """\
  {name} beach.jpg hokusai
  {name} beach.jpg monet.jpg hokusai.jpg both.png --style_weight 0.7 0.3
  {name} *.jpg hokusai ./painted
  {name} ./photos ./paintings ./painted --size 2048 --open""",
    "PHOTO PAINTING … RESULT",
    "see below",
    f"""\
One picture is painted if RESULT is a file's name with .jpg, .png, .webp or .tiff. Several photos,
one PAINTING and a folder make a picture of each photo in the folder. A PHOTO and a ready style
alone make a file next to the photo, such as beach-hokusai.jpg. A PAINTING may be the name of a
ready style, and PAINTINGS names with commas, or all ({command("styles")} lists them); a file of
that name wins.
PHOTO may be -, the standard input, and RESULT -, the standard output; the log goes to stderr then:
  {command()} - monet.jpg - < beach.jpg > beach-by-monet.jpg

{_OF_FOLDERS.notes}""",
)
_HELP = {Work.PICTURE: _OF_PICTURE, Work.FOLDERS: _OF_FOLDERS, None: _OF_BOTH}
HELP = {
    "style_masks": "one per painting, `-` for none: the part of the painting to use (white); "
    "without --regions and --content_mask, also the part of the picture it goes to",
    "content_mask": "the part of the photo to paint (white); the rest keeps its pixels",
    "color_mask": "the part in which --preserve_color acts (white)",
    "image_size": "rows in px of the picture as it is painted, instead of --size "
    f"(default with recipe inetwork: {RECIPES['inetwork'].defaults['size']})",
    "style_weight": "the share of each painting in the blend, or one weight divided equally "
    "(default: 1)",
    "regions": "one per painting, `-` for none: the part of the picture it goes to (white)",
    "save_every": "write PREFIX_at_iteration_<n>.png every N steps, 0 for never "
    "(default: 0; recipe inetwork: 1)",
    "output_format": "`same` is the format that BASE's name says, or jpg if that has no known "
    "extension (default: by PREFIX's extension, else png)",
    "output_quality": "quality of jpg and webp, 1 to 100 (default: 95)",
    "output_depth": "bits per colour: 8, or 16 if the result is a tiff (default: 8)",
    "keep_gps": "keep the photo's location in the result (default: False)",
    "overwrite": "replace files that this program has not painted (default: False)",
    "fresh": "paint from the start, even if a run of the same command was stopped or killed "
    "(default: False)",
    "weights": "the network's weights: .h5, .mat, .npz, `builtin` (comes with the program), "
    "`published` (VGG's, which Keras publishes) or `random` (default: VGG_WEIGHTS, or builtin; "
    "recipes inetwork, gatys: published, if they were downloaded before)",
    "memory_limit": "the most memory to use, such as 6GB (default: all free memory)",
    "device": f"default: {DEVICE_CHOICES[0]}",
    "from": "of a clip, only what comes after this time, as 3s, 90 or 1:30",
    "for": "of a clip, only this much, as 10s",
    "from_record": "repaint the result of a record (_records/….json)",
    "dry_run": "only report what would be painted, how long it takes here, and the memory",
    "keep": "paint only pictures without a result, whatever has changed",
    "repaint": "also paint again what an earlier version of the engine has painted",
    "open": "open the results page in the browser at the end, if RESULTS is a folder",
    "watch": "stay, and every WATCH seconds (default: 60) paint what is new or changed",
    "cluster": "paint on the Ray cluster at CLUSTER, or else on the one on this machine",
    "include": "only photos with such keys, as beach.jpg or '2026/*.jpg', where * stands for any "
    "text with /; may be repeated",
    "exclude": "not photos with such keys; may be repeated",
    "sheet": "only write one picture to choose from: one photo in all styles, or all photos in one "
    "style, with their names, by preset instant; takes no RESULTS",
    "progress": "bar (on a terminal), plain for a line every 10 %%, json for objects that a "
    "program reads, or none for warnings, errors and the summary only (default: bar, or plain "
    "elsewhere)",
}
# What `--help` shows of the flags that both kinds of work take, and of those of one.
SCREEN: Mapping[Work | None, Mapping[str, str]] = {
    None: {
        "--preset WORD": "instant (seconds), draft, fine or print",
        "--size N": f"longer side in px, or full; default: {Settings().size}",
        "--paper WORD": "A4, A3, 30x40cm …: painted for a print, instead of --size",
        "--strength X": "0: close to the photo, 1: to the painting; default: "
        f"{Settings().strength}",
        "--stroke_size X": "2: strokes twice as large",
        "--preserve_color": "keep the photo's own colours",
        "--timelapse": "also an animation of how the picture grew",
    },
    Work.PICTURE: {
        "--style_weight X …": "the share of each painting in a blend",
        "--content_mask FILE": "a picture, white where the photo is painted",
        "--overwrite": "replace a file that is not painted by this program",
    },
    Work.FOLDERS: {
        "--dry-run": "only tell what would be painted, in what time",
        "--sheet FILE": "only a sheet of small pictures, to choose a style",
        "--include PATTERN": "only photos such as '2026/*.jpg'; also --exclude",
        "--watch": "stay, and paint what is new or changed",
        "--open": "open the results page at the end",
    },
}


def parser(
    work: Work | None = None, name: str = "", commands: str = "", instead: str = ""
) -> Parser:
    """Return the parser of command lines that paint, of one kind of work, or of both.

    It keeps only what is given, in its order; `of_work` adds the rest. `commands` is the section of
    the help about other commands.
    """
    about, name = _HELP[work], name or command()
    example = about.example.format(name=f"./{name}" if name == INETWORK else name)
    others = [commands] if commands else []
    made = Parser(
        name,
        usage=about.usage,
        description=about.description,
        example=example,
        notes="\n\n".join([*others, about.notes]),
        brief="\n\n".join([example, *_screen(work), *others, *_lacking(), ENDING]),
        other_flags=refusals(work),
        instead=instead,
        allow_abbrev=False,
    )
    made.add_argument(
        "places", metavar=about.places, nargs="*", default=[], help=about.about_places
    )
    for title, own in groups(work).items():
        group = made.add_argument_group(title)
        for flag in own:
            text = _meaning(flag, work)
            add_flag(group, flag.name, *flag.spellings, help=text, **flag.options)
    return made


def add_flag(to: argparse._ActionsContainer, name: str, *spellings: str, **options: Any) -> None:
    """Add a flag that is among the arguments only if it is given."""
    to.add_argument(*spellings, dest=name, default=argparse.SUPPRESS, **options)


def _meaning(flag: Flag, work: Work | None) -> str:
    if flag.name in HELP:
        return HELP[flag.name]
    name = "iterations" if flag == NUM_ITER else flag.name
    field = FIELDS[name]
    defaults = [f"default: {field.default}"]
    for preset, values in PRESETS.items():
        if values.get(name, field.default) != field.default:
            defaults.append(f"preset {preset}: {values[name]}")
    for recipe, traits in RECIPES.items():
        if name in traits.defaults:
            defaults.append(f"recipe {recipe}: {traits.defaults[name]}")
    also = ", or the path of a picture" if name == "init_image" and work is Work.PICTURE else ""
    accepts = "" if flag.takes == SWITCH else f"; {expectation(field)}{also}"
    return f"{field.metadata['meaning']}{accepts} ({'; '.join(defaults)})"


def _lacking() -> Iterator[str]:
    if not IN_CHECKOUT and not find_spec("tensorflow"):
        yield f"for other presets than instant:\n  {install_command('cpu')}"


def _screen(work: Work | None) -> Iterator[str]:
    both, one, many = SCREEN[None], SCREEN[Work.PICTURE], SCREEN[Work.FOLDERS]
    if work is Work.PICTURE:
        yield section("flags", {**both, **one})
    elif work is Work.FOLDERS:
        yield filled(NOTES_ON_PLACES)
        yield section("flags", {**many, **both})
    else:
        yield section("flags", both)
        yield section("flags for one picture", one)
        yield section("flags for folders and buckets", many)


def refusals(work: Work | None) -> dict[str, str]:
    """Return what to say of each flag that only the other kind of work takes, by its name."""
    if work is None:
        return {}
    other, words, here = (
        (Work.FOLDERS, " ".join(PLACES), "here")
        if work is Work.PICTURE
        else (Work.PICTURE, "PHOTO PAINTING … RESULT.jpg", f"for {work.value}")
    )
    said = {}
    for flag in only_of(other):
        instead = flag.instead
        if flag.variable and work is Work.FOLDERS:  # Which reads all variables.
            instead = f"set {flag.variable}"
        also = f"; {here}, {instead}" if instead else ""
        dashed = flag.name.replace("_", "-")
        said[flag.name] = f"--{dashed} goes with {other.value} ({command()} {words}){also}"
    return said


def parsed(painter: Parser, words: Sequence[str]) -> argparse.Namespace:
    """Return what is given on a command line. Exits with one line for a mistake.

    Flags may have dashes or underscores. A switch without a value gets one, or a picture after it
    would be taken for its value. A picture may have a dash at the start of its name, and after
    `--` any word that is not a flag here. The last word of a line has a carriage return in scripts
    with the line ends of Windows.
    """
    words = [word.removesuffix("\r") for word in words]
    known = {each for flag in flags(None) for each in flag.spellings}
    end = words.index("--") if "--" in words else len(words)
    words = [*words[:end], *words[end + 1 :]]
    switches = {each for flag in flags(None) if flag.takes == SWITCH for each in flag.spellings}
    normalized: list[str] = []
    for word, after in zip(words, [*words, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag.startswith("--"):
            flag = "--" + flag[2:].replace("-", "_")
        if _is_place(word, flag in known, len(normalized) >= end):
            flag, equals, value = _NO_FLAG, "", word
        if flag in switches and not equals and parse_bool(after) is None:
            equals, value = "=", "true"
        normalized.append(flag + equals + value)
    given = painter.parse_intermixed_args(normalized)
    return argparse.Namespace(**{name: _unmarked(value) for name, value in vars(given).items()})


def _unmarked(value: Any) -> Any:
    if isinstance(value, list):
        return [*map(_unmarked, value)]
    return value.removeprefix(_NO_FLAG) if isinstance(value, str) else value


def _is_place(word: str, is_known: bool, after_end: bool) -> bool:
    """Return whether a word that begins with a dash, and may be the flag of a program that paints,
    is the name of a file, for argparse no flag."""
    if not word.startswith("-") or word == "-" or is_known:
        return False
    named = not word.startswith("--") and bucket_layout.for_source(word)
    return after_end or named


def of_work(painter: Parser, args: argparse.Namespace, work: Work) -> argparse.Namespace:
    """Return what is given, and the defaults of the flags that are not. `settings` has the settings
    that are given, by name, as text. Exits with one line for a flag that goes with other work."""
    given, wrong = vars(args), refusals(work)
    for name in given:
        if name in wrong:
            painter.exit(fail(painter.prog, wrong[name], ConfigError.exit_code))
    if NUM_ITER.name in given:
        given["iterations"] = given.pop(NUM_ITER.name)
    usual = {flag.name: flag.default for flag in flags(work)}
    settings = {name: given[name] for name in FIELDS if given.get(name) is not None}
    return argparse.Namespace(**usual | given, settings=settings)
