"""``python -m whosent.keeper``."""

from __future__ import annotations

from whosent.keeper import main

raise SystemExit(main())
