"""The statements of the applications that own the session systems, a function for each step."""

from typing import Any

import psycopg

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
