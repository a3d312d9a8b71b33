"""A real nginx in front of a daemon."""

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.monitoring.programs import program
from tests.support.processes.session_exporter import wait_for

_CONFIG = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""


@contextlib.contextmanager
def nginx(location: str) -> Iterator[int]:
    """nginx with this `location` block; gives its port."""
    command = program("nginx", packages="nginx-light")
    with tempfile.TemporaryDirectory(prefix="session-exporter-nginx-") as name:
        folder = Path(name)
        port = _free_port()
        config = folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=port, location=location))
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [command, "-p", folder, "-c", config, "-e", "stderr"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:

            def listens() -> bool:
                assert process.poll() is None, log.read_text()
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port), timeout=5).close()
                    return True
                return False

            wait_for(listens, "nginx listens", details=log.read_text)
            yield port
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    """nginx does not say which port it has when it is given none."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
