"""Planted: takes whatever arguments come, although its tool has a schema."""

from base import serve

serve("lax", validate=False)
