"""Tests of how lines become messages."""
