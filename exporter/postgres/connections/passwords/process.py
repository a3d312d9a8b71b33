"""Runs a command for its output, with limits. Its output and its arguments are secret.

So no message contains them, and stderr is not kept either: programs repeat arguments and requests
there, tokens included, and harmless lines cannot be distinguished.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from exporter.config import format_duration

#: A killed process ends at once, unless it hangs in the kernel, such as on a lost NFS server.
_KILLED_ENDS_IN = 1.0

#: What a pipe holds on Linux; no password is as long.
_MOST_BYTES = 65_536


class CommandFailed(Exception):
    """Why a command printed no usable output: a clause that begins with "it"."""


async def output_of(argv: Sequence[str], timeout: float) -> bytes:
    """The stdout of a command that ended with exit code 0. Raises CommandFailed.

    At its end, at its time limit, and on cancellation, its process group is killed: all processes
    that it has started, except those in their own session. More output than a pipe holds (64 KiB)
    prevents its end.
    """
    reading, writing = os.pipe()
    try:
        os.set_blocking(reading, False)
        code = await _exit_code(argv, writing, timeout)
        if code < 0:
            raise CommandFailed(f"it was ended by {_signal_name(-code)}")
        if code:
            raise CommandFailed(f"it ended with exit code {code}")
        return _all_of(reading)
    finally:
        os.close(reading)
        os.close(writing)


async def _exit_code(argv: Sequence[str], stdout: int, timeout: float) -> int:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:  # its text names the program
        why = os.strerror(error.errno) if error.errno else "the system refuses it"
        raise CommandFailed(f"it cannot be started: {why}") from None
    try:
        async with asyncio.timeout(timeout):
            return await process.wait()
    except TimeoutError:
        limit = format_duration(timeout)
        raise CommandFailed(f"it did not end within {limit} and was killed") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):  # macOS: of one that has ended
            os.killpg(process.pid, signal.SIGKILL)
        if process.returncode is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_KILLED_ENDS_IN):
                    await process.wait()


def _all_of(pipe: int) -> bytes:
    """The present contents of a pipe; a remaining process may still write to it."""
    output = b""
    with suppress(BlockingIOError):
        while part := os.read(pipe, _MOST_BYTES):
            output += part
            if len(output) >= _MOST_BYTES:
                raise CommandFailed(f"it printed {_MOST_BYTES // 1024} KiB or more")
    return output


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
