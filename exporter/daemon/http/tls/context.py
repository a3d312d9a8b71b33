"""Creates OpenSSL's context from the web config: certificate, key, versions, authorities."""

import hashlib
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.daemon.http.web_file.load import WebFile
from exporter.daemon.http.web_file.settings import TLS13, VERIFY, VERIFY_IF_GIVEN, TlsSettings
from exporter.errors import ConfigError, Problem

#: The maximum size of a file; one with all public authorities is much smaller.
_MOST_BYTES = 4 * 2**20

_CERTIFICATE = re.compile(rb"-----BEGIN [A-Z0-9 ]*CERTIFICATE-----(.*?)-----END ", re.DOTALL)

_VERSIONS = {TLS13: ssl.TLSVersion.TLSv1_3}
_VERIFYING = {VERIFY: ssl.CERT_REQUIRED, VERIFY_IF_GIVEN: ssl.CERT_OPTIONAL}

#: The meaning of OpenSSL's words for common mistakes.
_MEANINGS = {
    "KEY_VALUES_MISMATCH": "the key is not the one of the certificate",
    "NO_START_LINE": "expected PEM",
    "EE_KEY_TOO_SMALL": "the key of the certificate is too short to be safe",
    "CA_MD_TOO_WEAK": "the signature of the certificate is too weak to be safe",
}


def files_of(settings: TlsSettings | None) -> dict[str, Path]:
    """Return the files that the settings name, by key."""
    keys = ("cert_file", "key_file", "client_ca_file") if settings is not None else ()
    return {key: path for key in keys if (path := getattr(settings, key)) is not None}


def authorities_of(settings: TlsSettings | None) -> frozenset[bytes]:
    """Return the authorities of client certificates, each by its hash; none without any.

    They are read from the text, because Python does not list all that a context trusts.
    """
    if settings is None or settings.client_auth_type not in _VERIFYING:
        return frozenset()
    path, text = settings.client_ca_file, (settings.client_ca or "").encode()
    if path is not None and not _why_unreadable(path):
        text += path.read_bytes()
    return frozenset(
        hashlib.sha256(b"".join(found.split())).digest() for found in _CERTIFICATE.findall(text)
    )


def make_context(file: WebFile) -> ssl.SSLContext | None:
    """Return the context, or None if connections are not encrypted; raises ConfigError."""
    settings = file.settings.tls_server_config
    if settings is None:
        return None
    problems = [
        _problem(file, key, why)
        for key, path in files_of(settings).items()
        if (why := _why_unreadable(path))
    ]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS.get(settings.min_version, ssl.TLSVersion.TLSv1_2)
    context.maximum_version = _VERSIONS.get(settings.max_version, ssl.TLSVersion.TLSv1_2)
    context.options |= ssl.OP_NO_RENEGOTIATION
    if settings.prefer_server_cipher_suites:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    context.verify_mode = _VERIFYING.get(settings.client_auth_type, ssl.CERT_NONE)
    # As in Go, an authority may be one that another authority has signed.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not problems:
        problems = [*_load_certificate(file, settings, context), *_load_ca(file, settings, context)]
    if problems:
        raise ConfigError(str(file.path), problems)
    return context


def _load_certificate(
    file: WebFile, settings: TlsSettings, context: ssl.SSLContext
) -> Iterator[Problem]:
    key = "cert_file" if settings.cert_file else "cert"
    try:
        with (
            _as_file(settings.cert_file, settings.cert) as certificate,
            _as_file(settings.key_file, settings.key) as private,
        ):
            # Without this, OpenSSL would ask for a password on the terminal.
            context.load_cert_chain(certificate, private, password=_no_password)
    except _EncryptedKeyError:
        yield _problem(file, "key_file" if settings.key_file else "key", "the key is encrypted")
    except (OSError, ValueError) as error:
        yield _problem(file, key, f"the certificate and its key cannot be used: {_why(error)}")


def _load_ca(file: WebFile, settings: TlsSettings, context: ssl.SSLContext) -> Iterator[Problem]:
    key = "client_ca_file" if settings.client_ca_file else "client_ca"
    if context.verify_mode == ssl.CERT_NONE:
        return
    try:
        context.load_verify_locations(cafile=settings.client_ca_file, cadata=settings.client_ca)
    except (OSError, TypeError, ValueError) as error:  # TypeError: not ASCII
        yield _problem(file, key, f"no certificate of an authority can be read: {_why(error)}")


class _EncryptedKeyError(Exception):
    """The callback for the password of a key."""


def _no_password() -> str:
    raise _EncryptedKeyError


@contextmanager
def _as_file(path: Path | None, text: str | None) -> Iterator[Path]:
    """Create a file with the text that only this user can read; OpenSSL needs a file."""
    if path is not None:
        yield path
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as made:
        made.write(text or "")
        made.flush()
        yield Path(made.name)


def _why_unreadable(path: Path) -> str:
    """Return why not; opening a named pipe would wait for a writer."""
    try:
        if not path.is_file():
            return f"{path} is not a file" if path.exists() else f"there is no file {path}"
        with path.open("rb") as file:
            return "" if len(file.read(_MOST_BYTES + 1)) <= _MOST_BYTES else f"{path} is too large"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "NO_START_LINE"
        return _MEANINGS.get(reason, reason.lower().replace("_", " "))
    return getattr(error, "strerror", None) or str(error)


def _problem(file: WebFile, key: str, message: str) -> Problem:
    return file.problem(("tls_server_config", key), message)
