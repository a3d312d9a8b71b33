"""The keys of the web config file, as exporter-toolkit has them (its docs/web.md)."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo

from exporter.config.fields.model import DistinctList, FrozenMapping, Model
from exporter.config.fields.parser import ExpectedError, Parser, suggest
from exporter.config.fields.values import choice

NO_CERT, VERIFY_IF_GIVEN, VERIFY = (
    "NoClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
)
#: Requests a certificate and accepts any, or none: equivalent to not requesting one.
REQUEST = "RequestClientCert"
#: Python's ssl cannot request a certificate without verifying it.
UNVERIFIED = ("RequireAnyClientCert", "RequireClientCert")
_CLIENT_AUTH = (NO_CERT, REQUEST, VERIFY_IF_GIVEN, VERIFY)

TLS10, TLS11, TLS12, TLS13 = VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")

#: More would take seconds for each password that is checked, and 31 takes a day.
MOST_COST = 16
#: What `htpasswd -B` and others write: the cost, 16 bytes of salt, 23 of the hash.
_BCRYPT = r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"

#: The headers that exporter-toolkit lets a file set, and the values of some.
HEADERS = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}


def _parse_file(value: object, info: ValidationInfo) -> Path:
    """Return the path, relative to the folder of the file; it is opened later."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ExpectedError("the path of a file", "omit the key for none")
    return Path(info.context or "", value)


def _parse_pem(value: object) -> str:
    if not isinstance(value, str) or "-----BEGIN " not in value:
        raise ExpectedError("text in PEM", "write it as a block behind |")
    return str(value)


def _parse_client_auth(value: object) -> str:
    if value in UNVERIFIED:
        advice = f"write {VERIFY} and client_ca_file: certificates are always verified here"
        raise ExpectedError(", ".join(_CLIENT_AUTH[:-1]) + f" or {VERIFY}", advice)
    return str(choice(_CLIENT_AUTH).parse(value))


def _parse_user(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^:\x00-\x1f\x7f]+", value):
        raise ExpectedError("the name of a user", "HTTP's basic authentication allows no colon")
    return str(value)


def _parse_hash(value: object) -> str:
    found = re.fullmatch(_BCRYPT, value) if isinstance(value, str) else None
    if found is None:
        advice = '`htpasswd -nBC 10 ""` asks for the password and prints it behind a colon'
        raise ExpectedError("a bcrypt hash", advice, "a value that is not shown")
    if not 4 <= int(found[1]) <= MOST_COST:
        advice = "each step doubles the time that it takes to check a password"
        expected = f"a bcrypt hash with a cost from 4 to {MOST_COST}"
        raise ExpectedError(expected, advice, f"the cost {found[1]}")
    return str(value)


def _parse_header_name(value: object) -> str:
    if value not in HEADERS:
        known = ", ".join(HEADERS)
        raise ExpectedError("a header that can be set", suggest(value, HEADERS) or f"use {known}")
    return str(value)


def _parse_header_value(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]([\t -~]*[!-~])?", value):
        raise ExpectedError("the value of a header", "it is one line in ASCII; put it in quotes")
    return str(value)


def _parse_anything(value: object) -> None:
    """Accept any value of an ignored key."""


WebPath = Annotated[Path, Parser(_parse_file)]
Pem = Annotated[str, Parser(_parse_pem)]
Ignored = Annotated[None, Parser(_parse_anything)]
_MinVersion = Annotated[Literal["TLS10", "TLS11", "TLS12", "TLS13"], choice(VERSIONS)]
_MaxVersion = Annotated[Literal["TLS12", "TLS13"], choice((TLS12, TLS13))]
_User = Annotated[str, Parser(_parse_user)]
_Hash = Annotated[str, Parser(_parse_hash)]
_HeaderName = Annotated[str, Parser(_parse_header_name)]
_HeaderText = Annotated[str, Parser(_parse_header_value)]


class TlsSettings(Model):
    """The encryption of connections."""

    cert_file: WebPath | None = None
    key_file: WebPath | None = None
    cert: Pem | None = None
    key: Pem | None = None
    client_ca_file: WebPath | None = None
    client_ca: Pem | None = None
    client_auth_type: Annotated[str, Parser(_parse_client_auth)] = NO_CERT
    client_allowed_sans: DistinctList[str] = ()
    min_version: _MinVersion = "TLS12"
    max_version: _MaxVersion = "TLS13"
    prefer_server_cipher_suites: bool = True
    cipher_suites: Ignored = None
    curve_preferences: Ignored = None


class HttpServerSettings(Model):
    """The headers of each answer."""

    headers: FrozenMapping[_HeaderName, _HeaderText] = Field({}, validate_default=True)
    http2: bool = False


class WebSettings(Model):
    """The whole web config file."""

    tls_server_config: TlsSettings | None = None
    http_server_config: HttpServerSettings = Field({}, validate_default=True)
    basic_auth_users: FrozenMapping[_User, _Hash] = Field({}, validate_default=True)
    rate_limit: Ignored = None
