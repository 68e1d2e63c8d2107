"""``python -m seqlearn.test`` is ``seqlearn test``."""

import sys
from collections.abc import Sequence

from seqlearn import cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``seqlearn test`` with these arguments, by default those of the command line."""
    cli.main(["test", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    main()
