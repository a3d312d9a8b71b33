"""The process: start, stop, signals, the socket, the server."""

import asyncio
import contextlib
import resource
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from exporter import logs
from exporter.config import Config
from exporter.daemon import machine_clock
from exporter.daemon.app import Exporter
from exporter.daemon.http.access import Details
from exporter.daemon.http.access_control import AccessControl
from exporter.daemon.http.connections import HttpConnections, limit_of
from exporter.daemon.http.peer import TlsServer
from exporter.daemon.http.protocol import LimitedProtocol
from exporter.daemon.http.route_prefix import RoutePrefix
from exporter.daemon.http.security_headers import SecurityHeaders
from exporter.daemon.http.tls.connection import with_tls
from exporter.daemon.http.web_config import WebConfig
from exporter.daemon.reload.reloader import Reloader, settle_memory
from exporter.daemon.routes import application
from exporter.daemon.schedule import Schedule
from exporter.errors import ExporterError

#: How long running jobs may take to end after SIGTERM, in seconds.
STOP_PATIENCE = 5.0
#: How long after that clients may take to read their answers, in seconds.
READ_PATIENCE = 1

#: More open files than this are of no use.
MOST_FILES = 65_536


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would raise SIGTERM again at the end (exit 143)."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the address first, so that a port in use is reported before anything has started.

    Without a host it listens on every address, of both IPv6 and IPv4 if available.
    """
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True
            )
        family, *_, address = socket.getaddrinfo(host or "0.0.0.0", port)[0]  # noqa: S104 - asked for
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        # create_server() repeats the address behind the reason.
        reason = str(getattr(error, "strerror", None) or error).partition(" (while ")[0]
        raise ExporterError(
            f"cannot listen on {host}:{port}: {reason}; "
            "choose another address with --web.listen-address"
        ) from None


def allow_files() -> int:
    """Raise the limit of open files as far as this process may; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def limit_http(exporter: Exporter) -> None:
    """Limit the connections of the web server to the open files that databases do not need."""
    databases = exporter.config.databases.values()
    needed = sum(each.max_connections + each.max_recovery_connections for each in databases)
    exporter.http.most = limit_of(allow_files(), needed)


def limited_protocol(
    connections: HttpConnections, tls_server: Callable[[], TlsServer | None] = lambda: None
) -> type[LimitedProtocol]:
    """The protocol of one server, whose connections these are, encrypted as `tls_server` says."""

    class Protocol(LimitedProtocol):
        gate = connections

        def tls(self) -> TlsServer | None:
            return tls_server()

    return Protocol


def secured(app: ASGIApp, exporter: Exporter, web: WebConfig, prefix: str) -> ASGIApp:
    """The complete application for clients."""
    control = AccessControl(app, details=exporter.details, web=web, http=exporter.http)
    return SecurityHeaders(RoutePrefix(control, prefix) if prefix else control, web)


async def run(
    exporter: Exporter,
    sock: socket.socket,
    *,
    web: WebConfig | None = None,
    prefix: str = "",
    load: Callable[[], Config] | None = None,
    is_lifecycle_enabled: bool = False,
) -> None:
    """Collect and serve until SIGTERM or SIGINT; closes the exporter.

    `prefix` is the path under which everything is served. `load` reads the config again, at SIGHUP
    and, where `is_lifecycle_enabled`, over HTTP.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    web = WebConfig() if web is None else web
    if exporter.details is Details.AUTHENTICATED:
        exporter.row_limit.may_be_seen = lambda: web.current.knows_clients
    limit_http(exporter)
    schedule = Schedule(exporter.jobs, machine_clock.CLOCK)
    exporter.next_run = schedule.next_run
    reloader = Reloader(exporter, schedule, machine_clock.CLOCK, load=load, on_change=limit_http)
    loop.add_signal_handler(signal.SIGHUP, stop.set if load is None else reloader.request)
    app = application(
        lambda: reloader.exporter, reload=reloader.reload if is_lifecycle_enabled else None
    )
    server = Server(
        uvicorn.Config(
            secured(app, exporter, web, prefix),
            http=with_tls(limited_protocol(exporter.http, web.tls), web.tls),  # type: ignore[arg-type] # it is called, and nothing else
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=READ_PATIENCE,
        )
    )
    settle_memory()
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    stopping = asyncio.create_task(stop.wait())
    watching = asyncio.create_task(web.watch(exporter.http))
    schedule.start()
    host, port = sock.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    web.log_warnings()
    logs.info("started", address=f"{host}:{port}", sources=len(exporter.config.all_sources))
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise ExporterError(f"the web server has ended unexpectedly: {serving.exception()!r}")
        logs.info("stopping")
        await reloader.stop()
        await schedule.stop(STOP_PATIENCE)
    finally:
        server.should_exit = True
        stopping.cancel()
        watching.cancel()
        await reloader.stop()
        await reloader.exporter.close()
        await asyncio.gather(serving, stopping, watching, return_exceptions=True)
    logs.info("stopped")
