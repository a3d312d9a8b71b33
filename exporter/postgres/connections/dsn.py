"""Connection strings: how one is checked, and the parameters that libpq takes from it."""

import re
from typing import Any

import psycopg
from psycopg import conninfo, pq

from exporter.config.fields.connection_string import split_user

#: The parameters that decide which hosts are tried, and in which order.
_HOSTS = ("host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts")


def dsn_problem(dsn: str) -> str | None:
    """Why a connection string is invalid, without quoting it; None where it is valid.

    libpq quotes what it cannot parse, and a password with @ in it becomes part of the host.
    """
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        return (
            "expected a connection string such as postgresql://user@host:port/name or "
            f"host=… dbname=… user=…, got {_describe_invalid(dsn)}"
        )
    if any("@" in host[1:] for host in str(parameters.get("host") or "").split(",")):
        return "expected a host without @; in a URL write %40 for an @ in the password"
    ports = str(parameters.get("port") or "").split(",")
    if not all(port.isascii() and (port.isdigit() or not port) for port in ports):
        return "expected a number as port; in a URL write %3A for a : in the password"
    return None


def _describe_invalid(dsn: str) -> str:
    """What is wrong, as far as that part cannot be one of a password."""
    scheme, found, rest = dsn.partition("://")
    if not found or not re.fullmatch(r"[A-Za-z][A-Za-z+]{1,19}", scheme):
        return "something else"
    if scheme not in {"postgres", "postgresql"}:
        return f"one that begins with {scheme}://"
    user, address = split_user(rest)
    address, _, query = address.partition("?")
    if "@" in query or (not user and ":" in address):
        return "something else"  # a password may have a ? in it
    known = {each.keyword.decode() for each in pq.Conninfo.get_defaults()} | {"ssl"}
    for name, equals, _ in (each.partition("=") for each in query.split("&")):
        if "password" in name.lower():
            break  # it may have an & in it
        if equals and name not in known and re.fullmatch(r"\w{2,40}", name):
            return f"the option {name}, which libpq does not know; leave it out"
    return "something else"


def parameters_of(dsn: str) -> dict[str, Any]:
    """The parameters of a valid connection string, with the hosts of a service file or PGHOST.

    libpq would look names up while the event loop waits. So the exporter looks them up, and has to
    know all of them. Only libpq knows where its service files are, and reports the parameters of a
    connection that was started; none where the service does not exist. This one fails because of
    its sslmode, before libpq looks up a name or opens a socket (PQconnectStart: connectOptions2 in
    src/interfaces/libpq/fe-connect.c).
    """
    parameters: dict[str, Any] = conninfo.conninfo_to_dict(dsn)
    text = conninfo.make_conninfo(**{**parameters, "sslmode": "-"})
    begun = pq.PGconn.connect_start(text.encode())
    try:
        used = {each.keyword.decode(): each.val.decode() for each in begun.info if each.val}
    finally:
        begun.finish()
    return {key: used[key] for key in _HOSTS if key in used} | parameters
