"""Examples for people: what was shown, what was asked for, and what a network said."""

from collections.abc import Sequence
from functools import partial
from itertools import compress, groupby
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from seqlearn.splits import UNSCORED, SequenceBatch

if TYPE_CHECKING:
    from seqlearn.task import Task

SIGN = {None: "", True: " ✓", False: " ✗"}
"""What is put behind an answer that is judged."""


class Example(NamedTuple):
    """One example and what was said to it, in words.

    Attributes:
        input: What was shown.
        target: What was asked for.
        prediction: What the network said.
        correct: Whether that is right; None where there is no right and wrong, but near and far.
        note: What else there is to see, such as the probability.
    """

    input: str
    target: str
    prediction: str
    correct: bool | None = None
    note: str = ""

    def line(self, width: int = 100) -> str:
        """Put all of it into a line, or three where the answer is long, with mistakes in brackets.

        Args:
            width: Characters that the answers may take in a line, and each of three lines.

        Example:
            >>> Example("stop", "pots", "pats", correct=False).line()
            'stop -> pots   predicted p[a]ts ✗'
        """
        room = width - len(ASKED)
        long = len(self.target) + len(self.prediction) > width // 2
        if long:
            shown, asked, said = alike(self[:3], room, columns=self.correct is None)
        else:
            shown, asked, said = (shorten(part, 60) for part in self[:3])
        sign = SIGN[self.correct]
        marked = said if self.correct is None else mark(asked, said)
        note = f"   {shorten(self.note, room)}" if self.note else ""
        if long:
            return f"{SHOWN}{shown}\n{ASKED}{asked}\n{SAID}{marked}{sign}{note}"
        return f"{shown} -> {asked}   predicted {marked}{sign}{note}"


SHOWN, ASKED, SAID = "shown      ", "asked      ", "predicted  "

NUMERIC = frozenset("0123456789 +-.,()e naif")
"""Characters of series of numbers, ``nan`` and ``inf`` among them."""
SIGNS = {"\n": "↵", "\t": "⇥"}
"""What is written for characters that would not be seen; for others of them, a box."""


def visible(text: str) -> str:
    """Write a text in a line, with signs for what would not be seen.

    Example:
        >>> visible(f"two{chr(10)}lines{chr(27)}")
        'two↵lines�'
    """
    return "".join(SIGNS.get(c, c if c.isprintable() else "�") for c in text)


def pieces(target: str, prediction: str) -> list[tuple[str, bool]]:
    """Cut a prediction where it begins or ceases to be right: texts, and whether they are.

    Characters are compared one by one, or words where there are as many of those.

    Example:
        >>> pieces("10 9 8", "10 19 8")
        [('10 ', True), ('19', False), (' 8', True)]
    """
    between = "" if len(target) == len(prediction) else " "
    asked, said = (list(text) if not between else text.split() for text in (target, prediction))
    if len(asked) != len(said):
        return [(prediction, False)]
    pairs = zip(asked, said, strict=True)
    runs = [
        (between.join(token for _, token in run), right)
        for right, run in groupby(pairs, lambda pair: pair[0] == pair[1])
    ]
    last = len(runs) - 1
    return [
        (f"{between if k else ''}{text}{between if k < last else ''}" if right else text, right)
        for k, (text, right) in enumerate(runs)
    ]


def mark(target: str, prediction: str) -> str:
    """Put what is wrong into brackets.

    Example:
        >>> mark("10 9 8", "10 19 8"), mark("sport", "music"), mark("abc", "abd")
        ('10 [19] 8', '[music]', 'ab[d]')
    """
    found = pieces(target, prediction)
    return "".join(text if right else f"[{text}]" for text, right in found)


def shorten(text: str, width: int, words: bool = True) -> str:
    """Leave out the middle of what is long, whole words or numbers if there are any.

    Args:
        text: What may be long.
        width: Characters that may be left.
        words: Whether words stay whole.

    Example:
        >>> shorten("to be or not to be", 16), shorten("abcdefghijklmnopqrstuvwxyz", 13)
        ('to be ... to be', 'abcd ... wxyz')
    """
    if len(text) <= width:
        return text
    half = (width - 5) // 2
    first, last = (cut(end, half) if words else end[:half] for end in (text, text[::-1]))
    return f"{first} ... {last[::-1]}"


def cut(text: str, width: int) -> str:
    """Give the beginning of a longer text."""
    for between in " ,":
        if between in text[: width + 1]:
            return text[: width + 1].rpartition(between)[0].rstrip()
    return text[:width]


def alike(parts: Sequence[str], width: int, columns: bool = False) -> list[str]:
    """Shorten texts in the same places, so that one can be held against the other.

    Of as many numbers the same are left, of texts as long as each other the same characters; what
    has no counterpart is shortened by itself.

    Args:
        parts: The texts.
        width: Characters of each.
        columns: Whether numbers stand below each other.

    Example:
        >>> alike(["1 2 3 4 5", "1 -2 3 4 -5", "1 to 5"], 9, columns=True)
        [' 1 ...  5', ' 1 ... -5', '1 to 5']
    """
    result = []
    for part in parts:
        words = part.split()
        twins = [each for each in parts if len(each) == len(part)]
        series = [each.split() for each in parts if set(each) <= NUMERIC]
        series = [each for each in series if len(each) == len(words)]
        size = max((len(word) for each in series for word in each), default=0)
        ends = (width - len("...")) // (2 * size + 2)
        if words in series and len(series) > 1 and ends:
            if len(words) * (size + 1) > width + 1:
                words = [*words[:ends], "...", *words[-ends:]]
            fill = size if columns else 0
            result.append(" ".join(word if word == "..." else word.rjust(fill) for word in words))
        else:
            result.append(shorten(part, width, words=len(twins) == 1))
    return result


def plainly(data: "Task", batch: SequenceBatch, predictions: Tensor) -> list[Example]:
    """Write examples as numbers, or as text where symbols are characters.

    Args:
        data: The task, which says what they are.
        batch: The examples.
        predictions: Shaped as the outputs: probabilities, or values for a regression.
    """
    examples = []
    names = set_names(data)
    write = partial(sets, names=names) if names else partial(symbols, vocabulary=data.answers)
    whole = data.mapping == "one-to-many"  # its lengths are those of the targets
    for shown, target, output, end in zip(*batch[:2], predictions, batch.lengths, strict=True):
        if target.is_floating_point():
            steps = ~target.isnan().all(-1)
            asked, said = (numbers(part[steps] * data.scale) for part in (target, output))
            correct = None
        else:
            scored = target != UNSCORED
            guess = (output > 0.5).long() if output.shape == target.shape else output.argmax(-1)
            asked, said = (write(part[scored]) for part in (target, guess))
            # A text has many good ways to go on.
            correct = (
                None if data.objective == "language" else bool((guess == target)[scored].all())
            )
        shown = shown if whole else shown[:end]
        first = numbers(shown) if shown.is_floating_point() else symbols(shown, data.vocabulary)
        examples.append(Example(first, asked, said, correct))
    return examples


def numbers(values: Tensor) -> str:
    """Write real numbers: steps with spaces between, the features of each with commas.

    Example:
        >>> numbers(Tensor([[0.5, -2.0], [0.25, 1.0]])), numbers(Tensor([[1], [0]]))
        ('0.50,-2.00 0.25,1.00', '1 0')
    """
    rows = values.reshape(-1, values.shape[-1] if values.ndim else 1)
    whole = bool((rows == rows.round()).all())
    small = rows.numel() and rows.nan_to_num().abs().max() < 0.1
    style = "z.0f" if whole else ".1e" if small else "z.2f"
    return " ".join(",".join(f"{value:{style}}" for value in row) for row in rows.tolist())


def symbols(values: Tensor, vocabulary: Sequence[str] | None) -> str:
    """Write symbols: as characters if that is what they are."""
    found = values.flatten().tolist()
    if vocabulary:
        return visible("".join(vocabulary[k] for k in found))
    return " ".join(map(str, found))


def set_names(data: "Task") -> Sequence[str] | None:
    """Name the outputs of a task whose answers are sets; None if they are anything else."""
    names = data.answers if data.objective == "binary" else None
    return names if names and len(names) == data.output_size else None


def sets(values: Tensor, names: Sequence[str]) -> str:
    """Write sets, given as bits for each of these names, by what is in them; a dash if nothing is.

    Example:
        >>> sets(Tensor([[1, 1, 0], [0, 0, 0], [0, 0, 1]]), names="abT")
        'ab - T'
    """
    rows = values.reshape(-1, len(names)).tolist()
    return " ".join("".join(compress(names, row)) or "-" for row in rows)
