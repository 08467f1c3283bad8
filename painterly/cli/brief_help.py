"""The screens that `--help` shows of the commands with many flags, and the flags that only one of
the two commands that paint takes."""

from collections.abc import Callable, Mapping

from painterly.cli.parser import HELP_ALL
from painterly.settings.settings import Settings

OF_BOTH = {
    "--preset WORD": "instant (seconds), draft, fine, print, or master",
    "--size N": f"longer side in px, or full; default: {Settings().size}",
    "--paper WORD": "A4, A3, 30x40cm …: painted for a print, instead of --size",
    "--strength X": f"0: close to the photo, 1: to the painting; default: {Settings().strength}",
    "--stroke_size X": "2: strokes twice as large",
    "--preserve_color": "keep the photo's own colours",
    "--timelapse": "also an animation of how the picture grew",
}
OF_PICTURE = {
    "--style_weight X …": "the share of each painting in a blend",
    "--content_mask FILE": "a picture, white where the photo is painted",
    "--overwrite": "replace a file that is not painted by this program",
}
OF_BATCH = {
    "--dry-run": "only tell what would be painted, in what time",
    "--sheet FILE": "only a sheet of small pictures, to choose a style",
    "--include PATTERN": "only photos such as '2026/*.jpg'; also --exclude",
    "--watch": "stay, and paint what is new or changed",
    "--open": "open the results page at the end",
}
# Each with what else does the same there, if anything does.
ONLY_OF_PICTURE = {
    "style_masks": "a mask lies beside its painting, as monet.mask.png",
    "content_mask": "a mask lies beside its photo, as beach.mask.png",
    "color_mask": "",
    "image_size": "--size sets the longer side",
    "style_weight": "styles.toml has the shares of a blend",
    "num_iter": "--iterations is its name",
    "regions": "",
    "save_every": "--timelapse shows how a picture grows",
    "output_format": "set OUTPUT_FORMAT",
    "output_quality": "set OUTPUT_QUALITY",
    "output_depth": "set OUTPUT_DEPTH",
    "keep_gps": "set KEEP_GPS",
    "overwrite": "",
    "fresh": "",
    "weights": "set VGG_WEIGHTS or ATTENTION_WEIGHTS",
    "memory_limit": "set MEMORY_LIMIT",
    "device": "set DEVICE",
    "from_record": "",
}
ONLY_OF_BATCH = {
    "dry_run": "",
    "keep": "",
    "repaint": "",
    "open": "",
    "watch": "",
    "cluster": "",
    "include": "",
    "exclude": "",
    "sheet": "",
    "progress": "set PROGRESS",
}


def section(title: str, flags: Mapping[str, str]) -> str:
    """Return the lines of some flags, under a title."""
    width = max(map(len, flags)) + 2
    return "\n".join([f"{title}:", *(f"  {name:{width}}{flags[name]}" for name in flags)])


def ending(others: str = "") -> str:
    """Return the last line of a screen, which names what else there is."""
    return f"{HELP_ALL} shows all flags{others}, and the exit codes."


def other_flags(known: Mapping[str, str], owner: str, here: str) -> Callable[[str], str | None]:
    """Return a function that returns what to say of a flag, or None for one that is not known.

    Args:
        known: The flags that only the other command takes.
        owner: The arguments of that command.
        here: What this command paints, with a preposition.
    """

    def said(flag: str) -> str | None:
        if flag not in known:
            return None
        instead = f"; {here}, {known[flag]}" if known[flag] else ""
        return f"--{flag.replace('_', '-')} goes with {owner}{instead}"

    return said
