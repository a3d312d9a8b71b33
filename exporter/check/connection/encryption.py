"""Whether the connection to a server on another machine is encrypted.

libpq knows that about its own connection, which may lead to a pooler; pg_stat_ssl would be about
the connection from the pooler to the server.
"""

from exporter.check.findings import Finding, FindingWriter
from exporter.postgres import Database
from exporter.queries import fill


async def check_encryption(database: Database, findings: FindingWriter, check: str) -> Finding:
    """One finding, about the last connection. Raises SourceError."""
    ((*_, has_gss),) = await database.reader().rows(fill("check/server"))
    hop = database.hop
    if hop is None or hop.is_local:
        return findings.ok(check, "the connection does not leave this machine")
    if hop.is_encrypted or has_gss:
        return findings.ok(check, f"the connection to {hop.address} is encrypted")
    return findings.warning(
        check,
        f"the connection to {hop.address} is not encrypted: others on the network can read and "
        "change its data; write sslmode=verify-full and sslrootcert=FILE, the authority of "
        "the server's certificate, into its dsn",
    )
