"""The application: its routes, what each request passes before them, and what runs beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from styletransfer.config import Config
from styletransfer.gallery.page import SHARED
from styletransfer.web.gate import Gate
from styletransfer.web.options import WebOptions
from styletransfer.web.pages import pages
from styletransfer.web.schemas import Health
from styletransfer.web.service import Service
from styletransfer.web.sessions import Sessions, Tries

STATIC = Path(__file__).parent / "static"


def create_app(config: Config, options: WebOptions) -> FastAPI:
    """The web service of a configuration, as an ASGI application."""
    sessions, tries = Sessions(options, config.account.secret or ""), Tries()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(
        title="styletransfer",
        description="Paints photos in the manner of paintings.",
        docs_url=None,  # Its page would load scripts from elsewhere; /openapi.json has it all.
        redoc_url=None,
        lifespan=lifespan,
        middleware=[Middleware(Gate, options=options, sessions=sessions, tries=tries)],
        exception_handlers={RequestValidationError: _invalid},
    )

    @app.get("/healthz", tags=["system"])
    async def healthz() -> Health:
        """Whether this process answers."""
        return Health()

    app.state.service = Service(config, options, sessions, tries)
    app.include_router(pages)
    app.mount("/static/shared", StaticFiles(directory=SHARED), name="shared")
    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")
    return app


async def _invalid(_: Request, error: Exception) -> Response:
    """One line for the first thing that is wrong with a request."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"detail": f"{where or 'the request'}: {first['msg']}"}, 422)
