"""What Whosent keeps between runs."""
