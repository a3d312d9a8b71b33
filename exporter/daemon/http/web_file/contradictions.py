"""Contradictions among the keys of `tls_server_config`, and ignored keys of the format."""

from collections.abc import Iterator, Mapping
from typing import Any

from exporter.config.fields.parser import ExpectedError
from exporter.config.file.document import KeyPath
from exporter.daemon.http.web_file.settings import (
    HEADERS,
    NO_CERT,
    REQUEST,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    VERIFY,
    VERIFY_IF_GIVEN,
)

Found = Iterator[tuple[KeyPath, ExpectedError]]

_TLS = "tls_server_config"


def contradictions(data: Mapping[str, Any]) -> Found:
    """Yield the contradictions, by the keys as they are written."""
    http, tls = data.get("http_server_config"), data.get(_TLS)
    headers = http.get("headers") if isinstance(http, dict) else None
    for name, value in headers.items() if isinstance(headers, dict) else ():
        values = HEADERS.get(name, ())
        if values and value not in values:
            yield ("http_server_config", "headers", name), ExpectedError(" or ".join(values))
    if isinstance(tls, dict) and tls:
        yield from _in_tls(tls)


def _in_tls(tls: Mapping[str, Any]) -> Found:
    auth = tls.get("client_auth_type") or NO_CERT
    for key, what in (("cert", "certificate"), ("key", "key")):
        yield from _require_one(tls, key, f"the {what} of the server")
    has_ca = {"client_ca", "client_ca_file"}.intersection(tls)
    if auth in (VERIFY, VERIFY_IF_GIVEN):
        yield from _require_one(tls, "client_ca", "the authority of the clients' certificates")
    elif len(has_ca) == 2:
        yield (_TLS, "client_ca"), ExpectedError("client_ca or client_ca_file", got="both")
    if has_ca and auth in (NO_CERT, REQUEST):
        advice = f"write {VERIFY}, or take {' and '.join(sorted(has_ca))} out"
        got = auth if "client_auth_type" in tls else f"no such key, which means {NO_CERT}"
        expected = ExpectedError("a client_auth_type that verifies certificates", advice, got)
        yield (_TLS, "client_auth_type"), expected
    if tls.get("client_allowed_sans") and auth != VERIFY:
        expected = ExpectedError(
            f"client_allowed_sans beside client_auth_type: {VERIFY}", got=str(auth)
        )
        yield (_TLS, "client_allowed_sans"), expected
    if tls.get("min_version") == TLS13 and tls.get("max_version") == TLS12:
        got = f"max_version {TLS12}, min_version {TLS13}"
        expected = ExpectedError("a max_version from min_version on", got=got)
        yield (_TLS, "max_version"), expected


def not_honoured(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield the keys of exporter-toolkit that have no effect here, and why."""
    tls, http = (data.get(key) or {} for key in (_TLS, "http_server_config"))
    for key in ("cipher_suites", "curve_preferences"):
        if key in tls:
            yield (_TLS, key), "ignored: those of OpenSSL and its system-wide config are used"
    if tls.get("min_version") in {TLS10, TLS11}:
        yield (_TLS, "min_version"), f"{TLS12} is used: older versions are not safe"
    if tls.get("client_auth_type") == REQUEST:
        yield (_TLS, "client_auth_type"), f"{NO_CERT} is used: no certificate is requested"
    if http.get("http2"):
        yield ("http_server_config", "http2"), "ignored: HTTP/1.1 is used"
    if "rate_limit" in data:
        why = "ignored: the number of connections and of password checks is limited instead"
        yield ("rate_limit",), why


def _require_one(tls: Mapping[str, Any], key: str, what: str) -> Found:
    given = [each for each in (key, f"{key}_file") if tls.get(each) is not None]
    if len(given) != 1:
        got = "both" if given else "none"
        expected = ExpectedError(f"{key}_file or {key}, {what}", got=got)
        yield (_TLS, given[0] if given else f"{key}_file"), expected
