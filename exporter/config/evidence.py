"""The settings of evidence: the owners of sessions, and the lists of live sessions."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from exporter.config.fields.model import FrozenMapping, Model
from exporter.config.fields.numbers import Seconds, whole_number
from exporter.config.fields.parser import ExpectedError, Parser
from exporter.config.fields.requests import PATH, FilePath, JmesPath, Url
from exporter.config.fields.sql import Sql, TableName, qualified_name
from exporter.config.fields.sql_lexer import tokens
from exporter.config.fields.values import NAME, ReadableFile, choice, name_like

#: The epoch units of a number that an application gives as a time.
_UNITS = ("s", "ms", "us", "ns")

HeaderName = Annotated[str, name_like("the name of a header", r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")]
StoreName = Annotated[str, name_like(f"a name ({NAME})", NAME)]
OwnersName = Annotated[str, name_like("the name of one of the owners", NAME)]
KubernetesName = Annotated[
    str, name_like("a name as Kubernetes allows it", r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
]


def _parse_query(value: object) -> str:
    """Return one SELECT statement without the semicolon at its end."""
    if not isinstance(value, str) or not value.strip():
        raise ExpectedError("an SQL query", block=True)
    text = str(value).strip().removesuffix(";").rstrip()
    if ";" in text or "\0" in text:
        raise ExpectedError("one SQL query without ;")
    if not re.match(r"(?i)(select|with|values|table)\b|\(", text):
        raise ExpectedError("an SQL query that begins with SELECT or WITH")
    return text


Query = Annotated[str, Parser(_parse_query, is_sql=True)]


class TimePath(Model):
    """A point in time of each listed item: ISO 8601 with its zone, or a number since 1970."""

    path: JmesPath = Field(examples=["createdAt"])
    """A JMESPath expression, evaluated on the item."""
    epoch: Annotated[Literal["s", "ms", "us", "ns"], choice(_UNITS)] | None = None
    """For a number: the unit in which it counts since 1970, s, ms, us or ns. null: ISO 8601."""


def _parse_time_path(value: object) -> object:
    return value if isinstance(value, dict | TimePath) else {"path": value}


_TIME_PATH = Parser(_parse_time_path, PATH.schema, or_type=True)
TimeInItem = Annotated[TimePath, _TIME_PATH]


class HeaderFile(Model):
    """A header whose value is a secret."""

    file: ReadableFile
    """The file that holds the value, read at each request. Relative to the folder of the config
    file."""


def _parse_header(value: object) -> object:
    if isinstance(value, dict | HeaderFile):
        return value
    expected = "the value of a header, or file: with the file that holds it"
    if not isinstance(value, str):
        raise ExpectedError(expected)
    if not value.strip() or not re.fullmatch(r"[\t -~]*", value):
        advice = "write at least one character" if not value.strip() else "it is one line in ASCII"
        raise ExpectedError(expected, advice)
    return str(value)


_HEADER = Parser(_parse_header, {"type": "string"}, or_type=True)
HeaderValue = Annotated[str | HeaderFile, _HEADER]


class HttpSettings(Model):
    """A request to an application over HTTP. Redirects are not followed."""

    method: Annotated[Literal["GET", "POST"], choice(("GET", "POST"))] = "GET"
    """GET or POST."""
    body: str | None = None
    """The body of a POST, as JSON text."""
    headers: FrozenMapping[HeaderName, HeaderValue] = Field({}, validate_default=True)
    """Headers of each request: a text, or file: with the file that holds a secret."""
    token_file: ReadableFile | None = None
    """A file with a bearer token, read at each request. Relative to the folder of the config
    file."""
    ca_file: ReadableFile | None = None
    """The authorities, in PEM, by which the server's certificate is verified, read again when the
    file changes; null: those of the system."""
    next_page: JmesPath | None = None
    """If an answer has several pages: an expression that gives the URL of the next page, or its
    query string such as cursor=abc, and null or an empty text on the last page. null: one page."""

    @model_validator(mode="after")
    def _require_one_authorization(self) -> "HttpSettings":
        given = [name for name in self.headers if name.lower() == "authorization"]
        if given and self.token_file is not None:
            expected = "token_file or the header Authorization"
            raise ExpectedError(expected, "both set the same header", "both")
        return self


class OwnerTable(Model):
    """The table in which owners report that they live."""

    table: Annotated[TableName, qualified_name("a table such as public.servers")] = Field(
        examples=["public.servers"]
    )
    """The table, in the database of each source that names these owners."""
    id: Sql = Field(examples=["server_id"])
    """A column or an expression that identifies an owner, as owner.of of a source does."""
    seen_at: Sql | None = None
    """A timestamp with time zone: when the owner last reported; null: each row is alive."""
    within: Seconds = Field("1m", validate_default=True)
    """How recent seen_at has to be for the owner to be alive."""


class OwnersOverHttp(HttpSettings):
    """An endpoint of the application that lists the owners that live."""

    url: Url = Field(examples=["http://app:8080/servers"])
    """The URL that lists the owners."""
    items: JmesPath = "@"
    """The list in the answer, or the mapping by id."""
    id: JmesPath = "id"
    """The id of an owner, in each item; in a mapping by id, key is its key."""
    filter: JmesPath | None = None
    """A condition for each item: whether the owner lives. null: each lives."""


class KubernetesPods(Model):
    """Pods of one namespace, listed from the API server; the owner's id is the UID of a pod."""

    namespace: KubernetesName = Field(examples=["voice"])
    """The namespace."""
    selector: Annotated[str, name_like("a label selector such as app=calls", r"[^\s].*")] = Field(
        examples=["app=calls"]
    )
    """The label selector of the pods that hold sessions."""
    container: KubernetesName | None = None
    """The container whose restart counts as a new owner; then the id is the UID of the pod, a
    slash, and the container's restart count. null: the UID alone."""
    url: Url = "https://kubernetes.default.svc"
    """The API server."""
    token_file: FilePath = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
    """The file of the service account's token, read at each request."""
    ca_file: FilePath = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    """The file of the API server's authority, read again when it changes."""


class OwnerSource(Model):
    """Which servers, workers or pods live. One of table, sql, http and kubernetes."""

    name: SkipJsonSchema[str]  # the key around it
    unique_per_start: bool = Field(examples=["true"])
    """Whether an id is never reused, such as a boot id or the UID of a pod: only then is a
    missing owner dead. false: a missing owner is shown, and has no other effect."""
    table: OwnerTable | None = None
    """The table in which owners report that they live."""
    sql: Query | None = None
    """A query in the database of each source; its first column is the id of each owner that
    lives."""
    http: OwnersOverHttp | None = None
    """An endpoint of the application."""
    kubernetes: KubernetesPods | None = None
    """Pods of a Kubernetes namespace."""
    grace: Seconds = Field("2m", validate_default=True)
    """How long an owner has to be missing before it is dead."""
    every: Seconds = Field("15s", validate_default=True)
    """Interval between two requests."""
    timeout: Seconds = Field("5s", validate_default=True)
    """Time limit for a complete answer."""

    @model_validator(mode="after")
    def _require_one_kind(self) -> "OwnerSource":
        _require_one_of(self, ("table", "sql", "http", "kubernetes"))
        return self


def _parse_stores(value: object) -> object:
    if value is not None and not isinstance(value, Mapping):
        got = "a list" if isinstance(value, list) else "a value without a name"
        advice = "write a name of your choice before each, such as urls: {app: http://…}"
        raise ExpectedError("names with a URL each", advice, got)
    return value


_STORES = BeforeValidator(_parse_stores)


class ListSource(Model):
    """A list of the live sessions of an application. One of urls and sql."""

    name: SkipJsonSchema[str]  # the key around it
    urls: Annotated[FrozenMapping[StoreName, Url], _STORES] = Field({}, validate_default=True)
    """The URL of each store by name; the name becomes the label store."""
    stores: Annotated[Literal["any", "all"], choice(("any", "all"))] = "any"
    """any: stores hold different sessions. all: every store should hold every session."""
    sql: Query | None = None
    """A query in the database of each source: the id of each live session, and optionally the
    columns started_at, last_seen_at and key."""
    request: HttpSettings = Field({}, validate_default=True)
    """The request to each URL."""
    items: JmesPath = "@"
    """The list in the answer, or the mapping by id."""
    id: JmesPath = "id"
    """The id of a session, in each item; in a mapping by id, key is its key. A list of texts
    stands for an id of several columns."""
    started_at: TimeInItem | None = None
    """When the session started, in each item."""
    last_seen_at: TimeInItem | None = None
    """The newest sign of life of the session, in each item."""
    filter: JmesPath | None = None
    """A condition for each item: whether it is a live session. null: each is."""
    key: JmesPath | None = None
    """The user of the session, in each item, for limit_per of a source without a table."""
    ghost_after: Seconds = Field("1m", validate_default=True)
    """How long an active session has to be absent from every store before it is a ghost."""
    every: Seconds = Field("15s", validate_default=True)
    """Interval between two requests."""
    timeout: Seconds = Field("5s", validate_default=True)
    """Time limit for a complete answer of a store."""
    max_items: Annotated[int, whole_number(1, 100_000)] = 100_000
    """Maximum number of items; a longer list is no answer."""

    @model_validator(mode="after")
    def _require_one_kind(self) -> "ListSource":
        _require_one_of(self, ("urls", "sql"))
        return self

    @property
    def has_key(self) -> bool:
        """Whether it gives the user of a session; for a query, whether it may have a column key."""
        if self.sql is None:
            return self.key is not None
        return any(each.value == "key" or each.text == "*" for each in tokens(self.sql))


class Ownership(Model):
    """The owner that holds each session of a source."""

    of: Sql = Field(examples=["server_id"])
    """A column or an expression that identifies the owner of a session; NULL: unknown."""
    in_: OwnersName | None = Field(None, alias="in", examples=["servers"])
    """The name of one of the owners, which tells the owners that live; null: unknown, and automatic
    recovery stops if all sessions of an owner fall silent together."""


def _parse_ownership(value: object) -> object:
    return {"of": value} if isinstance(value, str) else value


OwnershipOrColumn = Annotated[Ownership, Parser(_parse_ownership, or_type=True, is_sql=True)]


def _require_one_of(model: Model, kinds: tuple[str, ...]) -> None:
    """Raise ExpectedError unless exactly one of these keys is written."""
    written = [each for each in kinds if getattr(model, each)]
    if len(written) != 1:
        expected = f"one of {', '.join(kinds[:-1])} and {kinds[-1]}"
        raise ExpectedError(expected, got=" and ".join(written) or "none of them")
