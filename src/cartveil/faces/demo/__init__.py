"""The demo's shop: real purchases, made-up customers, and a made-up staff that reads the vault."""

from cartveil.faces.demo.folder import write_demo_folder
from cartveil.faces.demo.identities import synthetic_identities
from cartveil.faces.demo.screens import Shop
from cartveil.faces.demo.staff import StaffReport, simulate_staff

__all__ = ["Shop", "StaffReport", "simulate_staff", "synthetic_identities", "write_demo_folder"]
