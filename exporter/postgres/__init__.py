"""The only package that talks to PostgreSQL: connections, deadlines, causes of errors.

psycopg_pool reports a missing database and a refused port alike, as a timeout without a cause, so
this package has its own pool. A connection runs one message at a time.
"""

from exporter.postgres.connections.address.dsn import dsn_problem, parameters_of, target_of
from exporter.postgres.connections.connection_slots import ConnectionSlots
from exporter.postgres.connections.detached_thread import in_thread
from exporter.postgres.database import Database
from exporter.postgres.lookup import Lookup
from exporter.postgres.read_queue import MOST_TOGETHER
from exporter.postgres.reader import Reader, Row
from exporter.postgres.simple_query import Result
from exporter.postgres.writer import Transaction, Writer
