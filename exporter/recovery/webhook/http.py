"""Signed HTTP requests to the webhook, and the reasons of refusals."""

import asyncio
import functools
import hashlib
import hmac
import ssl
from pathlib import Path

import httpx

from exporter.config import Webhook
from exporter.errors import NotDelivered
from exporter.http_failures import why_failed

SIGNATURE = "Session-Exporter-Signature"


def signature(key: bytes, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 over the Unix time, a full stop and the body; both parts of the header."""
    signed = f"{timestamp}.".encode() + body
    return f"t={timestamp},v1={hmac.new(key, signed, hashlib.sha256).hexdigest()}"


@functools.cache
def system_authorities() -> ssl.SSLContext:
    """The system's certificate authorities; reading them takes 50 ms, so they are read once."""
    return ssl.create_default_context()


class WebhookClient:
    """Sends requests to one webhook. Redirects are not followed: a signed request stays there.

    Proxies of the environment are not used, and certificates are verified with the system's
    authorities (or SSL_CERT_FILE), internal ones included.
    """

    def __init__(self, webhook: Webhook, *, concurrency: int) -> None:
        self._webhook = webhook
        self._client = httpx.AsyncClient(
            verify=system_authorities(),
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - post() sets one deadline for the whole request
            limits=httpx.Limits(max_connections=concurrency),
        )

    async def post(self, body: bytes, *, key: str, timestamp: int) -> None:
        """Send one request. Raises NotDelivered unless it is answered 2xx within `timeout`."""
        secret = _read_secret(self._webhook.secret_file)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "session-exporter",
            "Idempotency-Key": key,
            SIGNATURE: signature(secret, timestamp, body),
        }
        try:
            async with (
                asyncio.timeout(self._webhook.timeout),
                # Only the status: the body of an answer may be of any length, and is not read.
                self._client.stream(
                    "POST", self._webhook.url, content=body, headers=headers
                ) as response,
            ):
                status = response.status_code
        except TimeoutError:
            raise NotDelivered(f"no answer within {self._webhook.timeout:g} s") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError):
            raise NotDelivered("webhook.url is not a valid URL for a request") from None
        except httpx.HTTPError as error:
            raise NotDelivered(why_failed(error)) from None
        if 300 <= status < 400:
            raise NotDelivered(
                f"answered {status}; redirects are not followed, so webhook.url has to be the "
                "final address"
            )
        if not 200 <= status < 300:
            raise NotDelivered(f"answered {status}")

    async def close(self) -> None:
        await self._client.aclose()


def _read_secret(path: Path) -> bytes:
    """The key, read for each request, so that a new one needs no restart."""
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise NotDelivered(f"webhook.secret_file: cannot read {path}: {error.strerror}") from None
    if not secret:
        raise NotDelivered(f"webhook.secret_file: {path} is empty; no request is sent unsigned")
    return secret
