"""Real Prometheus and Alertmanager as child processes, and a webhook that keeps what it is sent.

Each has a port of its own on loopback and a temporary folder, from entering to leaving its `with`
block, and talks to nobody but whom the test names.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import pytest
import yaml

from tests.support.processes.session_exporter import environment, wait_for

Labels = dict[str, str]


class ApiError(Exception):
    """Prometheus or Alertmanager answered that it cannot do what was asked."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of an instant vector; a scalar is one without labels."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One element of a range vector: (Unix time, value), oldest first."""

    labels: Labels
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Post:
    """One request to the webhook: its path, and the JSON object that came."""

    path: str
    body: dict[str, Any]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts in it: `status`, `labels`, `annotations` and more."""
        found: list[dict[str, Any]] = self.body["alerts"]
        return found

    @property
    def names(self) -> list[str]:
        """The names of the alerts in it."""
        return [each["labels"]["alertname"] for each in self.alerts]


def program(name: str, packages: str = "prometheus and prometheus-alertmanager") -> str:
    """Find a program of the Debian packages; skip the test without it, and fail in CI."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is missing: it comes with Debian's {packages}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class Server:
    """A child process that listens on a port of its own and writes to its log which one that is."""

    def __init__(self, name: str, arguments: Iterable[str]) -> None:
        self._command = [program(name), *arguments, "--web.listen-address=127.0.0.1:0"]
        self._temporary = tempfile.TemporaryDirectory(prefix=f"session-exporter-{name}-")
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(self._temporary.name)
        self.port = 0

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything it has written so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self.port = int(wait_for(self._listening, "it listens", details=lambda: self.log)[1])
            wait_for(self._ready, "it is ready", details=lambda: self.log)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process and remove its folder; fine for one that has ended already."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._temporary.cleanup()

    def call(
        self, path: str, *, form: Sequence[tuple[str, str]] = (), body: object | None = None
    ) -> Any:
        """Ask its API and return the JSON, or None; POST where there is a body. Raises ApiError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body is None:
                connection.request("GET", f"{path}?{urlencode(form)}" if form else path)
            else:
                headers = {"content-type": "application/json"}
                connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
            if response.status != 200:
                raise ApiError(f"{path} {list(form)}: {response.status} {text}")
            return json.loads(text or "null")
        finally:
            connection.close()

    def _listening(self) -> re.Match[str] | None:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        return re.search(r'msg="Listening on" address=\S+:(\d+)', self.log)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        finally:
            connection.close()


class Prometheus(Server):
    """Prometheus with one scrape job for each item of `jobs`: its name, and `host:port` targets.

    `interval` is how often it scrapes and evaluates rules. `alertmanager` is `host:port`. `blocks`
    is a folder made by `create_blocks`; what is in it stays for ten years. `settings` is merged
    into prometheus.yml at the top, and `flags` go to the command line.
    """

    def __init__(
        self,
        jobs: Mapping[str, Sequence[str]],
        *,
        interval: str = "1s",
        rules: Sequence[Path] = (),
        external_labels: Mapping[str, str] | None = None,
        alertmanager: str | None = None,
        blocks: Path | None = None,
        settings: Mapping[str, Any] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            "--storage.tsdb.retention.time=10y",
            # Four times as long an alert lives in Alertmanager without being sent again: long
            # enough for a busy machine, and what went out before Alertmanager was found is soon
            # sent again.
            "--rules.alert.resend-delay=5s",
            "--web.external-url=http://prometheus.example.com/",
            "--web.route-prefix=/",
            "--log.level=info",
            *flags,
        ]
        super().__init__("prometheus", arguments)
        config: dict[str, Any] = {
            "global": {
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "evaluation_interval": interval,
                "external_labels": dict(external_labels or {}),
            },
            # A scrape may come before the end of what was backfilled.
            "storage": {"tsdb": {"out_of_order_time_window": "1d"}},
            "rule_files": [str(path.resolve()) for path in rules],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": list(targets)}]}
                for name, targets in jobs.items()
            ],
        }
        if alertmanager is not None:
            receiver = {"static_configs": [{"targets": [alertmanager]}]}
            config["alerting"] = {"alertmanagers": [receiver]}
        config |= settings or {}
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        if blocks is not None:
            shutil.copytree(blocks, self.folder / "data")

    def query(self, expression: str, *, at: float | None = None) -> list[Sample]:
        """Evaluate an expression now, or at a Unix time. Raises ApiError."""
        form = [("query", expression)] + ([] if at is None else [("time", str(at))])
        found = self.call("/api/v1/query", form=form)["data"]
        if found["resultType"] == "scalar":
            return [Sample({}, float(found["result"][1]))]
        return [Sample(each["metric"], float(each["value"][1])) for each in found["result"]]

    def query_range(
        self, expression: str, *, start: float, end: float, step: float
    ) -> list[Series]:
        """Evaluate an expression at each step of a time range. Raises ApiError."""
        form = [
            ("query", expression),
            ("start", str(start)),
            ("end", str(end)),
            ("step", f"{step}"),
        ]
        found = self.call("/api/v1/query_range", form=form)["data"]["result"]
        return [
            Series(each["metric"], [(float(at), float(value)) for at, value in each["values"]])
            for each in found
        ]

    def series(self, *selectors: str) -> list[Labels]:
        """Labels of the series that match any selector, the name among them as `__name__`."""
        form = [("match[]", each) for each in selectors]
        found: list[Labels] = self.call("/api/v1/series", form=form)["data"]
        return found

    def label_values(self, label: str, *selectors: str) -> list[str]:
        """Values of a label, of all series or of those that match any selector."""
        form = [("match[]", each) for each in selectors]
        found: list[str] = self.call(f"/api/v1/label/{label}/values", form=form)["data"]
        return found

    def alerts(self, *, state: str | None = None) -> list[dict[str, Any]]:
        """The alerts that are pending or firing: `labels`, `annotations`, `state`, `activeAt`."""
        found = self.call("/api/v1/alerts")["data"]["alerts"]
        return [each for each in found if state in {None, each["state"]}]

    def rules(self) -> list[dict[str, Any]]:
        """All rules of all groups: `name`, `query`, `health`, `lastError` and more."""
        groups = self.call("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


class Alertmanager(Server):
    """Alertmanager with a config as parsed from YAML; it looks for no peers."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            "--cluster.listen-address=",
            "--web.external-url=http://alertmanager.example.com/",
            "--web.route-prefix=/",
        ]
        super().__init__("prometheus-alertmanager", arguments)
        text = yaml.safe_dump(dict(config))
        (self.folder / "alertmanager.yml").write_text(text, encoding="utf-8")

    def alerts(self, *, name: str | None = None) -> list[dict[str, Any]]:
        """The alerts it has: `labels`, `annotations`, `receivers`, `status.state`, and so on."""
        found = self.call("/api/v2/alerts")
        return [each for each in found if name in {None, each["labels"]["alertname"]}]

    def send(self, alerts: Sequence[Mapping[str, str]]) -> None:
        """Tell it of alerts by their labels, as Prometheus does."""
        self.call("/api/v2/alerts", body=[{"labels": dict(labels)} for labels in alerts])

    def silences(self) -> list[dict[str, Any]]:
        """The silences it has: `id`, `matchers`, `status.state`, and so on."""
        found: list[dict[str, Any]] = self.call("/api/v2/silences")
        return found

    def silence(self, start: str, end: str, **labels: str) -> str:
        """Silence the alerts that have these labels between two RFC 3339 times; return its id."""
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in labels.items()
        ]
        body = {"matchers": matchers, "startsAt": start, "endsAt": end}
        found = self.call(
            "/api/v2/silences", body=body | {"createdBy": "a test", "comment": "a test"}
        )
        return str(found["silenceID"])


@dataclass
class Webhook:
    """An HTTP server on loopback that answers 200 to each POST and keeps what it was sent."""

    _posts: list[Post] = field(default_factory=list)

    def __enter__(self) -> Self:
        posts = self._posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                posts.append(Post(self.path, json.loads(self.rfile.read(size))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name)
                """Nothing: what came is in `posts`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def posts(self, path: str | None = None) -> list[Post]:
        """What was posted so far, to any path or to one, oldest first."""
        return [each for each in list(self._posts) if path in {None, each.path}]


def create_blocks(openmetrics: str, folder: Path) -> Path:
    """Make blocks for Prometheus from samples with timestamps, in OpenMetrics; return their folder.

    The text ends with `# EOF`, and each sample says its Unix time in seconds.
    """
    source, blocks = folder / "backfill.om", folder / "blocks"
    source.write_text(openmetrics, encoding="utf-8")
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    done = subprocess.run(
        [*command, source, blocks], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return blocks
