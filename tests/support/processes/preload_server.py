"""The server of preloaded.py: a process that has imported all of the program, and forks.

It is a program, which the tests do not import.
"""

import contextlib
import gc
import importlib
import json
import logging
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import exporter
from exporter.cli import main

EXAMPLE = Path(__file__).parents[3] / "config.yaml"

#: Bytes: a command's arguments and environment.
LONGEST_REQUEST = 1 << 18


def serve(listening: socket.socket) -> None:
    """Fork for each request; answer the child's id, and when it has ended its exit code.

    It imports the program before the first. The answers to a request go into the pipe that came
    with it. If a socket came too, the child is one that runs the commands which are asked for
    there. The end of stdin is that of the server.
    """
    if sys.stdin in select.select([sys.stdin, listening], [], [])[0]:
        return
    _import_all()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    clients = set[socket.socket]()
    answers = dict[int, int]()  # a pipe for each child that runs
    while True:
        ready = select.select([sys.stdin, listening, ended, *clients], [], [])[0]
        if sys.stdin in ready:
            return
        if ended in ready:
            os.read(ended, 512)
            _answer_ends(answers)
        if listening in ready:
            clients.add(listening.accept()[0])
        for client in clients.intersection(ready):
            request, passed, *_ = socket.recv_fds(client, LONGEST_REQUEST, 2)
            if not request:
                clients.remove(client)
                client.close()
                continue
            answer, *commands = passed
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (listening, *clients):
                    each.close()
                for pipe in (ended, wake, answer, *answers.values()):
                    os.close(pipe)
                if commands:
                    _run_all(socket.socket(fileno=commands[0]))
                os._exit(_run(json.loads(request)))
            for command in commands:
                os.close(command)
            answers[child] = answer
            os.write(answer, b"%d\n" % child)


def _import_all() -> None:
    for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # what a command imports when it is asked for
    # What is made when it is first needed, such as patterns and validators, each child finds made.
    sys.modules["exporter.config"].load_config(EXAMPLE, {"DATABASE_URL": ""})
    gc.collect()
    gc.freeze()  # so that a child does not copy all of it


def _answer_ends(answers: dict[int, int]) -> None:
    while answers:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        answer = answers.pop(child)
        with contextlib.suppress(BrokenPipeError):  # no test waits for it any longer
            os.write(answer, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(answer)


def _run_all(commands: socket.socket) -> NoReturn:
    """Run one command after the other; one that leaves anything open ends the process.

    So whatever it left is closed before its end is known, as if the process had been its own.
    """
    sys.modules["uvloop"].new_event_loop().close()  # it opens a pipe once in a process
    open_files = _open_files()
    while request := commands.recv(LONGEST_REQUEST):
        code = _run(json.loads(request))
        if _open_files() > open_files:
            gc.collect()
        if _open_files() > open_files or threading.active_count() > 1:
            os._exit(code)
        _forget()
        commands.send(b"%d" % code)
    os._exit(0)


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _forget() -> None:
    """What the program sets in its process once, because that ends with the command."""
    log = logging.getLogger("session_exporter")
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.NOTSET)


def _run(asked: Mapping[str, Any]) -> int:
    """Run the command; its exit code is for os._exit(), as to tidy up would copy all memory."""
    _become(asked)
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - a traceback, as Python would
        traceback.print_exc()
        code = 1
    assert code is None or isinstance(code, int)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return code or 0


def _become(asked: Mapping[str, Any]) -> None:
    sys.argv = list(asked["argv"])
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    opened = [os.open(os.devnull, os.O_RDONLY)]
    opened += [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for file in asked["files"]]
    for number, file in enumerate(opened):
        os.dup2(file, number)
        os.close(file)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
