"""How the command refuses what it cannot do."""

import os
import sys
from typing import NoReturn


def refuse(verb: str, message: str) -> NoReturn:
    """Say in one line what is wrong, on one process only, and exit with code 2."""
    if os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0":
        print(f"seqlearn {verb}: error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2)
