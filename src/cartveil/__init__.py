"""Cartveil keeps consumers' purchase data useful without exposing it."""
