"""The base of all scheduled jobs: the one place that catches and logs errors."""

from typing import ClassVar, NamedTuple

from exporter import logs
from exporter.errors import BackingOff, SourceError

#: A job spends at most 1/20 of its time in the database.
DUTY = 20

#: The values of a run are served for this many intervals, unless the config says otherwise.
STALE_INTERVALS = 3


class Key(NamedTuple):
    """One collector on one source in one database; for other jobs `collector` is their name."""

    database: str
    source: str
    collector: str


def stretch_interval(every: float, seconds: float) -> float:
    """The interval after a run that kept the database busy for `seconds`."""
    return max(every, DUTY * seconds)


class Job:
    """Work on one source in one database; a subclass overrides at least _run()."""

    #: The events that are logged.
    FAILED: ClassVar = "job_failed"
    SUCCEEDED: ClassVar = "job_succeeded"
    BUG: ClassVar = "job_bug"
    LOGS_FIRST_SUCCESS: ClassVar = False
    #: Whether it shares messages with other jobs that run at the same time.
    SHARES_MESSAGES: ClassVar = False

    def __init__(self, key: Key, *, interval: float) -> None:
        self.key = key
        self.interval = interval
        """Seconds between two runs; may change with each."""
        self._has_succeeded = not self.LOGS_FIRST_SUCCESS
        self._logged: dict[str, object] = {}

    async def run(self) -> None:
        """Run once. Raises nothing but cancellation."""
        try:
            await self._run()
        except BackingOff as error:
            self._backed_off(error)
            self._has_succeeded = False
            if self._logged.get(self.FAILED) is not None:
                self._log_failure(error)
        except SourceError as error:
            self._failed(error)
            self._log_failure(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the daemon
            logs.bug(self.BUG, error, **self._names)
            failure = SourceError(f"a bug in session-exporter: {error!r}")
            self._failed(failure)
            self._log_failure(failure)
        else:
            if not self._has_succeeded:
                logs.info(self.SUCCEEDED, **self._names)
            self._has_succeeded = True
            self._logged[self.FAILED] = None

    def overlapped(self) -> None:
        """Record a run that was skipped because the previous one was still running."""

    async def close(self) -> None:
        """Close the job's own connections."""

    async def _run(self) -> None:
        """Do the work; raises SourceError."""
        raise NotImplementedError

    def _failed(self, error: SourceError) -> None:
        """Record a failed run."""

    def _backed_off(self, error: BackingOff) -> None:
        """Record a run that was skipped because its database could not be reached a moment ago."""

    @property
    def _names(self) -> dict[str, str]:
        return {"database": self.key.database, "source": self.key.source}

    def _log_change(self, event: str, state: object, /, **fields: object) -> None:
        """Log an event if its state has changed; None: nothing to report."""
        if self._logged.get(event) == state:
            if state is not None:
                logs.debug(event, **self._names, **fields)
        else:
            self._logged[event] = state
            log = logs.info if state is None else logs.warning
            log(event, **self._names, **fields)

    def _log_failure(self, error: SourceError) -> None:
        self._has_succeeded = False
        self._log_change(self.FAILED, error.reason, reason=error.reason, error=str(error))
