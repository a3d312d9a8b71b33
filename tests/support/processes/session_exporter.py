"""session-exporter as its users have it: a program, and a process that is scraped over HTTP."""

import http.client
import itertools
import os
import re
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml

from tests.support.processes.preloaded import Child, Preloaded

PROGRAM = Path(sysconfig.get_path("scripts")) / "session-exporter"

#: Deadlines that a test does not have to wait long for.
IMPATIENT = {"connect_timeout": "2s", "statement_timeout": "1s", "lock_timeout": "250ms"}

#: A source that any database of the fixtures has; collected often, so that tests need not wait.
CONVERSATIONS = {
    "table": "conversations.conversation_sessions",
    "active": "is_active",
    "started_at": "session_start",
    "ended_at": "session_end",
    "duration": "duration_seconds",
    "id": "session_id",
    "orphaned_after": "2h",
    "every": "250ms",
    "stale_after": "60s",
    "daily": {"days": 7, "every": "250ms", "timeout": "1s"},
}

#: Variables that Python or the linker reads at the start of a process.
READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_")

PRELOADED = Preloaded(PROGRAM)

Running = subprocess.Popen[bytes] | Child

T = TypeVar("T")
_numbers = itertools.count(1)


def wait_for(
    condition: Callable[[], T | None],
    what: str,
    *,
    seconds: float = 60.0,
    every: float = 0.02,
    details: Callable[[], str] = str,
) -> T:
    """Return what the condition gives as soon as that is true; fail at the deadline.

    It is asked `every` so many seconds: more rarely where that costs more than a moment.
    """
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{details()}"
        time.sleep(every)
    return result


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """No PG* variable and no password file of whoever runs the tests may play a part."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)} | variables


def write_config(
    folder: Path,
    databases: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Mapping[str, Any]],
    **evidence: Mapping[str, Mapping[str, Any]],
) -> Path:
    """Write a config file of its own name into the folder; `evidence` is owners and lists."""
    path = folder / f"config-{next(_numbers)}.yaml"
    data = {
        "databases": {name: dict(settings) for name, settings in databases.items()},
        **evidence,
        "sources": {name: dict(settings) for name, settings in sources.items()},
    }
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def can_be_preloaded(env: Mapping[str, str]) -> bool:
    """Whether no variable is one of those that are read at the start of a process.

    `make test-all` sets REAL_PROGRAMS: then every program is started by itself, as users start it.
    """
    return not os.environ.get("REAL_PROGRAMS") and not any(
        name.startswith(READ_AT_THE_START) for name in env
    )


def run(*arguments: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; whatever it does, it may not end in a traceback."""
    words = [str(each) for each in arguments]
    env = environment(folder, **variables)
    if can_be_preloaded(env):
        done = PRELOADED.run(words, cwd=folder, env=env, timeout=60)
    else:
        done = subprocess.run(
            [PROGRAM, *words],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    within: Sequence[str | Path] = (),
) -> Running:
    """Start a command that writes all its output to a file, within another or by itself."""
    log.touch()
    own = environment(folder) if env is None else env
    if not within and can_be_preloaded(own):
        return PRELOADED.start(arguments, cwd=folder, env=own, log=log)
    with log.open("wb") as output:
        return subprocess.Popen(
            [*within, PROGRAM, *arguments],
            cwd=folder,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


_SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class Page:
    """A scraped page in the text format.

    Read here in a sixth of the time that Prometheus's own parser takes, as who waits for a page
    reads one after the other. That every page is valid is tested with that parser and by promtool.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for line in text.split("\n"):
            if not line or line.startswith("#"):
                continue
            found = _SAMPLE.fullmatch(line)
            assert found, f"no sample: {line}"
            key = (found[1], frozenset(_labels(found[2] or "")))
            assert key not in self._samples, f"twice on one page: {key}"
            self._samples[key] = float(found[3])

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the one sample that has these labels, or None."""
        found = self.values(name, **labels)
        assert len(found) < 2, f"{name} {labels} is {len(found)} samples"
        return found[0] if found else None

    def values(self, name: str, **labels: str) -> list[float]:
        """The values of all samples that have these labels, and maybe others besides."""
        wanted = set(labels.items())
        return [
            value
            for (each, pairs), value in self._samples.items()
            if each == name and wanted <= pairs
        ]

    def succeeds(self, source: str, *, collector: str = "active") -> bool:
        """Whether the last collection of a source succeeded."""
        name = "session_exporter_collection_success"
        return self.value(name, source=source, collector=collector) == 1

    def errors(self, source: str) -> set[str]:
        """The reasons for which collections of a source have failed."""
        return {
            dict(pairs)["reason"]
            for (name, pairs), value in self._samples.items()
            if name == "session_exporter_collection_errors_total"
            and value
            and dict(pairs)["source"] == source
        }


def _labels(text: str) -> list[tuple[str, str]]:
    assert not _LABEL.sub("", text), f"no labels: {text}"
    pairs = _LABEL.findall(text)
    if "\\" not in text:
        return pairs
    return [(name, re.sub(r"\\.", lambda each: _ESCAPED[each[0]], value)) for name, value in pairs]


class Daemon:
    """`session-exporter run` on a port of its own, from entering to leaving the `with` block."""

    def __init__(
        self,
        config: Path,
        *,
        folder: Path,
        listen: str = "127.0.0.1:0",
        environ: Mapping[str, str] | None = None,
        within: Sequence[str | Path] = (),
        options: Sequence[str] = (),
    ) -> None:
        """`within` is a command that becomes the daemon, such as `env A=B`.

        What it says in words is shown, unless the options say otherwise.
        """
        self._log = folder / f"daemon-{next(_numbers)}.log"
        self._environ = environment(folder, **(environ or {}))
        self._folder = folder
        self._within = within
        shown = ("--web.details", "everyone")
        arguments = ["run", "-c", config, "--web.listen-address", listen, *shown, *options]
        self._arguments = [str(each) for each in arguments]
        self._process: Running | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._process = self._start()
        try:
            self.wait_until_started()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, type_: type[BaseException] | None, *_: object) -> None:
        if self._process is None or self._process.poll() is not None or type_ is not None:
            self._kill()
            return
        assert self.stop() == 0

    @property
    def log(self) -> str:
        """Everything it has written so far, to stdout or stderr."""
        return self._log.read_text(encoding="utf-8")

    def wait_until_started(self) -> None:
        """Wait for the line that tells the address."""

        def address() -> re.Match[str] | None:
            assert self.process.poll() is None, self.log
            return re.search(r'\bstarted"?,? "?address"?[=:] ?"\S+:(\d+)"', self.log)

        self.port = int(wait_for(address, "the daemon starts")[1])

    @property
    def process(self) -> Running:
        """The process itself."""
        assert self._process is not None
        return self._process

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path; an underscore in a header's name is a hyphen."""
        return self._ask("GET", path, headers)

    def post(self, path: str) -> Answer:
        """POST nothing to a path."""
        return self._ask("POST", path, {"Content-Length": "0"})

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in named.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())
        finally:
            connection.close()

    def scrape(self) -> Page:
        """The /metrics page."""
        answer = self.get("/metrics")
        assert answer.status == 200
        return Page(answer.text)

    def wait_for_page(
        self, condition: Callable[[Page], Any], what: str, *, seconds: float = 60.0
    ) -> Page:
        """Scrape until the condition holds, and return that page."""

        def matching() -> Page | None:
            page = self.scrape()
            return page if condition(page) else None

        return wait_for(matching, what, seconds=seconds, every=0.1, details=lambda: self.log)

    def wait_until_ready(self) -> Page:
        """Wait until every source was collected or has reported why not."""
        ready = lambda: self.get("/-/ready").status == 200  # noqa: E731
        wait_for(ready, "it is ready", every=0.05, details=lambda: self.log)
        return self.scrape()

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 10.0) -> int:
        """Send a signal and return the exit code; fail if it takes long or left a traceback."""
        self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._kill()
            raise AssertionError(
                f"still running {seconds:g} s after {number.name}:\n{self.log}"
            ) from None
        assert "Traceback" not in self.log, self.log
        return code

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def _start(self) -> Running:
        return start(
            self._arguments,
            folder=self._folder,
            log=self._log,
            env=self._environ,
            within=self._within,
        )

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
