"""The tests; cases of detectors in ``cases``, told by ``stories``."""
