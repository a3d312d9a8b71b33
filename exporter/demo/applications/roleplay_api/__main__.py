"""The API as a program: `python -m exporter.demo.applications.roleplay_api --port 8082`."""

import argparse

from exporter.demo.applications.roleplay_api.api import RolePlayApi
from exporter.demo.applications.web import serve


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, which is printed")
    parser.add_argument("--store-each", action="store_true", help="the fault: a store per endpoint")
    options = parser.parse_args()
    serve(RolePlayApi(shared=not options.store_each).app(), options.host, options.port)


if __name__ == "__main__":
    main()
