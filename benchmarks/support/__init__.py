"""What the benchmarks share: servers, programs to compare with, and what is measured of them."""
