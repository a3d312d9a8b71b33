"""One signed HTTP request: from an audit row to the receiver's answer, or to why there is none."""

import asyncio
import hashlib
import hmac
import os
import ssl
from pathlib import Path

import httpx

from exporter.config import Webhook
from exporter.errors import NotTaken

SIGNATURE = "Session-Exporter-Signature"


def signature(key: bytes, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over the Unix time, a full stop and the body; both parts of the header."""
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(key, signed, hashlib.sha256).hexdigest()}"


class Receiver:
    """Who is told. Redirects are not followed: a signed request goes nowhere else.

    Proxies of the environment are not used, and certificates are checked against the system's own
    (or SSL_CERT_FILE), so that an internal authority is known where it is known to everybody.
    """

    def __init__(self, webhook: Webhook, *, concurrency: int) -> None:
        self._webhook = webhook
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - one deadline for all of it, in post()
            limits=httpx.Limits(max_connections=concurrency),
        )

    async def post(self, body: bytes, *, key: str, timestamp: int) -> None:
        """Send once. Raises NotTaken unless it was answered 2xx within `timeout`."""
        secret = _read_secret(self._webhook.secret_file)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "session-exporter",
            "Idempotency-Key": key,
            SIGNATURE: signature(secret, timestamp, body),
        }
        try:
            async with asyncio.timeout(self._webhook.timeout):
                status = await self._status(body, headers)
        except TimeoutError:
            raise NotTaken(f"no answer within {self._webhook.timeout:g} s") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise NotTaken("no request can be made of webhook.url") from None
        except httpx.HTTPError as error:
            raise NotTaken(_sentence(error)) from None
        if 300 <= status < 400:
            raise NotTaken(
                f"answered {status}; redirects are not followed, so webhook.url has to be the "
                "final address"
            )
        if not 200 <= status < 300:
            raise NotTaken(f"answered {status}")

    async def _status(self, body: bytes, headers: dict[str, str]) -> int:
        # The status alone: an answer of any length is not read, and costs no memory.
        async with self._client.stream(
            "POST", self._webhook.url, content=body, headers=headers
        ) as response:
            return response.status_code

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()


def _read_secret(path: Path) -> bytes:
    """Read again for each request, so that a new key needs no restart."""
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise NotTaken(f"webhook.secret_file: cannot read {path}: {error.strerror}") from None
    if not secret:
        raise NotTaken(f"webhook.secret_file: {path} is empty, and nothing is sent unsigned")
    return secret


def _sentence(error: BaseException) -> str:
    """What the system said below httpx, httpcore and anyio, each of which wraps it once more."""
    while (below := _below(error)) is not None:
        error = below
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'the connection ended'}"
    if isinstance(error, OSError) and error.errno is not None:
        # asyncio's own text for a refused connection is about the address, not about the cause.
        cause = os.strerror(error.errno) if error.errno > 0 else error.strerror
        return f"the connection failed: {cause}"
    return f"the connection failed: {type(error).__name__}"


def _below(error: BaseException) -> BaseException | None:
    """The cause; of several addresses that were tried the last."""
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[-1]
    return error.__cause__ or error.__context__
