"""``python -m whosent``."""

from whosent.cli import main

main()
