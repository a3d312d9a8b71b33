"""Runs all benchmarks, one after the other: `make bench`."""

import subprocess
import sys

ALL = (
    "bulk_recovery",
    "collecting",
    "daemon",
    "heartbeats",
    "large_config",
    "many_sources",
    "peers",
    "scraping",
    "wire",
)


def main() -> None:
    """Each in a separate process, so that none is measured in the memory of another."""
    results = []
    for name in ALL:
        print(f"\n{name}", flush=True)
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False)
        results.append(done.returncode)
    sys.exit(max(results))


if __name__ == "__main__":
    main()
