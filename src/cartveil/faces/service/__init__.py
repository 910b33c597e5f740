"""HTTP for what anyone may ask and what needs no secret. Needs the extra `service`."""

from cartveil.faces.service.serving import serve

__all__ = ["serve"]
