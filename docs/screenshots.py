"""Makes the pictures of the demo in docs/images: `make screenshots`.

It starts the demo, opens its status page in the chromium that is installed, and draws what
`session-exporter recover` prints to a terminal.
"""

import fcntl
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import sysconfig
import termios
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).with_name("images")
PROGRAM = Path(sysconfig.get_path("scripts")) / "session-exporter"
COMMAND = "recover conversations --backlog --show 3"

#: Columns and lines of the terminal.
COLUMNS, LINES = 132, 40
#: Of the demo before its pictures are taken, in seconds: twice its counts were collected by then.
WARM_UP = 65.0
START_PATIENCE = 120.0

#: In pixels.
CHARACTER, LINE, MARGIN = 7.8, 18, 16


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """The demo: the address of its page, the dsn of its role for recovery, and its config file."""
    command = [str(PROGRAM), "demo", "--web.listen-address", "127.0.0.1:0"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        text, deadline = "", time.monotonic() + START_PATIENCE
        assert running.stdout is not None
        while not (found := re.search(r"=(\S+) \\\s+\S+ recover .*--config.file (\S+)\n", text)):
            line = running.stdout.readline()
            if not line or time.monotonic() > deadline:
                sys.exit(f"the demo does not start:\n{text}")
            text += line
        url = re.search(r"Open +(\S+)", text)
        assert url is not None
        yield url[1], found[1], found[2]
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)


def take_pages(url: str) -> None:
    """The page as light, dark, and on a phone with a source that is open."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is missing")
    sizes = {
        "light": {"width": 1280, "height": 780},
        "dark": {"width": 1280, "height": 780},
        "phone": {"width": 390, "height": 844},
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for name, viewport in sizes.items():
            scheme = "dark" if name == "dark" else "light"
            page = browser.new_page(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type] # a literal dict
            page.goto(url)
            page.screenshot(path=IMAGES / f"status_page_{name}.png")
        browser.close()


def printed(arguments: str, dsn: str, config: str) -> list[str]:
    """The lines that a command prints to a terminal, without their colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    command = [str(PROGRAM), *shlex.split(arguments), "--config.file", config]
    environ = {**os.environ, "DATABASE_URL": dsn, "TERM": "xterm"}
    running = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    output = bytearray()
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:  # Linux says so at the end
        pass
    os.close(ours)
    running.wait()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode())
    return [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").rstrip().split("\n")]


def draw(lines: list[str]) -> str:
    """An SVG of a terminal."""
    width = max(map(_columns, lines)) * CHARACTER + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    texts = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + 13 + number * LINE}" xml:space="preserve">'
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}">
<style>
rect {{ fill: #f6f8fa; }}
text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #17191c; }}
@media (prefers-color-scheme: dark) {{ rect {{ fill: #1a1e23; }} text {{ fill: #e4e7ea; }} }}
</style>
<rect width="100%" height="100%" rx="6"/>
{texts}
</svg>
"""


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line)


def main() -> None:
    """Make all pictures, and print how large they are."""
    IMAGES.mkdir(exist_ok=True)
    with demo() as (url, dsn, config):
        time.sleep(WARM_UP)
        take_pages(url)
        lines = [f"$ session-exporter {COMMAND}", *printed(COMMAND, dsn, config)]
    (IMAGES / "recover_plan.svg").write_text(draw(lines), encoding="utf-8")
    for path in sorted(IMAGES.iterdir()):
        print(f"{path.stat().st_size / 1000:5.0f} kB  {path}")


if __name__ == "__main__":
    main()
