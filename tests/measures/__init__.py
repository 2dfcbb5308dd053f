"""Tests of the numbers and phrases that detectors share."""
