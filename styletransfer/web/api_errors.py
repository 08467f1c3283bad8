"""What the API refuses, in one line, with its status."""

from styletransfer.errors import StyleTransferError


class ApiError(StyleTransferError):
    """A request that is refused. status: of the answer. retry_s: after how many seconds it may be
    sent once more."""

    def __init__(self, status: int, reason: str, retry_s: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.retry_s = status, retry_s


def not_found(what: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, f"there is no such {what}")
