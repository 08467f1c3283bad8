"""What the routes of one application share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from styletransfer.config import Config
from styletransfer.web.options import WebOptions
from styletransfer.web.sessions import Sessions, Tries


@dataclass
class Service:
    """The parts of the web process."""

    config: Config
    options: WebOptions
    sessions: Sessions
    tries: Tries


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Shared = Annotated[Service, Depends(_service)]
