"""No command, page or log line shows a secret, wherever it is in the config and whatever fails."""

import http.server
import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.recovery.audit.installation import audit_script
from tests.support.processes.session_exporter import CONVERSATIONS, IMPATIENT, Daemon, run, wait_for
from tests.support.processes.session_exporter import write_config as write
from tests.support.servers.statements import execute

pytestmark = pytest.mark.slow  # each command several times; unit tests of the config are quick

#: Every secret of the config but the passwords of roles contains it.
MARK = "hunter2"

COMMANDS = [
    ("check",),
    ("check", "--live", "--all"),
    ("check", "--live", "--format", "json"),
    ("once",),
    ("orphans",),
    ("orphans", "--format", "json"),
    ("inconsistent", "undated"),
    ("schema",),
    ("recover", "chats"),
    ("recover", "chats", "--yes", "--reason", "test"),
    ("undo", "1"),
    ("runs",),
    ("close", "chats", "--owner", "a", "--reason", "test"),
    ("pause", "chats", "--reason", "test"),
    ("resume", "chats"),
    ("sql", "role"),
    ("sql", "audit"),
    ("sql", "index", "chats"),
    ("sql", "orphans", "chats"),
    ("sql", "close", "chats"),
    ("sql", "function", "chats"),
]

CLOSING = ("recover", "closed", "--yes", "--despite-brake", "--reason", "test")


def answers(port: int) -> Iterator[tuple[int, dict[str, str], bytes]]:
    """What a server may say, with and without the secrets that it knows."""
    repeated = f"http://app:{MARK}@127.0.0.1:{port}/?token={MARK}".encode()
    return itertools.cycle(
        [
            (401, {"WWW-Authenticate": f"Bearer {MARK}"}, repeated),
            (302, {"Location": repeated.decode()}, b""),
            (200, {}, b"[" + repeated),
            (200, {}, b'{"error": "' + repeated + b'"}'),
            (500, {}, repeated),
            (200, {"Link": f'<{repeated.decode()}>; rel="next"'}, b"[]"),
            (200, {"Content-Encoding": "gzip"}, b"[]"),
            (200, {}, b"[]"),
            (200, {}, b'["' + repeated + b'"]'),
        ]
    )


@dataclass
class Talkative:
    """A server of lists and webhooks that repeats what it is asked."""

    port: int = 0
    _server: http.server.ThreadingHTTPServer = field(init=False)

    def __enter__(self) -> "Talkative":
        given: Iterator[tuple[int, dict[str, str], bytes]]
        refusal = (500, {"X-Key": MARK}, MARK.encode())

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                is_webhook = self.path.startswith("/webhook")
                status, headers, body = refusal if is_webhook else next(given)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - http.server names it

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        given = answers(self.port)
        threading.Thread(target=self._server.serve_forever).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def config(folder: Path, database: EmbeddedDatabase) -> Iterator[Path]:
    """Databases that answer, refuse and are not there, and a secret at each place for one."""
    for name in ("password", "header", "token", "webhook"):
        (folder / name).write_text(f"{MARK}-{name}-file\n")
        (folder / name).chmod(0o644)
    known = f"127.0.0.1:{database.server.port}/{database.name}"
    printing = f"echo {MARK}-printed; echo {MARK}-stderr >&2"
    failing = ["sh", "-c", f"{printing}; exit 1", f"{MARK}-argument"]
    refused = ["sh", "-c", printing, f"{MARK}-argument"]
    dsn = f"postgresql://{EXPORTER}@{known}"
    databases: dict[str, dict[str, Any]] = {
        "app": {"dsn": database.dsn_for(EXPORTER)},
        "gone": {"dsn": f"postgresql://app:{MARK}-gone@127.0.0.1:1/app?sslpassword={MARK}-ssl"},
        "unknown": {"dsn": f"host=nowhere.invalid user=app password='{MARK} unknown'"},
        "wrong": {"dsn": f"postgresql://{EXPORTER}:{MARK}-wrong@{known}"},
        "file": {"dsn": dsn, "password_file": "password"},
        "failing": {"dsn": dsn, "password_command": failing},
        "refused": {"dsn": dsn, "password_command": refused},
        "missing": {"dsn": dsn, "password_command": [f"/{MARK}-program", f"{MARK}-argument"]},
    }
    with Talkative() as server:
        url = f"127.0.0.1:{server.port}/{MARK}-path?token={MARK}-query"
        asking = {
            "headers": {"X-Key": f"{MARK}-header", "X-File": {"file": "header"}},
            "token_file": "token",
            "body": f'{{"token": "{MARK}-body"}}',
            "method": "POST",
        }
        lists = {
            "calls": {
                "urls": {
                    "answering": f"http://app:{MARK}-user@{url}",
                    "gone": f"http://app:{MARK}-user@127.0.0.1:1/?token={MARK}-query",
                    "encrypted": f"https://app:{MARK}-user@{url}",
                    "unknown": f"http://app:{MARK}-user@nowhere.invalid/{MARK}-path",
                },
                "request": asking,
                "every": "300ms",
                "timeout": "2s",
            }
        }
        owners = {
            "servers": {
                "unique_per_start": True,
                "http": {"url": f"http://app:{MARK}-user@{url}", **asking},
                "every": "300ms",
                "timeout": "2s",
            },
            "pods": {
                "unique_per_start": True,
                "kubernetes": {
                    "namespace": "app",
                    "selector": "app=calls",
                    "url": f"http://app:{MARK}-user@127.0.0.1:{server.port}",
                    "token_file": str(folder / "token"),
                    "ca_file": str(folder / "token"),
                },
            },
        }
        recovery = {
            "mode": "auto",
            "set": {"is_active": False, "session_end": "{end}"},
            "end_at": "now",
            "trust_age": True,
            "dsn": database.dsn,
            "webhook": {
                "url": f"http://app:{MARK}-user@127.0.0.1:{server.port}/webhook/{MARK}-path",
                "secret_file": "webhook",
                "timeout": "2s",
            },
        }
        chats = {**CONVERSATIONS, "daily": None}
        sources = {
            "chats": {
                **chats,
                "database": "app",
                "recovery": recovery,
                "list": "calls",
                "owner": {"of": "user_id", "in": "servers"},
            },
            "closed": {**chats, "database": "app", "where": "user_id = 'b'", "recovery": recovery},
            "pods": {**chats, "database": "app", "owner": {"of": "user_id", "in": "pods"}},
            "elsewhere": {**chats, "database": [each for each in databases if each != "app"]},
        }
        patient = {name: {**each, **IMPATIENT} for name, each in databases.items()}
        yield write(folder, patient, sources, owners=owners, lists=lists)


@pytest.fixture
def secrets(database: EmbeddedDatabase) -> list[str]:
    """With the passwords of roles that connect."""
    execute(
        database,
        "INSERT INTO conversations.conversation_sessions (session_id, user_id, session_start)"
        " SELECT gen_random_uuid(), user_id, now() - interval '3 hours'"
        " FROM generate_series(1, 3), unnest(ARRAY['a', 'b']) AS user_id",
        audit_script(),
    )
    passwords = database.server.passwords
    return [MARK, passwords[EXPORTER], passwords["postgres"]]


def shown(secrets: list[str], text: str) -> list[str]:
    """The lines that show a secret."""
    return [line for line in text.splitlines() if any(each in line for each in secrets)]


def test_no_command_shows_one_at_any_level_of_the_log(
    database: EmbeddedDatabase, secrets: list[str], tmp_path: Path
) -> None:
    with config(tmp_path, database) as path:
        for arguments in COMMANDS:
            done = run(*arguments, *_config_of(arguments, path), folder=tmp_path)
            assert "No such option" not in done.stderr, arguments
            assert "Missing" not in done.stderr, (arguments, done.stderr)
            assert shown(secrets, done.stdout + done.stderr) == [], arguments
            assert done.stdout + done.stderr, arguments


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_no_page_and_no_line_of_the_log_of_the_daemon_shows_one(
    database: EmbeddedDatabase, secrets: list[str], tmp_path: Path, log_format: str
) -> None:
    with config(tmp_path, database) as path:
        closed = run(*CLOSING, "-c", path, folder=tmp_path)
        assert closed.returncode == 0, closed.stderr
        known = run("run", "--help", folder=tmp_path).stdout
        talking = ("--log.level=debug", "--web.details=everyone")
        more = [each for each in talking if each.partition("=")[0] in known]
        more += ["--log.format", log_format]
        with Daemon(path, folder=tmp_path, options=more) as daemon:
            daemon.wait_for_page(
                lambda page: page.errors("elsewhere") and page.errors("chats") is not None,
                "each has been tried",
            )
            daemon.wait_until_ready()
            wait_for(lambda: "webhook" in daemon.log, "a webhook fails", details=lambda: daemon.log)
            pages = ["/metrics", "/", "/-/ready", "/-/healthy", "/nothing"]
            pages += [f"/api/v1/{each}" for each in ("config", "sources", "orphans", "runs")]
            served = "".join(daemon.get(each).text for each in pages)
        assert shown(secrets, served) == []
        assert shown(secrets, daemon.log) == []
        assert re.search(r"answered (401|302|500)", daemon.log)
        assert "password_command for database failing: it ended with exit code 1" in daemon.log


def _config_of(arguments: tuple[str, ...], path: Path) -> tuple[str, ...]:
    return () if arguments == ("schema",) else ("-c", str(path))
