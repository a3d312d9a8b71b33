"""`session-exporter demo`: the daemon on an embedded PostgreSQL."""

import functools
import sys

from exporter.cli import options
from exporter.cli.output.overview import counts
from exporter.daemon import process


def demo(listen_address: options.ListenAddress = f"127.0.0.1:{options.DEFAULT_PORT}") -> None:
    """Try the exporter on an embedded PostgreSQL with traffic.

    Ctrl-C ends it; nothing is left behind.
    """
    from exporter.demo.run import run_demo  # noqa: PLC0415 - only the demo needs its extra

    say = functools.partial(print, flush=True)  # a pipe would get it at the very end
    sock = process.listen(*options.parse_address(listen_address))
    run_demo(sock, sys.argv[0], say, counts)
