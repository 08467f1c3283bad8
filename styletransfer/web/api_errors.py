"""Errors of the API: one line and an HTTP status."""

from styletransfer.errors import StyleTransferError


class ApiError(StyleTransferError):
    """A rejected request.

    Attributes:
        status: HTTP status of the answer.
        retry_s: Seconds after which the request may be sent again; None if never.
    """

    def __init__(self, status: int, reason: str, retry_s: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.retry_s = status, retry_s


def not_found(what: str) -> ApiError:
    """Make the error for a thing that does not exist."""
    return ApiError(404, f"there is no such {what}")
