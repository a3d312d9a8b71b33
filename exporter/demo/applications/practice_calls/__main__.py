"""The server as a program: `python -m exporter.demo.applications.practice_calls --port 8081`."""

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from uuid import uuid4

from exporter.demo.applications.practice_calls.server import CallServer
from exporter.demo.applications.practice_calls.table import CallTable


def main() -> None:
    """Serve until SIGINT or SIGTERM, then end every call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    parser.add_argument("--keep-old", action="store_true", help="the fault: do not close the old")
    parser.add_argument("--ping-interval", type=float, default=20.0, help="seconds")
    parser.add_argument("--dsn", help="write the table practice_calls.calls of this database too")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        table = None
        if options.dsn:
            table = await stack.enter_async_context(CallTable(options.dsn, str(uuid4())))
        calls = CallServer(
            closes_old=not options.keep_old, ping_interval=options.ping_interval, table=table
        )
        server = await stack.enter_async_context(await calls.start(options.host, options.port))
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stdout.write(f"listening on http://{options.host}:{port}\n")
        sys.stdout.flush()
        await stopping.wait()
        await calls.reset_all_sessions()


if __name__ == "__main__":
    main()
