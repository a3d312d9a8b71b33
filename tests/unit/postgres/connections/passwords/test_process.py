"""A command that is run for its output: bounds, its end, and messages without anything of it."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from exporter.postgres.connections.passwords.process import CommandFailed, output_of

pytestmark = pytest.mark.slow  # each starts processes

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.new_event_loop,
    uvloop.new_event_loop,
]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    return asyncio.Runner(loop_factory=request.param)


def output(runner: asyncio.Runner, *argv: str, timeout: float = 10.0) -> bytes:
    with runner:
        return runner.run(output_of(argv, timeout))


def failure(runner: asyncio.Runner, *argv: str, timeout: float = 10.0) -> str:
    with pytest.raises(CommandFailed) as error:
        output(runner, *argv, timeout=timeout)
    assert error.value.__cause__ is None
    return str(error.value)


def children() -> set[str]:
    """The processes that this one has to wait for; other tests may have some."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waits for is left as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return not Path("/proc").joinpath(str(pid)).exists()


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not is_gone(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_stdout_is_returned_whole_and_stderr_goes_nowhere(
    runner: asyncio.Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    assert output(runner, "sh", "-c", "echo hunter2 >&2; printf ' a b\n\n'") == b" a b\n\n"
    assert capfd.readouterr() == ("", "")


def test_no_shell_reads_the_arguments_and_stdin_is_empty(runner: asyncio.Runner) -> None:
    said = output(
        runner, sys.executable, "-c", "import sys; print(sys.argv, sys.stdin.read())", "$HOME;*"
    )
    assert said == b"['-c', '$HOME;*'] \n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo hunter2; echo hunter2 >&2; exit 3", "it ended with exit code 3"),
        ("echo hunter2; kill -TERM $$", "it was ended by SIGTERM"),
    ],
)
def test_one_that_fails_is_told_by_its_end_alone(
    runner: asyncio.Runner, script: str, said: str
) -> None:
    assert failure(runner, "sh", "-c", script, "hunter2") == said


def test_a_program_that_cannot_be_started_is_not_named(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    (tmp_path / "hunter2").touch()

    async def failures() -> list[str]:
        said = []
        for program in ("hunter2-is-no-program", str(tmp_path / "hunter2")):
            with pytest.raises(CommandFailed) as error:
                await output_of([program, "hunter2"], 10)
            said.append(str(error.value))
        return said

    with runner:
        assert runner.run(failures()) == [
            "it cannot be started: No such file or directory",
            "it cannot be started: Permission denied",
        ]


def test_at_the_time_limit_it_is_killed_with_its_children(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 100 & echo $! $$ >{pids}; wait; sleep 100"
    began = time.monotonic()
    said = failure(runner, "sh", "-c", script, timeout=2.0)
    assert said == "it did not end within 2s and was killed"
    assert time.monotonic() - began < 20
    for pid in pids.read_text().split():
        wait_until_gone(int(pid))


def test_what_it_leaves_behind_holds_nothing_up_and_is_killed(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()
    assert output(runner, "sh", "-c", f"sleep 100 & echo $! >{pid}; echo token") == b"token\n"
    assert time.monotonic() - began < 20
    wait_until_gone(int(pid.read_text()))


def test_endless_output_ends_at_the_time_limit_and_takes_no_memory(runner: asyncio.Runner) -> None:
    assert failure(runner, "yes", "hunter2", timeout=0.5) == (
        "it did not end within 500ms and was killed"
    )


def test_one_that_is_cancelled_is_killed(runner: asyncio.Runner, tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    async def cancelled() -> None:
        running = asyncio.create_task(
            output_of(["sh", "-c", f"echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 100"], 60)
        )
        while not pid.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    with runner:
        runner.run(cancelled())
    wait_until_gone(int(pid.read_text()))


def test_the_event_loop_goes_on_meanwhile(runner: asyncio.Runner) -> None:
    async def turns() -> int:
        running = asyncio.create_task(output_of(["sleep", "0.5"], 10))
        count = 0
        while not running.done():
            await asyncio.sleep(0.01)
            count += 1
        return count

    with runner:
        assert runner.run(turns()) > 15


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_no_descriptor_and_no_process_is_left(runner: asyncio.Runner) -> None:
    async def many() -> tuple[int, int]:
        counts = []
        for _ in range(2):
            for script in ("echo a", "exit 1", "sleep 100"):
                with contextlib.suppress(CommandFailed):
                    await output_of(["sh", "-c", script], 0.2)
            counts.append(descriptors())
        return counts[0], counts[1]

    others = children()
    with runner:
        before, after = runner.run(many())
    assert before == after
    assert children() <= others


def test_a_process_that_is_left_behind_and_writes_on_is_not_read_for_ever(
    runner: asyncio.Runner,
) -> None:
    """In a session of its own it outlives the command; it ends when nothing reads its pipe."""
    script = "setsid timeout 20 yes & sleep 0.3"
    assert failure(runner, "sh", "-c", script) == "it printed 64 KiB or more"
