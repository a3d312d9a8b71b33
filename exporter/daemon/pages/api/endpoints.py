"""The endpoints of the API. Each answers from an overview in memory, and changes nothing."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from exporter.config import Config
from exporter.daemon.http.access import sees_details
from exporter.daemon.pages.api import row_json
from exporter.daemon.pages.api.encoding import document, dumps
from exporter.daemon.pages.api.masked_config import masked_config
from exporter.daemon.pages.api.parameters import (
    NotFoundError,
    Parameters,
    parse_parameters,
    require_known,
)
from exporter.daemon.pages.api.source_json import source_json
from exporter.daemon.pages.overview.current import Overviews
from exporter.daemon.pages.overview.values import Overview, SourceOverview
from exporter.errors import UsageError
from exporter.text import iso

PREFIX = "/api/v1"

T = TypeVar("T")

_NO_DETAILS = (
    "ids, columns and settings need an authenticated request or --web.details=everyone; "
    "/api/v1/sources has the counts"
)


def api_route(overviews: Overviews, config: Callable[[], Config]) -> BaseRoute:
    """Everything below /api/v1."""
    made: tuple[Config | None, bytes] = (None, b"")

    def pairs() -> list[tuple[str, str]]:
        return [(name, each) for name, it in config().all_sources.items() for each in it.databases]

    async def sources(request: Request) -> Response:
        parameters = _parameters(request, pairs())
        found = await overviews.current(details=sees_details(request))
        return await _answer(_sources, found, parameters)

    def rows(
        name: str,
        find: Callable[[SourceOverview], Iterator[tuple[SourceOverview, T]]],
        show: Callable[[SourceOverview, T], dict[str, object]],
        describe: Callable[[SourceOverview], dict[str, object] | None] | None,
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            parameters = _parameters(request, pairs())
            found = await overviews.current(details=_require_details(request))
            return await _answer(_rows, found, parameters, name, find, show, describe)

        return Route(f"/{name}", endpoint, name=name)

    def config_body(of: Config) -> bytes:
        nonlocal made
        known = made if made[0] is of else (of, _config_body(of))
        made = known
        return known[1]

    async def settings(request: Request) -> Response:
        try:
            parse_parameters(request.query_params, known=())
        except UsageError as error:
            raise HTTPException(400, str(error)) from None
        _require_details(request)
        return _json(await asyncio.to_thread(config_body, config()))

    async def unknown(_request: Request) -> Response:
        raise HTTPException(404, "there is no such page of the API; docs/api.md lists all")

    return Mount(
        PREFIX,
        routes=[
            Route("/sources", sources),
            rows("orphans", row_json.orphans, row_json.orphan_json, row_json.orphan_list),
            rows(
                "inconsistent",
                row_json.inconsistent_rows,
                row_json.inconsistent_json,
                row_json.inconsistent_list,
            ),
            rows("runs", row_json.runs, row_json.run_json, None),
            Route("/config", settings),
            Route("/{rest:path}", unknown),
        ],
    )


def _config_body(config: Config) -> bytes:
    def members(of: Mapping[str, object], encode: Callable[[Any], str]) -> str:
        return ",".join(f"{dumps(name)}:{encode(each)}" for name, each in of.items())

    # One by one, as in document().
    sections = members(masked_config(config), lambda of: f"{{{members(of, dumps)}}}")
    return f'{{"hash":{dumps(config.digest)},"config":{{{sections}}}}}\n'.encode()


def api_error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as the API answers it."""
    return _json(f"{dumps({'error': sentence})}\n".encode(), status, headers)


def _json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    fixed = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(body, status, {**fixed, **(headers or {})}, "application/json")


def _parameters(request: Request, pairs: list[tuple[str, str]]) -> Parameters:
    """Raises HTTPException for a request that cannot be answered."""
    try:
        parameters = parse_parameters(request.query_params)
        require_known(parameters, pairs)
    except NotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except UsageError as error:
        raise HTTPException(400, str(error)) from None
    return parameters


def _require_details(request: Request) -> bool:
    if not sees_details(request):
        raise HTTPException(403, _NO_DETAILS)
    return True


def is_of_api(request: Request) -> bool:
    """Whether an error is answered as the API does."""
    return f"{PREFIX}/" in f"{request.url.path}/"


async def _answer(make: Callable[..., bytes], *values: object) -> Response:
    return _json(await asyncio.to_thread(make, *values))


def _sources(overview: Overview, parameters: Parameters) -> bytes:
    head, page = parameters.page(_chosen(overview, parameters))
    return document(_head(overview) | head, "sources", map(source_json, page))


def _rows(  # noqa: PLR0917 - called by name of nothing
    overview: Overview,
    parameters: Parameters,
    name: str,
    find: Callable[[SourceOverview], Iterator[tuple[SourceOverview, T]]],
    show: Callable[[SourceOverview, T], dict[str, object]],
    describe: Callable[[SourceOverview], dict[str, object] | None] | None,
) -> bytes:
    chosen = _chosen(overview, parameters)
    head, page = parameters.page([row for each in chosen for row in find(each)])
    head = _head(overview) | head
    if describe is not None:
        head["lists"] = list(filter(None, map(describe, chosen)))
    return document(head, name, (show(of, row) for of, row in page))


def _chosen(overview: Overview, parameters: Parameters) -> list[SourceOverview]:
    """By name, so that pages which are asked for one after the other fit together."""
    found = [
        each
        for each in overview.sources
        if parameters.source in {None, each.source} and parameters.database in {None, each.database}
    ]
    return sorted(found, key=lambda each: (each.source, each.database))


def _head(overview: Overview) -> dict[str, object]:
    return {
        "version": overview.version,
        "now": iso(overview.now),
        "started_at": iso(overview.started_at),
        "shows_details": overview.shows_details,
    }
