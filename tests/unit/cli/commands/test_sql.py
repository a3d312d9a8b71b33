"""SQL for a DBA stays SQL: whatever is said beside it is a comment."""

from types import SimpleNamespace

from exporter.cli.commands.sql import proposals_sql
from exporter.sessions.indexes.proposals import Proposal


def test_a_remark_of_several_lines_is_a_comment_in_each() -> None:
    """The expression of a virtual column may have a literal with a line break."""
    proposal = Proposal("active", is_served=False, commands=(), remark="it is 'a\nb'")
    source = SimpleNamespace(name="chat")
    assert proposals_sql(source, "app", [proposal]).splitlines()[1:] == ["-- it is 'a", "-- b'."]  # type: ignore[arg-type] # only the name is read


def test_a_command_that_need_not_be_run_is_a_comment_whatever_the_name_of_a_table() -> None:
    command = 'CREATE INDEX "a\rDROP TABLE b; --"\n    ON "a\u2028c" (d);'
    proposal = Proposal("active", is_served=True, commands=(command,))
    source = SimpleNamespace(name="chat")
    printed = proposals_sql(source, "app", [proposal])  # type: ignore[arg-type] # only the name is read
    assert all(line.startswith("-- ") for line in printed.splitlines())
