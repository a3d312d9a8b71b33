"""Bounded HTTP requests, one after the other: the JSON of the answer, or why there is none."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from exporter.config.evidence import HeaderFile, HttpSettings
from exporter.evidence.asking.authorities import Authorities
from exporter.evidence.asking.failure import AskingError
from exporter.http_failures import why_failed
from exporter.postgres import in_thread

#: Maximum size of all pages of an answer together, in bytes.
MOST_BYTES = 32 * 2**20

#: OK, and Created, which some frameworks answer to every POST. The others of 2xx say that the
#: answer comes later, was changed on the way, or consists of several ones.
_COMPLETE = frozenset({200, 201})

#: Members by which JSON-RPC, GraphQL and JSON:API say in an answer of 200 that there is no answer,
#: or a part of one.
_ERRORS = ("error", "errors")

#: Larger answers are taken apart in a thread, so that the event loop goes on.
SMALL_BYTES = 4 * 2**10


#: A connection is kept for the pages of one answer. Servers close idle connections, many after 5
#: seconds: a connection kept longer might be closed while it is used, and the answer be lost.
_KEPT_FOR_SECONDS = 1.0


@dataclass(slots=True)
class Budget:
    """The remaining bytes for an answer."""

    left: int = MOST_BYTES


@dataclass(frozen=True, slots=True)
class AnsweredPage:
    """The answer to one request."""

    value: Any
    """The value of the JSON."""
    is_long: bool
    """Whether it is parsed in a thread."""


class HttpClient:
    """Asks one application. Redirects, proxies of the environment and compression are not used."""

    def __init__(self, settings: HttpSettings, *, concurrency: int) -> None:
        self._settings = settings
        self._concurrency = concurrency
        self._authorities = Authorities(settings.ca_file)
        self._trusted: ssl.SSLContext | None = None
        self._client: httpx.AsyncClient | None = None

    async def prepare(self) -> None:
        """Begin an answer, while no request is active, with the current authorities.

        Raises AskingError if they cannot be read.
        """
        trusted = await self._authorities.current()
        if trusted is self._trusted:
            return
        await self.close()
        self._trusted = trusted
        self._client = httpx.AsyncClient(
            verify=trusted,
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - the caller has one deadline for all pages
            limits=httpx.Limits(
                max_connections=self._concurrency, keepalive_expiry=_KEPT_FOR_SECONDS
            ),
        )

    async def ask(self, url: str, budget: Budget) -> AnsweredPage:
        """One page. Raises AskingError; the caller sets the deadline, and has prepared it."""
        settings = self._settings
        assert self._client is not None  # noqa: S101 - for mypy: it is prepared
        headers = await in_thread(lambda: _headers(settings))  # it reads files
        try:
            async with self._client.stream(
                settings.method, url, content=settings.body, headers=headers
            ) as response:
                _require_success(response)
                _require_whole(response, has_next_page=settings.next_page is not None)
                body = await _read(response, budget)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise AskingError("shape", "the URL is not valid for a request") from None
        except httpx.HTTPError as error:
            raise AskingError("connection", why_failed(error)) from None
        is_long = len(body) > SMALL_BYTES
        value = await asyncio.to_thread(parse_json, body) if is_long else parse_json(body)
        _require_no_error(value)
        return AnsweredPage(value, is_long=is_long)

    async def close(self) -> None:
        """Close its connections; it can be prepared again."""
        client, self._client, self._trusted = self._client, None, None
        if client is not None:
            await client.aclose()


def parse_json(body: bytearray) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value of a JSON text in UTF-8 in which no object has a duplicate key.

    Empties the body, so that it is not kept beside its text and its value. Raises AskingError.
    """
    try:
        text = body.decode("utf-8")
        body.clear()
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_object)
    except UnicodeDecodeError:
        raise AskingError("shape", "the answer is not UTF-8") from None
    except RecursionError:
        raise AskingError("shape", "the answer is nested too deeply") from None
    except ValueError as error:
        raise AskingError("shape", f"the answer is not JSON: {str(error)[:100]}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise AskingError("shape", "an object of the answer has the same key twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def _headers(settings: HttpSettings) -> Mapping[str, str]:
    """The headers of a request, with the secrets that the files hold now. Raises AskingError."""
    headers = {"User-Agent": "session-exporter", "Accept": "application/json"}
    headers["Accept-Encoding"] = "identity"  # a compressed answer may grow without limit
    headers["Cache-Control"] = "no-cache"
    if settings.body is not None:
        headers["Content-Type"] = "application/json"
    for name, value in settings.headers.items():
        headers[name] = read_secret(value.file, name) if isinstance(value, HeaderFile) else value
    if settings.token_file is not None:
        headers["Authorization"] = f"Bearer {read_secret(settings.token_file, 'token_file')}"
    return headers


def read_secret(path: Path, key: str) -> str:
    """One line of a file, read for each request, so that a new one needs no restart.

    Raises AskingError.
    """
    try:
        secret = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise AskingError("file", f"{key}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise AskingError("file", f"{key}: {path} has other than ASCII characters") from None
    if not secret or not secret.isprintable():
        what = "has several lines" if secret else "is empty"
        raise AskingError("file", f"{key}: {path} {what}")
    return secret


def _require_success(response: httpx.Response) -> None:
    status = response.status_code
    if 300 <= status < 400:
        raise AskingError(
            "redirect", f"answered {status}; redirects are not followed: write the final address"
        )
    if status in {401, 403}:
        raise AskingError("permission", f"answered {status}: the request is not permitted")
    if not 200 <= status < 300:
        raise AskingError("status", f"answered {status}")
    if status not in _COMPLETE | {206}:
        raise AskingError("status", f"answered {status}, which is not the answer itself")
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        raise AskingError("shape", f"the answer is compressed ({coding[:20]}), unasked")
    if any(age.strip() != "0" for age in response.headers.get_list("Age")):
        raise AskingError("stale", "the answer comes from a cache: it has an Age")


def _require_no_error(value: Any) -> None:  # noqa: ANN401 - JSON
    """Raise AskingError for an answer that reports an error; its text may quote the request."""
    for name in _ERRORS if isinstance(value, dict) else ():
        if value.get(name):
            raise AskingError("status", f"the answer has `{name}`: it reports an error")


def _require_whole(response: httpx.Response, *, has_next_page: bool) -> None:
    """Raise AskingError if the answer is only a part, and the rest cannot be requested."""
    if response.status_code == 206:
        raise AskingError("page", "answered 206, which is a part of the whole")
    if "next" in response.links and not has_next_page:
        raise AskingError(
            "page", "the answer has another page (Link: rel=next), which next_page does not name"
        )


async def _read(response: httpx.Response, budget: Budget) -> bytearray:
    body = bytearray()
    async for part in response.aiter_raw():
        budget.left -= len(part)
        if budget.left < 0:
            raise AskingError("size", f"the answer has more than {MOST_BYTES // 2**20} MiB")
        body += part
    return body
