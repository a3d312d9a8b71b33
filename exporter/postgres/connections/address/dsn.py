"""Connection strings: their validation, and the parameters that libpq reads from them."""

import re
from typing import Any, NamedTuple

import psycopg
from psycopg import conninfo, pq

from exporter.config.fields.connection_string import split_user

#: The parameters that decide which hosts are tried, and in which order.
_HOSTS = ("host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts")

_SCHEMES = ("postgres://", "postgresql://")

#: Options of other programs that decide where or how safely to connect; in lower case.
_INSTEAD = {
    "targetservertype": "target_session_attrs",
    "loadbalancehosts": "load_balance_hosts",
    "unix_sock": "host",
}


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
    return _misread_part(dsn) if dsn.startswith(_SCHEMES) else None


def _misread_part(url: str) -> str | None:
    """Values that libpq accepts, but interprets differently from the intention."""
    user, address = split_user(url.partition("://")[2])
    address, _, query = address.partition("?")
    if not user and "@" in address:
        return "expected a database without @; in a URL write %2F for a / in the password"
    names = [each.partition("=")[0] for each in query.split("&")]
    for name in ("host", "hostaddr", "port"):
        if names.count(name) > 1:  # libpq would use only the last one
            return (
                f"expected the option {name} once, got it {names.count(name)} times; several "
                "hosts are written with commas, as host=a,b&port=5432,5433"
            )
    return None


def _describe_invalid(dsn: str) -> str:
    """The problem, without parts that could belong to a password."""
    scheme, found, rest = dsn.partition("://")
    if not found or not re.fullmatch(r"[A-Za-z][A-Za-z+]{1,19}", scheme):
        return "something else"
    if scheme not in {"postgres", "postgresql"}:
        return f"one that begins with {scheme}://"
    user, address = split_user(rest)
    address, _, query = address.partition("?")
    if "@" in query or (not user and re.search(r":(?!\d+(?:[,/]|$))", address)):
        return "something else"  # a password may have a ? in it
    known = {each.keyword.decode() for each in pq.Conninfo.get_defaults()} | {"ssl"}
    for name, equals, value in (each.partition("=") for each in query.split("&")):
        if "password" in name.lower():
            break  # it may have an & in it
        if equals and name not in known and re.fullmatch(r"\w{2,40}", name):
            return f"the option {name}, which libpq does not know; {_advice(name.lower())}"
        if name == "ssl" and value != "true":
            return "the option ssl with another value than true; write sslmode instead"
    return "something else"


def _advice(name: str) -> str:
    if name in _INSTEAD:
        return f"write {_INSTEAD[name]} instead"
    if name.startswith("ssl"):
        return "write what it means as sslmode, sslrootcert, sslcert or sslkey"
    return "leave it out"


def parameters_of(dsn: str) -> dict[str, Any]:
    """The parameters of a valid connection string, with the hosts of a service file or PGHOST.

    libpq would look names up while the event loop waits. So the exporter looks them up, and has to
    know all of them. Only libpq knows where its service files are, and reports the parameters of a
    connection that was started; none where the service does not exist. This one fails because of
    its sslmode, before libpq looks up a name or opens a socket (PQconnectStart: connectOptions2 in
    src/interfaces/libpq/fe-connect.c).
    """
    parameters: dict[str, Any] = conninfo.conninfo_to_dict(dsn)
    used = _used_parameters(parameters)
    return {key: used[key] for key in _HOSTS if key in used} | parameters


class Target(NamedTuple):
    """The server and the user of a connection string; "" is unknown."""

    host: str
    port: str
    database: str
    user: str


def target_of(dsn: str) -> Target:
    """The target of a valid connection string, with what libpq supplies; nothing is opened."""
    used = _used_parameters(conninfo.conninfo_to_dict(dsn))
    host = used.get("host") or used.get("hostaddr", "")
    return Target(host, used.get("port", ""), used.get("dbname", ""), used.get("user", ""))


def _used_parameters(parameters: dict[str, Any]) -> dict[str, str]:
    """The parameters that libpq reports for a connection that fails because of its sslmode."""
    text = conninfo.make_conninfo(**{**parameters, "sslmode": "-"})
    begun = pq.PGconn.connect_start(text.encode())
    try:
        return {each.keyword.decode(): each.val.decode() for each in begun.info if each.val}
    finally:
        begun.finish()
