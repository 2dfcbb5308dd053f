"""Numbers and phrases that several detectors need; pure, and knowing nothing of mail logs."""
