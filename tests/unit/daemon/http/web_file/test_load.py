"""What a web config file says, and what a user reads about one that is wrong."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.daemon.http.web_file.load import WebFile, load_web_config
from exporter.errors import ConfigError

Load = Callable[[str | bytes], WebFile]

HASH = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

PAIR = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n"
COMPLETE = f"""\
tls_server_config:
  cert_file: server.crt
  key_file: /etc/tls/server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example.com]
  min_version: TLS13
  max_version: TLS13
  prefer_server_cipher_suites: false
http_server_config:
  http2: false
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: deny
basic_auth_users:
  prometheus: {HASH}
  "user ä": {HASH}
"""
WITH_PEM = "tls_server_config:\n  cert: |\n    -----BEGIN A\n  key: |\n    -----BEGIN B\n"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """`load(text)`; the path of the file is `web.yml`."""
    monkeypatch.chdir(tmp_path)

    def load(text: str | bytes) -> WebFile:
        path = Path("web.yml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_web_config(path)

    return load


def test_every_key_that_is_honoured_is_read(load: Load) -> None:
    file = load(COMPLETE)
    settings = file.settings
    tls = settings.tls_server_config
    assert tls is not None
    assert tls.cert_file == Path("server.crt")
    assert tls.key_file == Path("/etc/tls/server.key")
    assert tls.client_ca_file == Path("ca.crt")
    assert tls.client_allowed_sans == ("prometheus.example.com",)
    assert (tls.min_version, tls.max_version) == ("TLS13", "TLS13")
    assert settings.basic_auth_users == {"prometheus": HASH, "user ä": HASH}
    assert settings.http_server_config.headers["X-Frame-Options"] == "deny"
    assert file.warnings == ()


def test_a_relative_path_begins_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text(PAIR)
    tls = load_web_config(tmp_path / "web.yml").settings.tls_server_config
    assert tls is not None
    assert tls.cert_file == tmp_path / "a.crt"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "{}",
        "tls_server_config:\n",
        "tls_server_config: {}\nhttp_server_config:\n",
    ],
)
def test_a_file_without_keys_asks_for_nothing(load: Load, text: str) -> None:
    settings = load(text).settings
    assert settings.tls_server_config is None
    assert not settings.basic_auth_users
    assert not settings.http_server_config.headers


def test_a_dollar_and_a_brace_are_text_like_any_other(load: Load) -> None:
    text = "http_server_config: {headers: {Content-Security-Policy: 'a ${NAME} b'}}"
    assert load(text).settings.http_server_config.headers == {
        "Content-Security-Policy": "a ${NAME} b"
    }


def test_a_certificate_and_its_key_may_be_in_the_file(load: Load) -> None:
    tls = load(WITH_PEM).settings.tls_server_config
    assert tls is not None
    assert tls.cert == "-----BEGIN A\n"


NOT_HONOURED = {
    "cipher_suites": (
        PAIR + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
        (
            "4: tls_server_config.cipher_suites: ignored: those of OpenSSL and its system-wide "
            "config are used"
        ),
    ),
    "curve_preferences": (
        PAIR + "  curve_preferences: [X25519]\n",
        (
            "4: tls_server_config.curve_preferences: ignored: those of OpenSSL and its system-wide "
            "config are used"
        ),
    ),
    "min_version": (
        PAIR + "  min_version: TLS11\n",
        "4: tls_server_config.min_version: TLS12 is used: older versions are not safe",
    ),
    "client_auth_type": (
        PAIR + "  client_auth_type: RequestClientCert\n",
        "4: tls_server_config.client_auth_type: NoClientCert is used: no certificate is requested",
    ),
    "http2": (
        "http_server_config:\n  http2: true\n",
        "2: http_server_config.http2: ignored: HTTP/1.1 is used",
    ),
    "rate_limit": (
        "rate_limit: {burst: 3, interval: 1s}\n",
        (
            "1: rate_limit: ignored: the number of connections and of password checks is limited "
            "instead"
        ),
    ),
}


@pytest.mark.parametrize(("text", "warning"), NOT_HONOURED.values(), ids=NOT_HONOURED)
def test_a_key_that_cannot_be_honoured_is_accepted_with_a_warning(
    load: Load, text: str, warning: str
) -> None:
    assert [each.describe("web.yml") for each in load(text).warnings] == [f"web.yml:{warning}"]


_CERT_NONE = (
    "1: tls_server_config.cert_file: expected cert_file or cert, the certificate of the server, "
    "got none"
)
_KEY_NONE = (
    "1: tls_server_config.key_file: expected key_file or key, the key of the server, got none"
)
_HTPASSWD = '`htpasswd -nBC 10 ""` asks for the password and prints it behind a colon'
_NO_HASH = f"expected a bcrypt hash, got a value that is not shown; {_HTPASSWD}"
_CA = "  client_auth_type: VerifyClientCertIfGiven\n"
WRONG = {
    "a list": (
        "[a]",
        (
            "1: expected a mapping with the keys tls_server_config, http_server_config and "
            "basic_auth_users, got a list"
        ),
    ),
    "an unknown key": (
        "tls_server:\n",
        "1: tls_server: unknown key; did you mean tls_server_config?",
    ),
    "no certificate": (
        "tls_server_config: {min_version: TLS12}",
        _CERT_NONE,
        _KEY_NONE,
    ),
    "two certificates": (
        PAIR + "  cert: |\n    -----BEGIN\n",
        (
            "4: tls_server_config.cert: expected cert_file or cert, the certificate of the server, "
            "got both"
        ),
    ),
    "no authority": (
        PAIR + _CA,
        (
            "1: tls_server_config.client_ca_file: expected client_ca_file or client_ca, the "
            "authority of the clients' certificates, got none"
        ),
    ),
    "an authority of nothing": (
        PAIR + "  client_ca_file: ca\n",
        (
            "1: tls_server_config.client_auth_type: expected a client_auth_type that verifies "
            "certificates, got no such key, which means NoClientCert; write "
            "RequireAndVerifyClientCert, or take client_ca_file out"
        ),
    ),
    "certificates that are not verified": (
        PAIR + "  client_auth_type: RequireAnyClientCert\n",
        (
            "4: tls_server_config.client_auth_type: expected NoClientCert, RequestClientCert, "
            "VerifyClientCertIfGiven or RequireAndVerifyClientCert, got 'RequireAnyClientCert'; "
            "write RequireAndVerifyClientCert and client_ca_file: certificates are always "
            "verified here"
        ),
    ),
    "names of certificates that need not be shown": (
        PAIR + _CA + "  client_ca_file: ca\n  client_allowed_sans: [a]\n",
        (
            "6: tls_server_config.client_allowed_sans: expected client_allowed_sans beside "
            "client_auth_type: RequireAndVerifyClientCert, got VerifyClientCertIfGiven"
        ),
    ),
    "versions": (
        PAIR + "  min_version: TLS13\n  max_version: TLS12\n",
        (
            "5: tls_server_config.max_version: expected a max_version from min_version on, got "
            "max_version TLS12, min_version TLS13"
        ),
    ),
    "old versions": (
        PAIR + "  max_version: TLS11\n",
        (
            "4: tls_server_config.max_version: expected TLS12 or TLS13, got 'TLS11'; did you mean "
            "TLS13?"
        ),
    ),
    "a header": (
        "http_server_config:\n  headers:\n    X-Foo: a\n",
        (
            "3: http_server_config.headers.X-Foo: expected a header that can be set, got 'X-Foo'; "
            "use Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, "
            "X-XSS-Protection, Content-Security-Policy"
        ),
    ),
    "the value of a header": (
        "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
        "3: http_server_config.headers.X-Frame-Options: expected deny or sameorigin, got 'allow'",
    ),
    "a header of two lines": (
        'http_server_config: {headers: {X-XSS-Protection: "a\\r\\nSet-Cookie: b"}}',
        (
            "1: http_server_config.headers.X-XSS-Protection: expected the value of a header, got "
            "'a\\r\\nSet-Cookie: b'; it is one line in ASCII; put it in quotes"
        ),
    ),
    "a password": (
        "basic_auth_users:\n  a: secret\n  b: {c: d}\n  c:\n",
        f"2: basic_auth_users.a: {_NO_HASH}",
        f"3: basic_auth_users.b: {_NO_HASH}",
        f"4: basic_auth_users.c: {_NO_HASH}",
    ),
    "a list of users": (
        "basic_auth_users: [secret]",
        "1: basic_auth_users: expected a mapping of keys to values, got a value that is not shown",
    ),
    "no users": (
        "basic_auth_users: []",
        "1: basic_auth_users: expected a mapping of keys to values, got a value that is not shown",
    ),
    "a hash that takes long": (
        f"basic_auth_users: {{a: {HASH.replace('$10$', '$17$')}}}",
        (
            "1: basic_auth_users.a: expected a bcrypt hash with a cost from 4 to 16, got the cost "
            "17; each step doubles the time that it takes to check a password"
        ),
    ),
    "a user that no client can name": (
        f"basic_auth_users: {{'a:b': {HASH}}}",
        (
            "1: basic_auth_users.a:b: expected the name of a user, got 'a:b'; HTTP's basic "
            "authentication allows no colon"
        ),
    ),
    "keys of every part": (
        "tls_server_config: {cert_fil: a}\nhttp_server_config: {header: {}}\nusers: {}\n",
        "1: tls_server_config.cert_fil: unknown key; did you mean cert_file?",
        _CERT_NONE,
        _KEY_NONE,
        "2: http_server_config.header: unknown key; did you mean headers?",
        (
            "3: users: unknown key; known here: tls_server_config, http_server_config, "
            "basic_auth_users, rate_limit"
        ),
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_everything_that_is_wrong_is_said_at_once(load: Load, wrong: tuple[str, ...]) -> None:
    text, *messages = wrong
    with pytest.raises(ConfigError) as error:
        load(text)
    assert str(error.value).splitlines() == [f"web.yml:{each}" for each in messages]


def test_a_missing_file_is_said_with_where_an_example_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web.yml: there is no such file; docs/web.md"):
        load_web_config(tmp_path / "web.yml")


#: What YAML, the keys and the values are made of.
PIECES = (
    *("tls_server_config", "cert_file", "client_auth_type", "client_allowed_sans", "min_version"),
    *("max_version", "http_server_config", "headers", "X-Frame-Options", "basic_auth_users"),
    *(
        "RequireAndVerifyClientCert",
        "RequireAnyClientCert",
        "TLS13",
        "TLS10",
        "deny",
        "<<",
        "[key]",
    ),
    *(HASH, HASH[:40], "secret", "null", "true", "5", "1e999", "2024-13-01", "", "ä", "\U0001f600"),
    *(
        ": ",
        ":\n",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        '"',
        "|\n",
        "&a ",
        "*a",
    ),
    *("!!binary ", "!!set ", "? ", "%", "@", "`", "\t", "\x85", "${A}", "---\n", "#", "\ud800"),
)


@pytest.mark.quick("19")
@pytest.mark.parametrize("seed", range(20))
def test_no_file_ends_in_a_traceback_or_shows_a_password(load: Load, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(25):
        text = "".join(mutated(dice))
        content = text.encode("utf-8", "surrogatepass")
        if dice.random() < 0.1:
            content = bytes(dice.choices(range(256), k=40)) + content
        said = ""
        try:
            load(content)
        except ConfigError as error:
            said = str(error)
        assert HASH[:20] not in said


def mutated(dice: random.Random) -> list[str]:
    """A complete file with pieces taken out or put in, or pieces alone."""
    if dice.random() < 0.3:
        return dice.choices(PIECES, k=dice.randrange(1, 30))
    parts = COMPLETE.split(" ")
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(parts))
        parts[at : at + dice.randrange(3)] = [dice.choice(PIECES)]
    return [f"{each} " for each in parts]
