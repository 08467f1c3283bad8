"""Word of a run's end, sent to NOTIFY_URL."""

import threading
from collections.abc import Callable
from functools import partial
from logging import WARNING

from painterly.errors import PainterlyError
from painterly.log import event
from painterly.runs.report import Summary
from painterly.words.notice import notice
from painterly.words.webhook import deliver, post

PAUSES_S = (2.0, 10.0)  # before each further attempt
PATIENCE_S = 60.0  # for all of them: that is how long the end may be held up
LEAVE_S = 3.0  # seconds that a signal waits for the word of a watch's last round


class Notifier:
    """Sends word of runs, if there is an address for it. A failure to do so is only logged."""

    def __init__(self, url: str | None, form: str | None) -> None:
        """Take NOTIFY_URL and NOTIFY_FORMAT."""
        self._url, self._form = url, form
        self._sending: threading.Thread | None = None

    def of_end(self, paint: Callable[[], Summary]) -> int:
        """Paint, send word of the end, and return the exit code.

        Raises the PainterlyError that ends the painting, after word of it, and Stopped.
        """
        try:
            summary = paint()
        except PainterlyError as error:
            summary = Summary(f"FAILED: {error}", error=error)
        self._send(summary)
        if summary.error:
            raise summary.error
        return summary.exit_code

    def of_round(self, summary: Summary) -> None:
        """Begin to send word of a watch's round. The next one need not wait for the receiver."""
        self._sending = threading.Thread(target=self._send, args=(summary,), daemon=True)
        self._sending.start()

    def leave(self) -> None:
        """Wait a moment for the word of the last round, or log that it is not sent."""
        if self._sending is not None:
            self._sending.join(LEAVE_S)
            if self._sending.is_alive():
                event("the word of the last round is not sent; see NOTIFY_URL", level=WARNING)

    def _send(self, summary: Summary) -> None:
        if self._url is None:
            return
        address, content, method, token = notice(
            self._url, self._form, summary.text, summary.fields
        )
        deliver(
            partial(post, address, content, method=method, token=token),
            lambda why: event(f"no word of the end was sent: {why}; see NOTIFY_URL", level=WARNING),
            PAUSES_S,
            PATIENCE_S,
        )
