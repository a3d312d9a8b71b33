"""`session-exporter run`: what it serves, when it is ready, how it starts and how it ends."""

import gzip
import http.client
import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER, create_empty
from tests.support.processes.session_exporter import (
    CONVERSATIONS,
    IMPATIENT,
    Daemon,
    Page,
    run,
    wait_for,
    write_config,
)
from tests.support.servers.quick_server import QuickServer

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def tarpit() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_serves_metrics_in_both_formats_and_compressed(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        daemon.wait_for_page(lambda page: page.values("sessions_returned_total"), "all is there")

        plain = daemon.get("/metrics")
        assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "content-encoding" not in plain.headers
        in_text = {family.name: family for family in text(plain.text)}
        assert in_text["sessions_active"].samples[0].value == 0
        assert "process_resident_memory_bytes" in in_text

        asked = daemon.get("/metrics", accept=OPENMETRICS)
        assert asked.headers["content-type"] == f"{OPENMETRICS}; charset=utf-8"
        assert asked.text.endswith("\n# EOF\n")
        in_openmetrics = {family.name: family for family in openmetrics(asked.text)}
        assert in_openmetrics["sessions_active_age_seconds"].type == "gaugehistogram"
        assert "process_resident_memory_bytes" in in_openmetrics

        packed = daemon.get("/metrics", accept=OPENMETRICS, accept_encoding="gzip, br")
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["content-type"] == f"{OPENMETRICS}; charset=utf-8"
        assert len(packed.body) < len(asked.body) / 3
        names = {family.name for family in openmetrics(gzip.decompress(packed.body).decode())}
        assert names == set(in_openmetrics)
        for answer in (plain, asked, packed):
            assert answer.headers["vary"].lower() == "accept, accept-encoding"


def test_serves_a_landing_page_and_the_health_checks(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        landing = daemon.get("/")
        assert landing.headers["content-type"] == "text/html; charset=utf-8"
        assert 'href="metrics"' in landing.text
        assert "<h2>conversations</h2>" in landing.text
        assert daemon.get("/-/healthy").status == 200
        assert daemon.get("/-/ready").status == 200
        assert daemon.get("/nothing").status == 404


def test_what_no_request_may_see_is_not_read(config: Path, tmp_path: Path) -> None:
    """By default, and without a web config file, no request is an authenticated one."""
    options = ("--web.details", "authenticated")
    with Daemon(config, folder=tmp_path, options=options) as daemon:
        daemon.wait_until_ready()
        assert "are not kept for this page" in daemon.get("/").text
        assert daemon.get("/api/v1/sources").status == 200
        assert daemon.get("/api/v1/orphans").status == 403


def test_a_page_of_another_site_reloads_nothing(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path, options=("--web.enable-lifecycle",)) as daemon:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
        connection.request("POST", "/-/reload", headers={"Sec-Fetch-Site": "cross-site"})
        assert connection.getresponse().status == 403
        connection.close()
        assert "config_reloaded" not in daemon.log


def test_without_a_host_it_listens_on_every_address(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path, listen=":0") as daemon:
        assert daemon.get("/-/healthy").status == 200  # by 127.0.0.1
        assert re.search(r'event=started address="(\[::\]|0\.0\.0\.0):\d+"', daemon.log)


def test_head_and_post_do_no_harm(config: Path, tmp_path: Path) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
        connection.request("HEAD", "/metrics")
        head = connection.getresponse()
        assert (head.status, head.read()) == (200, b"")
        connection.request("POST", "/metrics", body=b"x=1")
        assert connection.getresponse().status == 405
        connection.close()


def test_is_ready_once_every_source_was_collected_or_has_reported_why_not(
    config: Path, tarpit: int, tmp_path: Path
) -> None:
    app = {"dsn": f"postgresql://app@127.0.0.1:{tarpit}/app", **IMPATIENT}
    silent = write_config(tmp_path, {"app": app}, {"conversations": CONVERSATIONS})
    with Daemon(silent, folder=tmp_path) as daemon:
        assert daemon.get("/-/ready").status == 503
        assert daemon.get("/-/healthy").status == 200
        page = daemon.scrape()
        assert page.value("session_exporter_collection_success", collector="active") == 0
        assert page.values("sessions_active") == []
        assert page.values("session_exporter_database_up") == []

        page = daemon.wait_until_ready()
        assert page.errors("conversations") == {"connect"}
        assert page.value("session_exporter_database_up") == 0
        assert "no answer" in daemon.log or "timeout expired" in daemon.log
    with Daemon(config, folder=tmp_path) as daemon:
        assert daemon.wait_until_ready().succeeds("conversations")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(
    config: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        daemon.wait_until_ready()
        idle = socket.create_connection(("127.0.0.1", daemon.port))  # as a keep-alive scraper has
        assert daemon.stop(number, seconds=5) == 0
        idle.close()
        assert "event=stopping" in daemon.log
        assert daemon.log.rstrip().endswith("event=stopped")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", daemon.port))


def test_a_scraper_that_keeps_its_connection_does_not_hold_up_the_end(
    config: Path, tmp_path: Path
) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        scraper = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=5)
        scraper.request("GET", "/metrics")
        assert scraper.getresponse().read()
        assert daemon.stop(seconds=5) == 0
        scraper.close()


def test_logs_one_json_object_per_line_when_told_to(
    database: EmbeddedDatabase, tmp_path: Path
) -> None:
    app = {"dsn": database.dsn_for(EXPORTER), **IMPATIENT}
    missing = {**CONVERSATIONS, "table": "nowhere.at_all"}
    config = write_config(tmp_path, {"app": app}, {"chats": CONVERSATIONS, "gone": missing})
    with Daemon(config, folder=tmp_path, options=["--log.format", "json"]) as daemon:
        daemon.wait_until_ready()
        assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.log.splitlines()]
    assert all(re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{3}Z", line["time"]) for line in lines)
    # A run that was going on may fail between them.
    events = [line["event"] for line in lines]
    assert events[events.index("stopping") :][-1] == "stopped"
    (started,) = [line for line in lines if line["event"] == "started"]
    assert (started["level"], started["sources"]) == ("INFO", 2)
    found = {"database": "app", "source": "chats", "collector": "active"}
    (good,) = [line for line in lines if found.items() <= line.items()]
    assert (good["event"], good["level"]) == ("collection_succeeded", "INFO")
    (bad,) = [line for line in lines if {**found, "source": "gone"}.items() <= line.items()]
    assert (bad["event"], bad["level"]) == ("collection_failed", "WARNING")
    assert bad["reason"] == "schema"
    assert "there is no table or view nowhere.at_all" in bad["error"]


def test_serves_with_its_database_down_and_gets_well_when_it_comes_up(
    database: EmbeddedDatabase, fast_folder: Path | None, tmp_path: Path
) -> None:
    with QuickServer(database.server.binaries, parent=fast_folder) as server:
        late = create_empty(server, "late")
        server.kill()
        app = {"dsn": late.dsn_for(EXPORTER), **IMPATIENT}
        config = write_config(tmp_path, {"app": app}, {"conversations": CONVERSATIONS})
        with Daemon(config, folder=tmp_path) as daemon:
            page = daemon.wait_until_ready()
            assert page.value("session_exporter_database_up", database="app") == 0
            assert not page.succeeds("conversations")
            assert page.errors("conversations") == {"connect"}
            assert page.values("sessions_active") == []
            assert "Connection refused" in daemon.get("/").text

            server.start()
            page = daemon.wait_for_page(
                lambda page: all(
                    page.succeeds("conversations", collector=collector)
                    for collector in ("active", "daily", "size")
                ),
                "the source is collected again",
            )
            assert page.value("session_exporter_database_up", database="app") == 1
            assert page.value("sessions_active", source="conversations") == 0
            skipped = "session_exporter_collection_skipped_total"
            assert page.value(skipped, source="conversations", reason="backoff")


def test_a_port_in_use_is_a_sentence(config: Path, tarpit: int, tmp_path: Path) -> None:
    address = f"127.0.0.1:{tarpit}"
    done = run("run", "-c", config, "--web.listen-address", address, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"session-exporter: cannot listen on {address}: Address already in use; "
        "choose another address with --web.listen-address\n"
    )


def test_logs_one_line_per_change_of_state_and_not_per_collection(
    config: Path, tmp_path: Path
) -> None:
    with Daemon(config, folder=tmp_path) as daemon:
        first = daemon.wait_until_ready()
        name = "session_exporter_collection_last_success_timestamp_seconds"

        def at(page: Page) -> float:
            value = page.value(name, collector="active")
            assert value is not None
            return value

        daemon.wait_for_page(lambda page: at(page) > at(first) + 0.4, "two more collections")
        assert daemon.log.count("event=collection_succeeded") == 3  # active, daily, size


def test_tells_how_long_it_took_from_start_to_first_sample(
    config: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    started = time.monotonic()
    with Daemon(config, folder=tmp_path) as daemon:
        wait_for(lambda: daemon.scrape().values("sessions_active"), "the first sample")
        took = time.monotonic() - started
    record_property("start_to_first_sample_seconds", f"{took:.2f}")
