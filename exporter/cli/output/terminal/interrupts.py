"""Ctrl-C while modules are imported, which takes most of the time until a command begins."""

import os
import signal

#: The exit code of what Ctrl-C has ended: 128 and the number of SIGINT.
INTERRUPTED = 130


def end_at_once() -> None:
    """Have SIGINT end the process until a command begins, unless it is ignored.

    A KeyboardInterrupt is lost where Python raises it in a callback of a weak reference, as the
    import system has one for each module, and a traceback anywhere else.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def heed_interrupts() -> None:
    """Have SIGINT raise KeyboardInterrupt from now on, as Python does by default."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)
