"""Files of certificates that cannot be used are said, each with its key."""

import subprocess
from pathlib import Path

import pytest

from exporter.daemon.http.tls.context import make_context
from exporter.daemon.http.web_file.load import load_web_config
from exporter.errors import ConfigError
from tests.support.network.certificates import Authority

SHIPPED = Path(__file__).parents[4] / "support" / "network" / "tls"


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is said about a web config, which stands beside the certificates of the tests."""
    for each in SHIPPED.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    (tmp_path / "text").write_text("no certificate")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "empty").touch()
    (tmp_path / "web.yml").write_text(text)
    with pytest.raises(ConfigError) as error:
        make_context(load_web_config(tmp_path / "web.yml"))
    return [each.replace(f"{tmp_path}/", "") for each in str(error.value).splitlines()]


def pair(certificate: str = "server.crt", key: str = "server.key", *more: str) -> str:
    lines = (f"cert_file: {certificate}", f"key_file: {key}", *more)
    return "tls_server_config:\n" + "".join(f"  {each}\n" for each in lines)


VERIFY = "client_auth_type: RequireAndVerifyClientCert"
WRONG = {
    "missing": (
        pair("a", "b", "client_ca_file: c", VERIFY),
        "2: tls_server_config.cert_file: there is no file a",
        "3: tls_server_config.key_file: there is no file b",
        "4: tls_server_config.client_ca_file: there is no file c",
    ),
    "a folder": (pair("/dev"), "2: tls_server_config.cert_file: /dev is not a file"),
    "a device": (pair("/dev/zero"), "2: tls_server_config.cert_file: /dev/zero is not a file"),
    "another key": (
        pair("other.crt"),
        (
            "2: tls_server_config.cert_file: the certificate and its key cannot be used: the key "
            "is not the one of the certificate"
        ),
    ),
    "text": (
        pair("text"),
        "2: tls_server_config.cert_file: the certificate and its key cannot be used: expected PEM",
    ),
    "bytes": (
        pair("binary"),
        "2: tls_server_config.cert_file: the certificate and its key cannot be used: expected PEM",
    ),
    "nothing": (
        pair("server.crt", "empty"),
        "2: tls_server_config.cert_file: the certificate and its key cannot be used: expected PEM",
    ),
    "no authority": (
        pair("server.crt", "server.key", "client_ca_file: empty", VERIFY),
        (
            "4: tls_server_config.client_ca_file: no certificate of an authority can be read: "
            "no certificate or crl found"
        ),
    ),
    "text as an authority": (
        pair("server.crt", "server.key", 'client_ca: "-----BEGIN ä"', VERIFY),
        (
            "4: tls_server_config.client_ca: no certificate of an authority can be read: "
            "cadata should be an ASCII string or a bytes-like object"
        ),
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_every_file_that_cannot_be_used_is_said(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    text, *messages = wrong
    assert problems(tmp_path, text) == [f"web.yml:{each}" for each in messages]


@pytest.mark.slow  # it starts openssl
def test_a_key_with_a_password_is_not_asked_for_it(tmp_path: Path) -> None:
    command = f"openssl ec -in {SHIPPED}/server.key -aes128 -passout pass:a -out"
    subprocess.run([*command.split(), tmp_path / "locked"], check=True, capture_output=True)
    assert problems(tmp_path, pair("server.crt", "locked")) == [
        "web.yml:3: tls_server_config.key_file: the key is encrypted"
    ]


@pytest.mark.slow  # it starts openssl
def test_a_certificate_in_the_file_is_used(tmp_path: Path) -> None:
    certificate, key = Authority.made(tmp_path / "authority").signed("server")
    text = {
        each: path.read_text().replace("\n", "\n    ").strip()
        for each, path in (("cert", certificate), ("key", key))
    }
    (tmp_path / "web.yml").write_text(
        f"tls_server_config:\n  cert: |\n    {text['cert']}\n  key: |\n    {text['key']}\n"
    )
    assert make_context(load_web_config(tmp_path / "web.yml")) is not None
