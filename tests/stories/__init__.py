"""Invented days of mail, told as rows, for the cases of detectors; each from one seed."""
