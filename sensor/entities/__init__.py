"""Sightings become devices and accounts, each identity valid for a span of time."""
