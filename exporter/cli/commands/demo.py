"""`session-exporter demo`: an embedded PostgreSQL with traffic, and the exporter on it."""

import functools
import sys

from exporter.cli.options import DEFAULT_PORT, ListenAddress, parse_address
from exporter.cli.output.overview import counts
from exporter.daemon import process


def demo(listen_address: ListenAddress = f"127.0.0.1:{DEFAULT_PORT}") -> None:
    """Run an embedded PostgreSQL with simulated traffic, and the exporter on it."""
    from exporter.demo.run import run_demo  # noqa: PLC0415 - only the demo needs its extra

    say = functools.partial(print, flush=True)  # a pipe would get it at the very end
    run_demo(process.listen(*parse_address(listen_address)), sys.argv[0], say, counts)
