"""psql, as a DBA runs what session-exporter prints: with the program of the server's version."""

import subprocess

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.server.server import SUPERUSER


def psql(
    database: EmbeddedDatabase, script: str, *options: str, role: str = SUPERUSER
) -> subprocess.CompletedProcess[str]:
    """Run a script with psql, which stops at the first error."""
    program = database.server.binaries / "psql"
    return subprocess.run(
        [program, "--no-psqlrc", "--set=ON_ERROR_STOP=1", *options, database.dsn_for(role)],
        env={"PATH": "", "LC_ALL": "C", "PGOPTIONS": "-c client_min_messages=warning"},
        input=script,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def run_script(database: EmbeddedDatabase, script: str, role: str = SUPERUSER) -> str:
    """Run a script that has to succeed without a warning; return what psql printed."""
    done = psql(database, script, "--quiet", role=role)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
