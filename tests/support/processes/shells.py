"""Interactive shells on a terminal of their own: what is typed, and what they show."""

import fcntl
import os
import re
import select
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import pytest

#: What moves the cursor, sets colours, titles and modes.
_CONTROL = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[\[(][0-9;?>=]*[A-Za-z]|\x1b[=>]")


def shell(name: str) -> str:
    """Find a shell; skip the test without it, and fail in CI."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is missing: it comes with Debian's package of that name"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class Terminal:
    """A program on a pseudo terminal, from entering to leaving the `with` block."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        env: Mapping[str, str],
        columns: int = 80,
        rows: int = 50,
    ) -> None:
        self._command, self._folder, self._env = command, folder, env
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self.shown = ""
        """Everything that the program has written, without what moves the cursor."""
        self.raw = b""
        """The same as it came."""

    def __enter__(self) -> Self:
        self._own, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, self._size)
        self.process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=dict(self._env),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # fish asks for the terminal that controls its session.
            preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one ioctl
        )
        os.close(theirs)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def type(self, text: str) -> None:
        os.write(self._own, text.encode())

    def read_until(self, pattern: str, *, seconds: float = 60.0) -> str:
        """Wait for a text; return what was shown since the last call up to the end of it."""
        deadline, begin = time.monotonic() + seconds, len(self.shown)
        while not (found := re.search(pattern, self.shown[begin:], re.DOTALL)):
            assert time.monotonic() < deadline, f"not shown: {pattern}\n{self.shown[begin:]}"
            if not self._read():
                raise AssertionError(f"it ended before it showed {pattern}\n{self.shown}")
        return self.shown[begin : begin + found.end()]

    def read_to_the_end(self, *, seconds: float = 60.0) -> int:
        """Wait until the program has ended; return its exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"still running\n{self.shown}"
        return self.process.wait(timeout=10)

    def _read(self) -> bool:
        """Read what is there within a moment; False at the end."""
        ready, _, _ = select.select([self._own], [], [], 0.1)
        if ready:
            try:
                data = os.read(self._own, 65536)
            except OSError:  # on Linux, all of the other end is closed
                return False
            if not data:
                return False
            self.raw += data
            self.shown = _CONTROL.sub("", self.raw.decode("utf-8", "replace"))
        return True
