"""stdout and stderr, also where they are closed or full, or their reader goes away."""

import errno
import io
import os
import sys
from typing import Any

from exporter.errors import ExporterError

_STDOUT, _STDERR = 1, 2


class Output(io.FileIO):
    """What is written until that fails; all that comes later is discarded.

    A reader that goes away, as `| head` does, is no error, and the command does its work to the
    end. Another failure is raised once, as ExporterError.
    """

    def __init__(self, number: int, *, is_silent: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self._is_silent = is_silent
        self._has_failed = False

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        if not self._has_failed:
            try:
                return super().write(data)
            except OSError as error:
                self._has_failed = True
                if not self._is_silent and not isinstance(error, BrokenPipeError):
                    why = "stdout is closed" if error.errno == errno.EBADF else error.strerror
                    raise ExporterError(f"cannot write the output: {why}") from None
        return memoryview(data).nbytes


def open_streams() -> None:
    """Replace stdout and stderr; a closed one, or a closed stdin, would become another file.

    A terminal that cannot show a tick shows a question mark, and no traceback.
    """
    # Where stdout is closed, nothing can be written to it; where stderr is, nothing is reported.
    modes = {"stdin": os.O_RDONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}
    for number, (name, mode) in enumerate(modes.items()):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, mode)
            os.dup2(null, number)
            os.set_inheritable(number, True)
            if null != number:
                os.close(null)
    for number, name in (_STDOUT, "stdout"), (_STDERR, "stderr"):
        before = getattr(sys, name)
        if before is None or isinstance(before, io.TextIOWrapper):
            setattr(sys, name, _text(number, before))


def _text(number: int, before: io.TextIOWrapper | None) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(Output(number, is_silent=number == _STDERR)),
        encoding="utf-8" if before is None else before.encoding,
        errors="replace",
        line_buffering=number == _STDERR or (before is not None and before.line_buffering),
    )
