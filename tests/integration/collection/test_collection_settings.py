"""What a collection sets for its transaction, whatever the database and the role have set."""

from exporter.demo.server.databases import EmbeddedDatabase
from exporter.demo.systems.schemas import EXPORTER
from exporter.postgres import Database
from tests.support.collection import declarations

#: As a DBA may have set them for everybody, and as a collection runs.
SETTINGS = {
    "jit": ("on", "off"),
    "max_parallel_workers_per_gather": ("4", "0"),
    "statement_timeout": ("1h", "5s"),
    "lock_timeout": ("30min", "1s"),
    "idle_in_transaction_session_timeout": ("1h", "5s"),
    "row_security": ("on", "off"),
    "TimeZone": ("Asia/Tokyo", "UTC"),
    "default_transaction_isolation": ("serializable", None),
    "transaction_isolation": (None, "read committed"),
    "transaction_read_only": (None, "on"),
}


async def test_a_collection_runs_with_its_own_settings(any_database: EmbeddedDatabase) -> None:
    with any_database.connect() as connection:
        for name, (theirs, _) in SETTINGS.items():
            if theirs is not None:
                where = f"ROLE {EXPORTER} IN DATABASE {any_database.name}"
                connection.execute(f"ALTER {where} SET {name} = '{theirs}'".encode())
    with any_database.connect(EXPORTER) as plain:
        row = plain.execute("SHOW max_parallel_workers_per_gather").fetchone()
        assert row == ("4",)
    pool = Database(declarations.settings_of(any_database.dsn_for(EXPORTER)))
    wanted = {name: ours for name, (_, ours) in SETTINGS.items() if ours is not None}
    asked = ", ".join(f"current_setting('{name}')" for name in wanted)
    try:
        (result,) = await pool.reader().read(f"SELECT {asked}")
    finally:
        await pool.close()
    assert dict(zip(wanted, result.rows[0], strict=True)) == wanted
