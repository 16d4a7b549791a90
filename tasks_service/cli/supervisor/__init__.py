"""Starts every part of a tracker on one machine, keeps it up, and ends it."""
