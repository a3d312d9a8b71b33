"""Signals that wait until what was just made can be removed again."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay KeyboardInterrupt to the end of the block.

    A signal handler runs between any two instructions. One that raises after a folder is made or a
    process is started, and before that is stored, would leave it behind. The signals are not
    blocked, because a process that is started in the block would inherit that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread alone
        return
    arrived: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, remember)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)
        for late in arrived:
            signal.raise_signal(late)
