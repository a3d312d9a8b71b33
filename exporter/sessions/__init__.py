"""SessionTable: the one definition of active, last seen and orphaned, as SQL on a real table."""

from exporter.sessions.expressions import (
    bind,
    declared,
    isolate_foreign_reads,
    name_failing_expression,
)
from exporter.sessions.expressions.result_types import NUMBERS, types_of
from exporter.sessions.moments import (
    CLOCK_QUERY,
    STATEMENT_TIME,
    TRANSACTION_TIME,
    Instant,
    Moment,
    interval,
    unix_time,
)
from exporter.sessions.orphaned.causes import CAUSES
from exporter.sessions.orphaned.settings import (
    evidence_settings,
    evidence_statements,
    settings_statement,
)
from exporter.sessions.session_table import SessionTable, time_zone
