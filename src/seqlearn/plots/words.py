"""Words and numbers in pictures."""

from seqlearn import examples
from seqlearn.examples import SIGN, Example, shorten


def visible(character: str) -> str:
    """Give a sign to a character that would not be seen, standing alone.

    Example:
        >>> [visible(character) for character in "a $"], visible(chr(27))
        (['a', '␣', '$'], '�')
    """
    return "␣" if character == " " else examples.visible(character)


def shown(text: str) -> str:
    """Make a text visible in one line.

    Example:
        >>> shown(chr(10)), shown(f"two{chr(10)}lines of text")
        ('↵', 'two↵lines of text')
    """
    return visible(text) if len(text) == 1 else examples.visible(text)


def line(text: str, width: int) -> str:
    """Make a text fit into a line of a picture.

    Example:
        >>> line("one, two, three", 11), line(f"two{chr(10)}lines", 11)
        ('one ... ree', 'two↵lines')
    """
    return shown(shorten(text, width))


def caption(example: Example, width: int) -> str:
    """Say in a line what was shown and asked for, and whether the answer is right."""
    shown, asked = (line(part, width) for part in example[:2])
    return f"{shown} → {asked} {SIGN[example.correct]}".rstrip()


def several(count: int, what: str) -> str:
    """Count things.

    Example:
        >>> several(2, "steps"), several(1, "steps")
        ('2 steps', '1 step')
    """
    return f"{count} {what.removesuffix('s') if count == 1 else what}"


def number(value: float) -> str:
    """Write a size that is about right.

    Example:
        >>> [number(value) for value in (0, 0.00412, 0.8, 12.34, 123.4, 12345, 1.5e9)]
        ['0', '0.0041', '0.8', '12', '123', '12,345', '1.5e+09']
    """
    return f"{value:,.0f}" if 99 < abs(value) < 1e7 else f"{value:.2g}"
