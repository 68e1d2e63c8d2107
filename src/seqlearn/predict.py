"""``python -m seqlearn.predict`` is ``seqlearn predict``."""

import sys
from collections.abc import Sequence

from seqlearn import cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``seqlearn predict`` with these arguments, by default those of the command line."""
    cli.main(["predict", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    main()
