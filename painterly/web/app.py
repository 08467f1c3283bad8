"""The web process: the application with its routes, served until a signal arrives."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from painterly import __version__
from painterly.configuration.config import Config
from painterly.configuration.web_options import WebOptions
from painterly.gallery.page import SHARED
from painterly.jobs.schemas import (
    REFUSALS,
    Health,
    Readiness,
    Refusal,
    System,
)
from painterly.log import WarningLog, event
from painterly.web.api.gallery import gallery
from painterly.web.api.instant import instant
from painterly.web.api.jobs import jobs
from painterly.web.api.paintings import paintings
from painterly.web.gate import METRICS, middleware
from painterly.web.lan import Lan
from painterly.web.pages import pages
from painterly.web.refusals import HANDLERS
from painterly.web.server import Server, listen, server_config
from painterly.web.service import Service, Shared
from painterly.web.sessions import Sessions

STATIC = Path(__file__).parent / "static"
EVERY_ADDRESS = ("0.0.0.0", "::")


def serve(
    config: Config,
    options: WebOptions,
    worker: Callable[..., int],
    show: Callable[[str, Sessions], None] = lambda address, sessions: None,
    lan: Lan | None = None,
) -> int:
    """Serve until a signal arrives, and return the exit code. `show` is called with the page's
    address on this machine, which answers from then on, and with the logins. Raises ConfigError if
    the port cannot be used, or a bucket cannot be opened."""
    host, port = options.host, options.port
    with listen(host, port) as listening:
        service = Service(config, options, worker, lan)
        app = create_app(service)
        here = "localhost" if host in (*EVERY_ADDRESS, "127.0.0.1") else host
        page = _address(here, port)
        where = f"port {port}" if host in EVERY_ADDRESS else _address(host, port)
        event(f"serving on {where}; open {page}", event="serving", port=port)
        show(page, service.sessions)
        Server(server_config(app)).run([listening])
    return 0


def _address(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def create_app(service: Service) -> FastAPI:
    """Make a service's ASGI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await run_in_threadpool(service.stop)

    app = FastAPI(
        title="painterly",
        description="Paints photos in the manner of paintings.",
        version=__version__,
        docs_url=None,  # FastAPI's pages would load scripts from elsewhere.
        redoc_url=None,
        lifespan=lifespan,
        middleware=middleware(service),
    )
    for error, handler in HANDLERS.items():
        app.add_exception_handler(error, handler)
    app.state.service, app.state.warnings = service, WarningLog()
    app.add_api_route("/healthz", healthz, tags=["system"])
    app.add_api_route("/readyz", readyz, tags=["system"], responses={503: {"model": Readiness}})
    # Any route may fail; one describes the model.
    app.add_api_route(
        "/api/system", system, tags=["system"], responses={**REFUSALS, 500: {"model": Refusal}}
    )
    app.add_api_route(
        METRICS, metrics, tags=["system"], response_class=PlainTextResponse, responses=REFUSALS
    )
    for router in (jobs, instant, paintings, gallery, pages):
        app.include_router(router)
    for path, folder in (("/static/shared", SHARED), ("/static", STATIC)):
        app.mount(path, StaticFiles(directory=folder, check_dir=False))
    return app


async def healthz() -> Health:
    """Answer, to show that this process runs."""
    return Health()


async def readyz(service: Shared, response: Response) -> Readiness:
    """Report whether jobs are accepted and painted. The log has the reason if they are not."""
    problem = service.problem
    response.status_code = 503 if problem else 200
    reason = service.jobs.unfit or "not ready; see the log"  # Others may name buckets.
    return Readiness(ready=not problem, reason=reason if problem else None)


def system(service: Shared) -> System:
    """Report the device that paints, and whether jobs are accepted and painted."""
    return System(device=service.supervisor.device, ready=service.problem is None)


def metrics(service: Shared) -> PlainTextResponse:
    """Return the queue, the jobs that have ended, the seconds that pictures took, storage errors
    and memory, for Prometheus."""
    from painterly.web.metrics import CONTENT_TYPE

    text = service.metrics.text(
        service.jobs.counts(),
        service.problem is None,
        service.supervisor.device,
        service.supervisor.pid,
    )
    return PlainTextResponse(text, headers={"content-type": CONTENT_TYPE})
