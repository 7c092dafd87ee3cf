"""Rasid watches Arabic news for militia attacks and troop movements."""

from __future__ import annotations


__version__ = "0.1.0"
