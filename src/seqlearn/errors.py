"""How the command refuses what it cannot do."""

import os
import sys
from typing import NoReturn


def is_main_process() -> bool:
    """Tell whether this is the first of the processes that train together, as launchers say it."""
    ranks = (os.environ.get(name) for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"))
    return next((rank for rank in ranks if rank is not None), "0") == "0"


def refuse(verb: str, message: str) -> NoReturn:
    """Say in one line what is wrong, on one process only, and exit with code 2."""
    if is_main_process():
        print(f"seqlearn {verb}: error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(2)
