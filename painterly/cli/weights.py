"""`painterly weights`: fetches the weights that Keras publishes, such as in a platform's build, and
those of recipe attention, after their licence is accepted."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

from painterly.attention.diffusion import licence
from painterly.attention.diffusion import sources as diffusion
from painterly.cli.app import ask, on_terminal, run_program
from painterly.cli.parser import Parser
from painterly.configuration import config
from painterly.errors import ConfigError
from painterly.progress import bar
from painterly.settings.installation import command
from painterly.vgg.architectures import ARCHITECTURES
from painterly.vgg.sources import published_file
from painterly.words.webhook import parse_address
from painterly.words.wording import file_size

NAME = command("weights")
ATTENTION = "attention"
MODELS = (*sorted(ARCHITECTURES, reverse=True), ATTENTION)
MIRROR = "ATTENTION_MIRROR"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the files into weights/, print their paths, and return the exit code."""
    words = parser()
    args = words.parse_args(arguments)
    models = args.models or MODELS[:1]
    for model in models:
        if model not in MODELS:
            words.error(f"MODEL is {model!r}, expected one of {', '.join(MODELS)}")
    if args.check and models != [ATTENTION]:
        words.error(f"--check goes with {ATTENTION} alone")

    def run() -> int:
        for model in models:
            if args.check:
                check_attention()
            elif model == ATTENTION:
                fetch_attention()
            else:
                print(published_file(model), flush=True)
        return 0

    return run_program(NAME, run, interrupted="fetched files stay", paints=True)


def parser(verb: str = "weights") -> Parser:
    """Return the parser of this verb of `painterly`."""
    made = Parser(
        command(verb),
        description="Fetches weights into weights/ and prints their path: those that Keras "
        f"publishes, or for recipe {ATTENTION}, {diffusion.NAME}'s "
        f"({file_size(diffusion.total_size())}). The licence of the latter, {licence.NAME}, "
        f"forbids some uses; it is shown, and {licence.VARIABLE}=true accepts it unasked. "
        f"{MIRROR} names another address that has them.",
    )
    made.add_argument(
        "models", nargs="*", metavar="MODEL", help=f"{', '.join(MODELS)} (default: {MODELS[0]})"
    )
    made.add_argument(
        "--check",
        action="store_true",
        help=f"with {ATTENTION}: test the files that are here, or that ATTENTION_WEIGHTS names",
    )
    return made


def fetch_attention() -> None:
    """Fetch the files of recipe attention after their licence is accepted, and print their folder.

    Raises WeightsError, ConfigError.
    """
    environment = config.environment()
    mirror = environment.get(MIRROR)
    parts = parse_address(mirror) if mirror else None
    if mirror and (parts is None or parts.query or "@" in parts.netloc):  # It may have a secret.
        raise ConfigError(
            f"{MIRROR} is wrong; expected an address such as https://example.com/sd15"
        )
    if not licence.is_accepted(diffusion.CACHE):
        _accept(config.switch(environment, licence.VARIABLE))
    with _shown_progress() as show:
        diffusion.fetch(mirror, show)
    print(diffusion.CACHE, flush=True)


def check_attention() -> None:
    """Test the files of recipe attention, and print what is found. Raises WeightsError, in one
    line, for the first that fails."""
    folder = diffusion.given_folder(config.environment().get("ATTENTION_WEIGHTS"))
    weights = diffusion.read(folder)
    from painterly.attention.diffusion.self_test import check
    from painterly.devices.choose import choose_devices  # Loads TensorFlow, as the test does.

    with choose_devices("auto").first.scope():
        check(weights, lambda text: print(text, flush=True))
    print(f"{folder}: the files are the published ones, and pass the test", flush=True)


def _accept(unasked: bool) -> None:
    """Show the licence, ask whether it is accepted unless that is known, and note it. Raises
    WeightsError if it is not."""
    print(licence.SUMMARY, file=sys.stderr, flush=True)
    if not unasked and not (on_terminal() and ask('Type "accept" to accept it: ') == "accept"):
        licence.check_accepted(diffusion.CACHE)
    licence.accept(diffusion.CACHE)


@contextlib.contextmanager
def _shown_progress() -> Iterator[diffusion.Progress]:
    """Yield a function that shows how far a download is: by a bar on a terminal, or else on stderr
    by a line every tenth."""
    if sys.stdout.isatty():
        with bar(f"fetching {diffusion.NAME}") as show:
            yield lambda here, total: show(here / total, f"{file_size(here)} of {file_size(total)}")
        return
    shown = 0

    def show_line(here: int, total: int) -> None:
        nonlocal shown
        if 10 * here // total > shown:
            shown = 10 * here // total
            print(f"{file_size(here)} of {file_size(total)}", file=sys.stderr, flush=True)

    yield show_line
