"""The status page over HTTP: rendered in a thread, once for all readers of the same page."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from exporter.daemon.pages.overview.values import Overview
from exporter.daemon.pages.status.assets import CONTENT_SECURITY_POLICY
from exporter.daemon.pages.status.selection import SourceFilter

#: Different pages that are kept: readers with filters of their own.
_MOST_KEPT = 8
#: Level of gzip, as of /metrics.
_COMPRESSION = 3


class MakesOverview(Protocol):
    """Returns the newest values, the same ones for as long as they are shown."""

    def __call__(self, *, details: bool) -> Awaitable[Overview]: ...


class StatusPage:
    """The page of one exporter; `thresholds` is `orphaned_after` of each source, None by row."""

    def __init__(
        self, overview: MakesOverview, thresholds: Callable[[], Mapping[str, float | None]]
    ) -> None:
        self._overview = overview
        self._thresholds = thresholds
        self._kept: dict[tuple[bool, SourceFilter], tuple[Overview, bytes, bytes]] = {}
        self._rendering = asyncio.Lock()

    async def serve(self, request: Request, *, details: bool, gzip: bool) -> Response:
        """Answer a request for the page."""
        plain, packed = await self._bodies(SourceFilter.of(request.query_params), details=details)
        headers = {
            "cache-control": "no-store",
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
        }
        if gzip:
            headers["content-encoding"] = "gzip"
        return Response(packed if gzip else plain, media_type="text/html", headers=headers)

    async def _bodies(self, selection: SourceFilter, *, details: bool) -> tuple[bytes, bytes]:
        async with self._rendering:  # those who wait have it from the one before
            overview = await self._overview(details=details)
            kept = self._kept.pop((details, selection), None)
            if kept is None or kept[0] is not overview:
                kept = overview, *await asyncio.to_thread(self._render, overview, selection)
            self._kept[details, selection] = kept
            while len(self._kept) > _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            return kept[1:]

    def _render(self, overview: Overview, selection: SourceFilter) -> tuple[bytes, bytes]:
        # Importing Jinja takes 60 ms and 4 MB, which an exporter without readers does not need.
        from exporter.daemon.pages.status.rendering import render_status  # noqa: PLC0415

        plain = render_status(overview, selection, self._thresholds()).encode()
        compressor = zlib.compressobj(_COMPRESSION, wbits=31)  # 31: in the format of gzip
        return plain, compressor.compress(plain) + compressor.flush()
