"""The settings of a source without a table, whose sessions come from a list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Self

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from exporter.config.evidence import ListSource
from exporter.config.fields.columns import Label, OutputColumn
from exporter.config.fields.model import Model
from exporter.config.fields.numbers import Seconds, whole_number
from exporter.config.fields.parser import ExpectedError
from exporter.config.recovery import RecoverySettings
from exporter.config.source import (
    AGE_HISTOGRAM,
    CAUSES,
    RECOVERY_MODES,
    DatabaseNames,
    ListName,
    Source,
)

#: A source with one of these keys has a table, even if `table` itself is missing.
KEYS_OF_A_TABLE = frozenset({"table", "active", "started_at", "last_seen_at", "ended_at", "id"})


class ListedLimit(Model):
    """The number of sessions that the application allows one user, who is `key` of the list."""

    max: Annotated[int, whole_number(1)] = Field(examples=["1"])
    """A user with this many active sessions cannot start another one."""


class ListedSource(Model):
    """A list that is a source without a table: each session in it is active.

    It is validated with the ListSource as context.
    """

    #: Attributes that the pages of every source need.
    labels: ClassVar[Mapping[str, Label]] = MappingProxyType({})
    show: ClassVar[tuple[OutputColumn, ...]] = ()
    recovery: ClassVar[RecoverySettings] = RecoverySettings()

    _of: ListSource = PrivateAttr()

    name: SkipJsonSchema[str]  # the key around it
    list: ListName = Field(examples=["calls"])
    """The name of one of the lists, which must give started_at or last_seen_at."""
    database: DatabaseNames | None = None
    """For a list with sql: the database that runs the query; a list means each of them. Optional
    where there is only one database."""
    orphaned_after: Seconds = Field(examples=["2h"])
    """A session last seen longer ago than this is orphaned."""
    overlong_after: Seconds | None = None
    """A session that is not orphaned and started longer ago than this is overlong. Requires
    last_seen_at of the list."""
    alert_above: Annotated[int, whole_number(0)] | None = 5
    """The alert fires above this number of orphaned sessions; null: no alert."""
    limit_per: ListedLimit | None = None
    """The number of sessions that one user may have at once. Requires key of the list, or of its
    query."""
    stale_after: Seconds | None = None
    """How long the last good values are served while the list gives no complete answer; null: three
    times every of the list."""
    max_series: Annotated[int, whole_number(1)] = 1000
    """Maximum number of time series of the source in one database."""
    future_tolerance: Seconds = Field("1m", validate_default=True)
    """How far ahead of this machine's clock a time may be without being inconsistent."""

    @field_validator("list")
    @classmethod
    def _require_times(cls, value: str, info: ValidationInfo) -> str:
        of = _list_of(info)
        if of is not None and of.urls and of.started_at is None and of.last_seen_at is None:
            advice = "write how old a session is in the list, or name the table of the sessions"
            raise ExpectedError(f"started_at or last_seen_at in lists.{value}", advice)
        return value

    @field_validator("database")
    @classmethod
    def _require_sql(
        cls, value: tuple[str, ...] | None, info: ValidationInfo
    ) -> tuple[str, ...] | None:
        of = _list_of(info)
        if value is not None and of is not None and of.urls:
            raise ExpectedError(f"no database, as lists.{of.name} has urls")
        return value

    @field_validator("overlong_after")
    @classmethod
    def _require_sign_of_life(cls, value: float | None, info: ValidationInfo) -> float | None:
        of = _list_of(info)
        if value is not None and of is not None and of.urls and of.last_seen_at is None:
            advice = "without a sign of life, orphaned_after alone decides"
            raise ExpectedError(f"last_seen_at in lists.{of.name} beside overlong_after", advice)
        return value

    @field_validator("limit_per")
    @classmethod
    def _require_key(cls, value: ListedLimit | None, info: ValidationInfo) -> ListedLimit | None:
        of = _list_of(info)
        if value is not None and of is not None and not of.has_key:
            where = f"key in lists.{of.name}" if of.urls else f"a column key of lists.{of.name}.sql"
            advice = "it gives the user of a session"
            raise ExpectedError(f"{where} beside limit_per", advice)
        return value

    @field_validator("stale_after")
    @classmethod
    def _require_two_rounds(cls, value: float | None, info: ValidationInfo) -> float | None:
        of = _list_of(info)
        if value is not None and of is not None and value < 2 * of.every:
            advice = "values would disappear between two answers"
            raise ExpectedError(f"at least twice every of lists.{of.name}", advice)
        return value

    @model_validator(mode="after")
    def _limit_series(self, info: ValidationInfo) -> Self:
        of = _list_of(info)
        if of is None:
            return self
        self._of = of
        if self.series() > self.max_series:
            advice = "use fewer stores, or raise max_series"
            raise ExpectedError(
                f"at most {self.max_series} series (max_series)", advice, got=str(self.series())
            )
        return self

    @property
    def of(self) -> ListSource:
        """The list that `list` names."""
        return self._of

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases that run the query; for a list with urls, `list` and the name of the list.

        The name of a database has no space.
        """
        return self.database or (f"list {self.list}",)

    @property
    def has_evidence(self) -> bool:
        """Whether orphans are counted by cause."""
        return True

    @property
    def fixed_threshold(self) -> float:
        """`orphaned_after` in seconds."""
        return self.orphaned_after

    def series(self) -> int:
        """Return the maximum number of time series of this source in one database."""
        parts = (
            2 if self.overlong_after is None else 3,
            CAUSES,
            0 if self.limit_per is None else 2,
            2 * AGE_HISTOGRAM,
            2,  # undated, future
            5,  # the oldest and the newest session, excess and losses
            1 + max(len(self.of.urls), 1),  # disagreeing, and live of each store
            RECOVERY_MODES,
            sum(each is not None for each in (self.overlong_after, self.alert_above)) + 1,
        )
        return sum(parts)


def _list_of(info: ValidationInfo) -> ListSource | None:
    """The list that the source names; None if the list itself is invalid, which is reported."""
    return info.context if isinstance(info.context, ListSource) else None


AnySource = Source | ListedSource
