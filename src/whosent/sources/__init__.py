"""The world, in: bytes with their provenance."""
