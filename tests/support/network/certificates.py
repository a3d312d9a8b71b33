"""Certificates that a test makes with the openssl command, and an application behind one."""

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.network.answering import Answering

_CONFIG = """\
[ca]
default_ca = made
[made]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority in a folder of its own, which signs certificates."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Authority":
        folder.mkdir()
        authority = cls(folder)
        (folder / "index").touch()
        (folder / "config").write_text(_CONFIG.format(folder=folder))
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        files = ("-keyout", folder / "ca.key", "-out", authority.certificate)
        _openssl("req", "-x509", *new_key, "-days", "2", "-subj", f"/CN={folder.name}", *files)
        return authority

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    def server(self, name: str = "IP:127.0.0.1", until: str = "20991231235959Z") -> ssl.SSLContext:
        """A server with a certificate for this name, which is valid from 2020 to a time."""
        certificate, key = self.signed("server", name, until)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        return tls

    def signed(
        self, file: str, name: str = "IP:127.0.0.1", until: str = "20991231235959Z"
    ) -> tuple[Path, Path]:
        """A certificate for this name, of a server or a client, and its key."""
        key, request, certificate, extensions = (
            self.folder / f"{file}.{each}" for each in ("key", "request", "crt", "extensions")
        )
        extensions.write_text(f"subjectAltName={name}\n")
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        _openssl("req", "-new", *new_key, "-subj", "/CN=x", "-keyout", key, "-out", request)
        by = ("-config", self.folder / "config", "-cert", self.certificate)
        times = ("-startdate", "20200101000000Z", "-enddate", until)
        files = ("-keyfile", self.folder / "ca.key", "-in", request, "-out", certificate)
        _openssl("ca", "-batch", "-notext", *by, *times, *files, "-extfile", extensions)
        return certificate, key


@asynccontextmanager
async def answering_encrypted(tls: ssl.SSLContext, **answers: object) -> AsyncIterator[Answering]:
    """Answers by the names of the targets; `url` gives addresses with https."""
    server = EncryptedAnswering({f"/{name}": answer for name, answer in answers.items()})
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


class EncryptedAnswering(Answering):
    def url(self, target: str = "/") -> str:
        return f"https://127.0.0.1:{self.port}{target}"


def openssl() -> str:
    """Find the command; skip the test without it, and fail in CI."""
    found = shutil.which("openssl")
    if found is None:
        missing = "openssl is not installed (on Debian: apt-get install openssl)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([openssl(), *arguments], check=True, capture_output=True)
