"""`painterly weights`: fetches the weights that Keras publishes, such as in a platform's build, and
those of plug-ins, after their licence is accepted."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from functools import partial

from painterly.cli.app import ask, on_terminal, run_program
from painterly.cli.parser import Parser
from painterly.configuration import config
from painterly.orders.plugin_weights import Progress, weights_of
from painterly.progress import bar
from painterly.settings.installation import command
from painterly.settings.recipes import PLUGINS
from painterly.vgg.architectures import ARCHITECTURES
from painterly.vgg.sources import published_file
from painterly.words.wording import file_size

NAME = command("weights")
MODELS = (*sorted(ARCHITECTURES, reverse=True), *PLUGINS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the files into weights/, print their paths, and return the exit code."""
    words = parser()
    args = words.parse_args(arguments)
    models = args.models or MODELS[:1]
    for model in models:
        if model not in MODELS:
            words.error(f"MODEL is {model!r}, expected one of {', '.join(MODELS)}")
    if args.check and not (len(models) == 1 and models[0] in PLUGINS):
        words.error(f"--check goes with {' or '.join(PLUGINS)} alone")

    def run() -> int:
        for model in models:
            plugin = PLUGINS.get(model)
            if plugin is None:
                print(published_file(model), flush=True)
            elif args.check:
                weights_of(plugin).check(config.environment(), partial(print, flush=True))
            else:
                asking = ask if on_terminal() else None
                shown = _shown_progress(f"fetching {plugin.network}")
                print(weights_of(plugin).fetch(config.environment(), asking, shown), flush=True)
        return 0

    return run_program(NAME, run, interrupted="fetched files stay", paints=True)


def parser(verb: str = "weights") -> Parser:
    """Return the parser of this verb of `painterly`."""
    made = Parser(
        command(verb),
        description="Fetches weights into weights/ and prints their path: those that Keras "
        "publishes" + "".join(f", or {each.about_fetching}" for each in PLUGINS.values()) + ".",
    )
    made.add_argument(
        "models", nargs="*", metavar="MODEL", help=f"{', '.join(MODELS)} (default: {MODELS[0]})"
    )
    made.set_defaults(check=False)
    if PLUGINS:
        about = (f"with {name}: {plugin.about_checking}" for name, plugin in PLUGINS.items())
        made.add_argument("--check", action="store_true", help="; ".join(about))
    return made


@contextlib.contextmanager
def _shown_progress(title: str) -> Iterator[Progress]:
    """Yield a function that shows how far a download is: by a bar on a terminal, or else on stderr
    by a line every tenth."""
    if sys.stdout.isatty():
        with bar(title) as show:
            yield lambda here, total: show(here / total, f"{file_size(here)} of {file_size(total)}")
        return
    shown = 0

    def show_line(here: int, total: int) -> None:
        nonlocal shown
        if 10 * here // total > shown:
            shown = 10 * here // total
            print(f"{file_size(here)} of {file_size(total)}", file=sys.stderr, flush=True)

    yield show_line
