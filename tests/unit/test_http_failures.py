"""The sentence about a failed connection: of the innermost error, and without an address."""

import errno
import socket
import ssl

import httpx
import pytest

from exporter.http_failures import why_failed


def wrapped(error: Exception) -> Exception:
    """As httpx gives an error: raised from one of httpcore, which has the real one as context."""
    outer, middle = httpx.ConnectError("https://app:secret@host"), OSError("all attempts failed")
    middle.__context__ = error
    outer.__cause__ = middle
    return outer


CERTIFICATE = ssl.SSLCertVerificationError(1, "failed")
CERTIFICATE.verify_message = "certificate has expired"
HANDSHAKE = ssl.SSLError(1, "failed")
HANDSHAKE.reason = "WRONG_VERSION_NUMBER"
ENDED = ssl.SSLError(8, "failed")
ENDED.reason = None  # type: ignore[assignment] # as the ssl module sets it
SENTENCES: dict[str, tuple[Exception, str]] = {
    "a certificate": (CERTIFICATE, "its certificate is not valid: certificate has expired"),
    "a handshake": (HANDSHAKE, "TLS failed: WRONG_VERSION_NUMBER"),
    "an end within the handshake": (ENDED, "TLS failed: the connection ended"),
    "nobody there": (
        OSError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.7', 80)"),
        "the connection failed: Connection refused",
    ),
    "no such name": (
        socket.gaierror(-2, "Name or service not known"),
        "the connection failed: Name or service not known",
    ),
    "no number": (EOFError("x"), "the connection failed: EOFError"),
    "several addresses": (
        ExceptionGroup("all", [EOFError(), OSError(errno.ENETUNREACH, "")]),
        "the connection failed: Network is unreachable",
    ),
}


@pytest.mark.parametrize(("error", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_the_innermost_error_says_why(error: Exception, sentence: str) -> None:
    assert why_failed(error) == sentence
    assert why_failed(wrapped(error)) == sentence
