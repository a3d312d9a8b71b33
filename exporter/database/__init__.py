"""The only package that talks to PostgreSQL: connections, deadlines, reasons for failures.

psycopg_pool answers a missing database and a refused port alike with a timeout and no cause, so
the few connections are kept here. A connection is used for one pipeline at a time.
"""

from exporter.database.database import Database, Reader
from exporter.database.dsn import dsn_problem
from exporter.database.pipeline import Result

__all__ = ["Database", "Reader", "Result", "dsn_problem"]
