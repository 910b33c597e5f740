"""Benchmarks: each module is a protocol that anyone can rerun on a file of the stated format."""
