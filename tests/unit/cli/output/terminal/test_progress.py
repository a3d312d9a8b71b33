"""The bar of what takes long."""

import contextlib
import io
import time

import pytest

from exporter.cli.output.terminal.progress import Progress


class Stderr(io.StringIO):
    """A terminal, or a pipe."""

    is_terminal = True

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def written(
    clock: list[float],
    *done: int,
    total: int = 4,
    after: float = 1.0,
    what: str = "sessions",
    is_terminal: bool = True,
) -> str:
    """What is written to stderr where so many are done so long after the beginning."""
    stderr = Stderr()
    stderr.is_terminal = is_terminal
    with contextlib.redirect_stderr(stderr):
        bar = Progress(total, what)
        clock[0] += after
        for each in done:
            bar.show(each)
        bar.clear()
        bar.clear()
    return stderr.getvalue()


def test_nothing_is_shown_within_the_first_second(clock: list[float]) -> None:
    assert written(clock, 1, 2, after=0.9) == ""


def test_a_bar_is_drawn_over_itself_and_erased(clock: list[float]) -> None:
    assert written(clock, 1, 4) == (
        f"\r\x1b[K  [{'#' * 7}{'.' * 23}] 1 of 4 sessions"
        f"\r\x1b[K  [{'#' * 30}] 4 of 4 sessions"
        "\r\x1b[K"
    )


@pytest.mark.parametrize("columns", ["10", "40", "50"])
def test_on_a_narrow_terminal_the_bar_is_shorter(
    clock: list[float], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = written(clock, 999, total=1000, what="databases and sources")
    assert "999 of 1000 databases and sources" in shown
    assert len(shown.replace("\r\x1b[K", "")) <= max(int(columns), 40)


@pytest.mark.parametrize(("total", "done"), [(0, 0), (0, 5), (4, 9)])
def test_more_than_was_planned_is_no_error(clock: list[float], total: int, done: int) -> None:
    assert f"{done} of {total} sessions" in written(clock, done, total=total)


def test_in_a_pipe_there_is_none(clock: list[float]) -> None:
    assert written(clock, 1, 2, after=60, is_terminal=False) == ""


def test_on_a_terminal_that_cannot_erase_there_is_none(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert written(clock, 1, 2, after=60) == ""
