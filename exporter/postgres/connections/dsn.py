"""Connection strings: what is wrong with one, and what libpq makes of it."""

from typing import Any

import psycopg
from psycopg import conninfo, pq

#: What has to be known before a name is looked up: which hosts are asked, and in which order.
_HOSTS = ("host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts")


def dsn_problem(dsn: str) -> str | None:
    """What is wrong with a connection string, in words that do not quote it; None: nothing.

    libpq quotes what it does not understand, and a password with @ in it becomes part of the host.
    """
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        return (
            "expected a connection string such as postgresql://user@host:port/name or "
            "host=… dbname=… user=…, got something else"
        )
    if any("@" in host[1:] for host in str(parameters.get("host") or "").split(",")):
        return "expected a host without @; in a URL write %40 for an @ in the password"
    ports = str(parameters.get("port") or "").split(",")
    if not all(port.isascii() and (port.isdigit() or not port) for port in ports):
        return "expected a number as port; in a URL write %3A for a : in the password"
    return None


def parameters_of(dsn: str) -> dict[str, Any]:
    """Take a good connection string apart, with the hosts that libpq adds from its own places.

    libpq looks names up by itself, and everything would wait while the name server is down. So the
    exporter has to know all of them, also those of a service file or of PGHOST.
    """
    parameters: dict[str, Any] = conninfo.conninfo_to_dict(dsn)
    effective = _effective(parameters)
    return {**{key: effective[key] for key in _HOSTS if key in effective}, **parameters}


def _effective(parameters: dict[str, Any]) -> dict[str, str]:
    """Everything that libpq would connect with; nothing of a service that there is not.

    Only libpq knows where its service files are. It tells for a connection that it has begun, and
    gives up on this one for its sslmode, which is before it looks a name up or opens a socket
    (PQconnectStart: connectOptions2 in src/interfaces/libpq/fe-connect.c).
    """
    text = conninfo.make_conninfo("", **{**parameters, "sslmode": "-"})
    begun = pq.PGconn.connect_start(text.encode())
    try:
        return {each.keyword.decode(): each.val.decode() for each in begun.info if each.val}
    finally:
        begun.finish()
