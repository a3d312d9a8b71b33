"""The daemon with a web config file: over TLS, and with a password."""

import base64
import http.client
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bcrypt
import yaml

from tests.support.network.certificates import Authority
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    Answer,
    Daemon,
    wait_for,
    write_config,
)

USER, PASSWORD = "prometheus", "a password"
REJECTED = "session_exporter_http_rejected_total"


def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The value of the header Authorization."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def unreachable(folder: Path) -> Path:
    """A config whose database is out of reach, which is all the same to a client."""
    databases = {"app": {"dsn": "postgresql://nobody@127.0.0.1:1/none"}}
    return write_config(folder, databases, {"chats": {**CONVERSATIONS, "every": "30s"}})


class Web:
    """A web config file in a folder, beside the certificates that it names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "web.yml"
        self.servers = Authority.made(folder / "servers")
        self.clients = Authority.made(folder / "clients")
        self.settings: dict[str, Any] = {
            "tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"}
        }
        self.renew()

    def write(self, **settings: Any) -> None:
        """Write the file with these keys besides."""
        self.settings |= settings
        self.file.write_text(yaml.safe_dump(self.settings), encoding="utf-8")

    def require_certificates(self, kind: str = "RequireAndVerifyClientCert", **more: Any) -> None:
        tls = self.settings["tls_server_config"]
        authority = {"client_ca_file": str(self.clients.certificate), "client_auth_type": kind}
        self.write(tls_server_config=tls | authority | more)

    def renew(self) -> None:
        """Replace the server's certificate and its key, one after the other."""
        for path in self.servers.signed("new"):
            moved = path.with_suffix(".moved")
            moved.write_bytes(path.read_bytes())
            suffix = ".key" if path.suffix == ".key" else ".crt"
            moved.replace(self.folder / f"server{suffix}")

    def trust(self, certificate: tuple[Path, Path] | None = None) -> ssl.SSLContext:
        """What a client needs that shows this certificate, or none."""
        context = ssl.create_default_context(cafile=self.servers.certificate)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context


class SecuredDaemon(Daemon):
    """Asked over TLS as `tls` says, with `authorization`."""

    def __init__(
        self,
        folder: Path,
        web: Web,
        *,
        tls: ssl.SSLContext | None = None,
        authorization: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        web_options = ["--web.config.file", str(web.file), *options]
        super().__init__(unreachable(folder), folder=folder, options=web_options)
        self._tls = web.trust() if tls is None else tls
        self._authorization = authorization

    def get(self, path: str, **headers: str) -> Answer:
        own = {} if self._authorization is None else {"authorization": self._authorization}
        return super().get(path, **own | headers)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self._tls)

    def rejected(self, reason: str, least: int = 0) -> float:
        """How many refusals there were, when there were so many; the page is made once a second."""

        def count() -> tuple[float] | None:
            value = self.scrape().value(REJECTED, reason=reason)
            assert value is not None
            return (value,) if value >= least else None

        return wait_for(count, f"{least} of {reason}", every=0.1, details=lambda: self.log)[0]
