"""Benchmarks: what a run takes, beside what the same work takes without the package."""
