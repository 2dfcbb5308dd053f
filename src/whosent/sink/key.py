"""The key that prober and sink share, in a file that its owner alone may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from whosent.model.mistake import Mistake

NAME: Final = "sink.key"
_BYTES: Final = 32


def read(path: Path) -> bytes:
    """The key of this file; a mistake that says what to do if there is none."""
    try:
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except FileNotFoundError:
        raise Mistake(f"{path}: no key of a sink. `whosent sink init` makes one; the sink's host and the host that "
                      "audits need the same file.") from None  # fmt: skip
    except (OSError, ValueError) as error:
        raise Mistake(
            f"{path}: this is no key of a sink ({error}). Copy the file that `whosent sink init` made."
        ) from None
    if len(key) < _BYTES:
        raise Mistake(f"{path}: a key has {_BYTES} bytes, this one {len(key)}. Make a new one: `whosent sink init`.")
    return key


def make(path: Path) -> bool:
    """Make a key unless there is one; tells whether it is new."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
    except FileExistsError:
        read(path)
        return False
    except OSError as error:
        raise Mistake(f"{path}: the key cannot be written: {error.strerror}. Name another place with "
                      "WHOSENT_AUDIT__SINK_KEY.") from None  # fmt: skip
    return True
