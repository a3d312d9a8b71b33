"""The page of a client: opens a call, configures its job, talks, and hangs up or does not."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

RETRY_SECONDS = 0.02  # between two attempts to configure a job
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0  # seconds before connecting again
ANSWER_SECONDS = 20.0  # for an answer of the server

Say = Callable[[str, str], None]


async def open_page(url: str, client: str) -> ClientConnection:
    """Connect; the call waits until it is started. `url` begins with ws://."""
    return await connect(f"{url}/calls?client={client}", close_timeout=1.0)


async def start_call(page: ClientConnection, job: object) -> str:
    """Start the call, and send the job at once and again until it is taken; return the call's id.

    Raises RuntimeError when another job is confirmed.
    """
    await send(page, type="job.configuration", job=job)
    await send(page, type="call.start")
    while True:
        answer = await receive(page, "job.pending", "job.configured")
        if answer["type"] == "job.configured":
            break
        await asyncio.sleep(RETRY_SECONDS)
        await send(page, type="job.configuration", job=job)
    if answer["job"] != job:
        raise RuntimeError(f"the call has another job: {answer['job']}")
    return str(answer["id"])


async def talk(page: ClientConnection, text: str) -> None:
    """Say something and wait for the answer."""
    await send(page, type="call.message", text=text)
    await receive(page, "call.message")


async def hang_up(page: ClientConnection) -> None:
    """End the call, wait to hear that it has ended, and for the connection to close."""
    await send(page, type="call.end")
    while (await receive(page, "call.status_changed"))["status"] != "ended":
        pass
    await page.wait_closed()


async def unload(page: ClientConnection) -> None:
    """Leave the page: its connection closes."""
    await page.close(1001)


async def send(page: ClientConnection, **message: object) -> None:
    """Send one message."""
    await page.send(json.dumps(message))


async def receive(page: ClientConnection, *kinds: str) -> dict[str, Any]:
    """Wait for a message of one of these types; others are dropped."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            message: dict[str, Any] = json.loads(await page.recv())
            if message["type"] in kinds:
                return message


async def cycles(url: str, client: str, number: int, say: Say) -> None:
    """Open, talk and end so many calls; each second one by leaving the page."""
    for each in range(number):
        page = await open_page(url, client)
        call = await start_call(page, {"number": each})
        await talk(page, f"message of call {each}")
        await (unload(page) if each % 2 else hang_up(page))
        say("ended", call)


async def hold(url: str, client: str, every: float, say: Say) -> None:
    """Hold one call, with a message `every` so many seconds; connect again, later and later."""
    delay = FIRST_DELAY
    while True:
        with suppress(OSError, TimeoutError, WebSocketException):
            page = await open_page(url, client)
            say("active", await start_call(page, {"client": client}))
            delay = FIRST_DELAY
            while True:
                await talk(page, "still here")
                await asyncio.sleep(every)
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY)


async def again(url: str, client: str, every: float, say: Say) -> None:
    """Practise again without closing: the first page stays open, silent, and answers pings."""
    page = await open_page(url, client)
    say("left", await start_call(page, {"client": client}))
    await hold(url, client, every, say)


async def forget(url: str, client: str, say: Say) -> None:
    """Open a page and never start a call."""
    page = await open_page(url, client)
    say("waiting", "")
    await page.wait_closed()


def main() -> None:
    """Run as one client; each event is a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("act", choices=("cycles", "hold", "again", "forget"))
    parser.add_argument("--url", required=True, help="ws://127.0.0.1:8081")
    parser.add_argument("--client", required=True)
    parser.add_argument("--number", type=int, default=100, help="of cycles")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two messages")
    options = parser.parse_args()
    url, client, every = options.url, options.client, options.every
    works = {
        "cycles": lambda: cycles(url, client, options.number, _say),
        "hold": lambda: hold(url, client, every, _say),
        "again": lambda: again(url, client, every, _say),
        "forget": lambda: forget(url, client, _say),
    }
    asyncio.run(works[options.act]())


def _say(event: str, call: str) -> None:
    sys.stdout.write(json.dumps({"event": event, "call": call}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
