"""A real Prometheus scrapes over TLS, with a password and with a client certificate."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.monitoring.programs import Prometheus
from tests.support.network.secured import (
    PASSWORD,
    USER,
    SecuredDaemon,
    Web,
    basic,
    hashed,
)
from tests.support.processes.session_exporter import wait_for

pytestmark = pytest.mark.slow  # each starts a Prometheus and waits for its scrapes

VALID = "session_exporter_web_config_last_reload_successful"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def job(name: str, daemon: SecuredDaemon, web: Web, **settings: Any) -> dict[str, Any]:
    tls = {"ca_file": str(web.servers.certificate)} | settings.pop("tls_config", {})
    targets = [{"targets": [f"127.0.0.1:{daemon.port}"]}]
    return {"job_name": name, "scheme": "https", "static_configs": targets, "tls_config": tls} | (
        settings
    )


def scraping(*jobs: dict[str, Any]) -> Prometheus:
    return Prometheus({}, settings={"scrape_configs": list(jobs)})


def ever_up(prometheus: Prometheus, count: int) -> dict[str, float]:
    """Whether each job was scraped, as soon as all were tried, and the first one with success.

    Its first scrape may be too late, as the passwords of all are checked one after the other.
    """

    def tried() -> dict[str, float] | None:
        samples = prometheus.query("max_over_time(up[5m])")
        found = {each.labels["job"]: each.value for each in samples}
        return found if len(found) == count and any(found.values()) else None

    return wait_for(tried, "every job was tried", every=0.1, details=lambda: prometheus.log)


def test_a_scrape_with_the_password_succeeds_and_others_are_refused_and_counted(
    tmp_path: Path, web: Web
) -> None:
    web.write(basic_auth_users={USER: hashed(PASSWORD, cost=10)})
    with SecuredDaemon(tmp_path, web, authorization=basic()) as daemon:
        right = {"basic_auth": {"username": USER, "password": PASSWORD}}
        wrong = {"basic_auth": {"username": USER, "password": "another"}}
        unknown = {"basic_auth": {"username": "nobody", "password": PASSWORD}}
        jobs = [
            job("right", daemon, web, **right),
            job("wrong", daemon, web, **wrong),
            job("unknown", daemon, web, **unknown),
            job("none", daemon, web),
        ]
        with scraping(*jobs) as prometheus:
            assert ever_up(prometheus, 4) == {"right": 1, "wrong": 0, "unknown": 0, "none": 0}
            wait_for(lambda: prometheus.query("session_exporter_build_info"), "it is stored")
            assert {each.labels["job"] for each in prometheus.query(VALID)} == {"right"}
        assert daemon.rejected("password", least=3)
        assert daemon.rejected("tls") == daemon.rejected("certificate") == 0
        assert PASSWORD not in daemon.log


def test_a_scrape_with_a_client_certificate_succeeds_and_others_are_refused_and_counted(
    tmp_path: Path, web: Web
) -> None:
    web.require_certificates(client_allowed_sans=["prometheus.example.com"])
    right = web.clients.signed("right", "DNS:prometheus.example.com")
    certificates = {
        "right": right,
        "another name": web.clients.signed("named", "DNS:other.example.com"),
        "another authority": web.servers.signed("foreign", "DNS:prometheus.example.com"),
        "expired": web.clients.signed("old", "DNS:prometheus.example.com", "20210101000000Z"),
    }
    with SecuredDaemon(tmp_path, web, tls=web.trust(right)) as daemon:
        jobs = [
            job(name, daemon, web, tls_config={"cert_file": str(crt), "key_file": str(key)})
            for name, (crt, key) in certificates.items()
        ]
        with scraping(*jobs, job("none", daemon, web)) as prometheus:
            assert ever_up(prometheus, 5) == {
                name: name == "right" for name in [*certificates, "none"]
            }
        assert daemon.rejected("certificate", least=4)
        assert daemon.rejected("tls") == daemon.rejected("password") == 0


@contextlib.contextmanager
def asking(daemon: SecuredDaemon, tls: ssl.SSLContext) -> Iterator[Counter[str]]:
    """Ask over new connections, and over one that is kept, without pause; gives the outcomes."""
    outcomes = Counter[str]()
    ended = threading.Event()

    def ask() -> None:
        kept = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=30, context=tls)
        while not ended.is_set():
            new = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=30, context=tls)
            for connection in (new, kept):
                try:
                    connection.request("GET", "/metrics", headers={"Authorization": basic()})
                    response = connection.getresponse()
                    outcomes[str(response.status) if response.read() else "empty"] += 1
                except (OSError, http.client.HTTPException) as error:
                    outcomes[repr(error)] += 1
                    connection.close()
            new.close()
        kept.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield outcomes
    finally:
        ended.set()
        thread.join()


def serial(daemon: SecuredDaemon, tls: ssl.SSLContext) -> str:
    with (
        socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as connection,
        tls.wrap_socket(connection, server_hostname="127.0.0.1") as encrypted,
    ):
        certificate = encrypted.getpeercert()
        assert certificate is not None
        return str(certificate["serialNumber"])


def is_let_in(daemon: SecuredDaemon, tls: ssl.SSLContext) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=30, context=tls)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status == 200
    return False


def test_certificates_passwords_and_authorities_change_and_no_scrape_fails(
    tmp_path: Path, web: Web
) -> None:
    """Prometheus scrapes once a second, and another client without pause."""
    certificate = web.clients.signed("client", "DNS:prometheus.example.com")
    web.require_certificates()
    web.write(basic_auth_users={USER: hashed(PASSWORD)})
    tls = web.trust(certificate)
    crt, key = map(str, certificate)
    with SecuredDaemon(tmp_path, web, tls=tls, authorization=basic()) as daemon:
        scraped = job(
            "sessions",
            daemon,
            web,
            basic_auth={"username": USER, "password": PASSWORD},
            tls_config={"cert_file": crt, "key_file": key},
        )
        with scraping(scraped) as prometheus, asking(daemon, tls) as outcomes:
            ever_up(prometheus, 1)
            reloads = daemon.log.count("event=web_config_reloaded")
            for _ in range(3):
                before = serial(daemon, tls)
                web.renew()
                wait_for(lambda before=before: serial(daemon, tls) != before, "it is served")  # type: ignore[misc]
            web.write(basic_auth_users={USER: hashed(PASSWORD), "other": hashed("other")})
            wait_for(
                lambda: daemon.get("/metrics", authorization=basic("other", "other")).status == 200,
                "the other user is known",
                every=0.1,
            )
            with web.clients.certificate.open("ab") as authorities:
                authorities.write(web.servers.certificate.read_bytes())
            newer = web.trust(web.servers.signed("newer"))
            wait_for(lambda: is_let_in(daemon, newer), "the other authority is known", every=0.1)
            assert daemon.log.count("event=web_config_reloaded") >= reloads + 5
            assert set(outcomes) == {"200"}
            (lowest,) = prometheus.query("min_over_time(up[5m])")
            (count,) = prometheus.query("count_over_time(up[5m])")
            assert (lowest.value, count.value > 3) == (1, True)


@pytest.mark.parametrize("kind", ["RequireAndVerifyClientCert", "VerifyClientCertIfGiven"])
def test_a_certificate_of_a_withdrawn_authority_gets_no_answer_more_and_no_other_scrape_fails(
    tmp_path: Path, web: Web, kind: str
) -> None:
    withdrawn, kept = (each.signed("client") for each in (web.clients, web.servers))
    first = web.clients.certificate.read_bytes()
    with web.clients.certificate.open("ab") as authorities:
        authorities.write(web.servers.certificate.read_bytes())
    web.require_certificates(kind)
    with SecuredDaemon(tmp_path, web, tls=web.trust(kept)) as daemon:
        old = http.client.HTTPSConnection(
            "127.0.0.1", daemon.port, timeout=30, context=web.trust(withdrawn)
        )

        def ask() -> int:
            assert old.sock is not None or not tried
            old.request("GET", "/api/v1/config")
            response = old.getresponse()
            response.read()
            return response.status

        tried: list[int] = []
        tried.append(ask())
        crt, key = map(str, kept)
        scraped = job("kept", daemon, web, tls_config={"cert_file": crt, "key_file": key})
        with contextlib.closing(old), scraping(scraped) as prometheus:
            ever_up(prometheus, 1)
            assert tried == [200]
            both = web.clients.certificate.read_bytes()
            web.clients.certificate.write_bytes(both.removeprefix(first))
            wait_for(
                lambda: not is_let_in(daemon, web.trust(withdrawn)), "it is withdrawn", every=0.1
            )
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                ask()
            assert daemon.rejected("certificate", least=2)
            (scrapes,) = prometheus.query("count_over_time(up[5m])")
            wait_for(
                lambda: prometheus.query("count_over_time(up[5m])")[0].value > scrapes.value + 1,
                "it was scraped since",
                every=0.2,
            )
            (lowest,) = prometheus.query("min_over_time(up[5m])")
            assert lowest.value == 1
        assert "http_failed" not in daemon.log


def test_a_file_that_becomes_bad_leaves_the_last_good_one_in_use(tmp_path: Path, web: Web) -> None:
    web.write(basic_auth_users={USER: hashed(PASSWORD)})
    with SecuredDaemon(tmp_path, web, authorization=basic()) as daemon:
        good = {name: (tmp_path / name).read_bytes() for name in ("server.key", "web.yml")}
        assert daemon.scrape().value(VALID) == 1
        for name, bad, said in (
            ("server.key", b"no key", "the certificate and its key cannot be used"),
            ("web.yml", b"basic_auth_users: {a: b}", "expected a bcrypt hash"),
            ("web.yml", b"tls_server_config: {cert_file: a}", "key_file: expected key_file or key"),
        ):
            (tmp_path / name).write_bytes(bad)
            daemon.wait_for_page(lambda page: page.value(VALID) == 0, "it is found to be bad")
            assert said in daemon.log
            (tmp_path / name).write_bytes(good[name])
            daemon.wait_for_page(lambda page: page.value(VALID) == 1, "it is good again")
        assert daemon.log.count("event=web_config_invalid") == 3
        (tmp_path / "web.yml").unlink()
        daemon.wait_for_page(lambda page: page.value(VALID) == 0, "it is gone")
        assert daemon.get("/metrics", authorization=basic(password="wrong")).status == 401
