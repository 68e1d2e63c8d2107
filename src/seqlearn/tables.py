"""Tables that fit into the terminal."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from seqlearn.output import put, until_closed


def fitted(
    draw: Callable[[Sequence[str]], Table],
    columns: Sequence[str],
    spare: Sequence[str],
    console: Console,
) -> tuple[Table, list[str]]:
    """Make a table; where the terminal is too narrow, without the columns that say least.

    What is left is never cut off: the console gets as wide as it needs.

    Args:
        draw: Makes it with the columns that it is given.
        columns: All of them.
        spare: Those that it may go without, the first first.
        console: Where it is to be shown. Where that is no terminal there is nothing to fit it into.

    Returns:
        The table, and the columns that it has not.
    """
    spare, left = list(spare), list(columns)
    grid = draw(left)
    while console.is_terminal and spare and width(grid, console) > console.width:
        left.remove(spare.pop(0))
        grid = draw(left)
    console.width = max(console.width, width(grid, console))
    return grid, [name for name in columns if name not in left]


def width(part: Table, console: Console) -> int:
    """Tell how wide a table is if nothing is cut off."""
    return console.measure(part, options=console.options.update(width=10**5)).maximum


def write(console: Console, *parts: Table | str) -> None:
    """Print tables and lines."""
    with until_closed(), console.capture() as captured:  # it writes nothing, which may fail
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, str), markup=False)
            console.print()
    put("\n".join(line.rstrip() for line in captured.get().rstrip().splitlines()))
