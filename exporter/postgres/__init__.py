"""The only package that talks to PostgreSQL: connections, deadlines, reasons for failures.

psycopg_pool answers a missing database and a refused port alike with a timeout and no cause, so
the few connections are kept here. A connection is used for one pipeline at a time.
"""

from exporter.postgres.connections.dsn import dsn_problem
from exporter.postgres.database import Database
from exporter.postgres.pipeline import Result
from exporter.postgres.reader import Reader, Row
from exporter.postgres.writer import Transaction, Writer

__all__ = ["Database", "Reader", "Result", "Row", "Transaction", "Writer", "dsn_problem"]
