"""The process: start, stop, signals, the socket, the server."""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
from collections.abc import Iterator
from functools import partial

import uvicorn

from exporter import logs
from exporter.daemon import http, machine_clock
from exporter.daemon.app import Exporter
from exporter.daemon.http_connections import HttpConnections, limit_of
from exporter.daemon.http_protocol import LimitedProtocol
from exporter.daemon.schedule import Schedule
from exporter.errors import ExporterError

#: How long running jobs may take to end after SIGTERM, in seconds.
STOP_PATIENCE = 5.0
#: How long after that clients may take to read the answers that they have asked for, in seconds.
READ_PATIENCE = 1

#: More open files than this are of no use.
MOST_FILES = 65_536


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would raise SIGTERM again at the end (exit 143)."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind the address now, so that a port in use is a sentence before anything has started.

    Without a host it listens on every address, of IPv6 and IPv4 where there is both.
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


def limited_protocol(connections: HttpConnections) -> type[LimitedProtocol]:
    """The protocol of one server, whose connections these are."""

    class Protocol(LimitedProtocol):
        gate = connections

    return Protocol


async def run(exporter: Exporter, sock: socket.socket) -> None:
    """Collect and serve until SIGTERM or SIGINT; closes the exporter."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Its default is to end the process, and its sender expects that the config is read again.
    loop.add_signal_handler(
        signal.SIGHUP, partial(logs.warning, "sighup_ignored", hint="to read the config, restart")
    )
    databases = exporter.config.databases.values()
    needed = sum(each.max_connections + each.max_recovery_connections for each in databases)
    exporter.http.most = limit_of(allow_files(), needed)
    schedule = Schedule(exporter.jobs, machine_clock.CLOCK)
    server = _Server(
        uvicorn.Config(
            http.application(exporter, machine_clock.CLOCK),
            http=limited_protocol(exporter.http),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=READ_PATIENCE,
        )
    )
    # The config and what is made of it live as long as the process. With 1,000 sources a full
    # collection that visits them stops the event loop for 50 ms, and for 10 ms without them.
    gc.collect()
    gc.freeze()
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    stopping = asyncio.create_task(stop.wait())
    schedule.start()
    host, port = sock.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    logs.info("started", address=f"{host}:{port}", sources=len(exporter.config.sources))
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            raise ExporterError(f"the web server has ended unexpectedly: {serving.exception()!r}")
        logs.info("stopping")
        await schedule.stop(STOP_PATIENCE)
    finally:
        server.should_exit = True
        stopping.cancel()
        await exporter.close()
        await asyncio.gather(serving, stopping, return_exceptions=True)
    logs.info("stopped")
