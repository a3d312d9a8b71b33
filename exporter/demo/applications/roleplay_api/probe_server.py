"""The probe as a program: a synthetic session at an interval, and its finding over HTTP.

`python -m exporter.demo.applications.roleplay_api.probe_server --url http://127.0.0.1:8082` serves
/session, /start, /respond and /end: the list of each endpoint, as the URLs of a list source.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from exporter.demo.applications.roleplay_api.probe import Finding, SyntheticSession, write
from exporter.demo.applications.web import serve

logger = logging.getLogger(__name__)


class ProbeServer:
    """Runs rounds and serves what the last one found; `output` is a file that has it too."""

    def __init__(self, session: SyntheticSession, every: float, output: Path | None = None) -> None:
        self._session = session
        self._every = every
        self._output = output
        self._finding: Finding | None = None

    def app(self) -> Starlette:
        """The findings as an ASGI application, which runs rounds as long as it is served."""
        return Starlette(routes=[Route("/{endpoint}", self._list)], lifespan=self._live)

    async def _list(self, request: Request) -> JSONResponse:
        if self._finding is None:
            return JSONResponse({"error": "no round has come to its end"}, 503)
        found = self._finding.get(request.path_params["endpoint"])
        if found is None:
            return JSONResponse({"error": "no such endpoint"}, 404)
        return JSONResponse(found)

    @asynccontextmanager
    async def _live(self, _app: Starlette) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        rounds = asyncio.create_task(self._run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await rounds  # one that has begun ends its session

    async def _run(self, stopping: asyncio.Event) -> None:
        """Run rounds; one that fails leaves the finding of the last one, whose time grows old."""
        while not stopping.is_set():
            try:
                finding = await self._session.round(time.time())
            except (httpx.HTTPError, KeyError, ValueError) as error:
                logger.warning("the synthetic session failed: %r", error)
            else:
                if finding is not None:
                    self._finding = finding
                    if self._output:
                        write(finding, self._output)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await stopping.wait()


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="of the application")
    parser.add_argument("--id", default="synthetic", help="of the session")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two rounds")
    parser.add_argument("--output", type=Path, help="a file for the finding, as JSON")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    options = parser.parse_args()
    client = httpx.AsyncClient(base_url=options.url, timeout=5.0)
    session = SyntheticSession(client, options.id)
    probe = ProbeServer(session, options.every, options.output)
    serve(probe.app(), options.host, options.port)


if __name__ == "__main__":
    main()
