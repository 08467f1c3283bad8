"""`painterly web`: the web service."""

import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from painterly.cli.app import open_in_browser, run_service, why_instant
from painterly.cli.options import Switch, unpiped
from painterly.errors import ConfigError
from painterly.log import event, logs_json
from painterly.settings.installation import IN_CHECKOUT, check_temporary_folder

if TYPE_CHECKING:
    from painterly.web.lan import Lan
    from painterly.web.sessions import Sessions

CODE_LETS_IN = "The code lets one phone in, within an hour. The page makes more: On your phone."
Port = Annotated[int | None, Parameter(validator=Number(gte=1, lte=65535))]
# An installed package uses these folders. Its photos are kept among the results.
FOLDERS = {"BUCKET_SOURCE": "./photos", "BUCKET_STYLE": "./paintings", "BUCKET_RESULT": "./results"}


def web(
    *, port: Port = None, host: str | None = None, open: Switch = False, lan: Switch = False
) -> int:
    """Serve a page and an API to paint from a browser.

    The variables of a batch apply; WEB_* and PORT set the address to listen on and the login
    (docs/serve.md).

    Args:
        port: the port to listen on, instead of WEB_PORT or PORT
        host: the address to listen on, instead of WEB_HOST
        open: open the page in the browser
        lan: let phones in the local network in: shows the address, a password and a code
    """
    given = {"WEB_PORT": "" if port is None else str(port), "WEB_HOST": unpiped(host or "")}

    def run(environment: dict[str, str]) -> int:
        from painterly.cli.web_worker import paint_jobs
        from painterly.configuration import config
        from painterly.configuration.web_options import load_options
        from painterly.settings import ready_styles
        from painterly.web import lan as local
        from painterly.web.app import serve
        from painterly.web.sessions import BROWSER_TICKET_S

        check_temporary_folder()  # Uploads are kept there.
        defaults = dict(_folders(environment))
        alone = bool(defaults)
        if instant := why_instant(environment):
            event(instant)
            defaults["STYLE_PRESET"] = "instant"
        if not environment.get("STYLES", "").strip():
            defaults["STYLES"] = ready_styles.ALL
        loaded = config.load(environment | defaults, demo_settings={})
        made, phones = dict[str, str](), None
        if lan:
            made = local.variables(environment)
        options = load_options(environment | made, alone or loaded.demo)
        if lan:
            options, phones = local.options_for_lan(options, made.get("WEB_PASSWORD", ""))
        worker = partial(paint_jobs, environment, loaded)

        def show(address: str, sessions: "Sessions") -> None:
            if phones:
                _tell(phones, options.password, sessions)
            if open:  # Without waiting: a browser in the terminal lasts as long as it is used.
                page = address + sessions.path_with_ticket(BROWSER_TICKET_S)
                threading.Thread(target=open_in_browser, args=[page], daemon=True).start()
            opened = "your browser should open it now; " if open else ""
            event(f"{opened}Ctrl-C ends it; pictures are kept in {loaded.result_bucket}")

        return serve(loaded, options, worker, show, phones)

    variables = {name: value for name, value in given.items() if value}
    return run_service(run, variables)


def _folders(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the folders of the web service of an installed package, as variables, and log them.
    Empty if the environment names buckets, and in a checkout, which has samples.

    Raises ConfigError if they cannot be made.
    """
    if IN_CHECKOUT or any(environment.get(name, "").strip() for name in FOLDERS):
        return {}
    for name in ("BUCKET_STYLE", "BUCKET_RESULT"):
        try:
            Path(FOLDERS[name]).mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{FOLDERS[name]} cannot be made here ({error.strerror}); set {', '.join(FOLDERS)}"
            ) from None
    event("a painting that you put into ./paintings is a style, too")
    return FOLDERS


def _tell(phones: "Lan", password: str | None, sessions: "Sessions") -> None:
    """Log what phones need, with the password if it was made up, and draw the code for the first
    one on a terminal."""
    needed = "none" if password is None else phones.password or "WEB_PASSWORD"
    event(f"phones in this network open {phones.address}; password: {needed}", event="lan")
    if sys.stdout.isatty() and not logs_json():
        from painterly.web.sessions import PHONE_TICKET_S

        path = sessions.path_with_ticket(PHONE_TICKET_S)
        print(*phones.code_lines(path), sep="\n", flush=True)
        if password is not None:
            print(CODE_LETS_IN, flush=True)
