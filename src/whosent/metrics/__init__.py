"""What the ledger says in numbers, for Prometheus and its like.

Labels are bounded: hosts, queues, logs, channels, and closed lists of words.  No account, address or other text of a
stranger's is ever one.
"""
