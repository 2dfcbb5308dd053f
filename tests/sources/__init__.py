"""Tests of how the world comes in."""
