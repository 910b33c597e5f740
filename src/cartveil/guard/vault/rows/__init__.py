"""Rows and consumers as they lie in the store: written, fetched, marked, and whose they are."""
