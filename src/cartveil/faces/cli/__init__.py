"""The command line: thin commands over the public functions."""

from cartveil.faces.cli.main import main

__all__ = ["main"]
