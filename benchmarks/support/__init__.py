"""Shared by the benchmarks: servers, programs to compare with, and measurements."""
