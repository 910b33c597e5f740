"""Labelled tables for the table scan: half to develop on, half held out."""

from bench.columns.tables import LabelledColumn, LabelledTable, labelled_tables

__all__ = ["LabelledColumn", "LabelledTable", "labelled_tables"]
