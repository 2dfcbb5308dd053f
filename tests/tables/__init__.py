"""Tests of logs that are tables."""
