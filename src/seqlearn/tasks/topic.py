"""The topic of an article that names it early."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG

TOPICS = {
    "sport": ("team", "goal", "match", "coach", "league", "player", "stadium", "trophy"),
    "music": ("melody", "guitar", "concert", "singer", "choir", "rhythm", "piano", "album"),
    "food": ("bread", "kitchen", "recipe", "soup", "cheese", "oven", "salad", "butter"),
    "weather": ("rain", "storm", "cloud", "sunshine", "wind", "snow", "thunder", "fog"),
    "travel": ("airport", "hotel", "luggage", "passport", "island", "train", "tourist", "ferry"),
    "money": ("bank", "loan", "tax", "salary", "coin", "profit", "invoice", "budget"),
}
FILLER = (
    *("the", "a", "this", "some", "and", "but", "or", "so", "of", "in", "on", "with"),
    *("was", "had", "said", "went", "came", "it", "they", "then", "again", "soon", "very", "also"),
)
NAMES = tuple(TOPICS)
CLUES = np.arange(sum(map(len, TOPICS.values()))).reshape(len(TOPICS), -1)
"""The numbers of each topic's words, ``(topics, words)``."""
WORDS = (*(word for words in TOPICS.values() for word in words), *FILLER)


@dataclass(kw_only=True, eq=False)
class Topic(SequenceDataModule):
    """Name the topic of a long article from a few words at its beginning.

    ::

        words    so  the  team  of  match  was  |  then  they  again  ...  very
        topic    .    .    .    .     .     .   |    .     .     .    ...  sport

    The `opening` has a few words of one topic, at random places among filler; after it there is
    filler only, up to `steps` words in all. A network that forgets has nothing left to tell the
    topic by at the end: where a GRU is right after 40 words and after 400, a tanh network of the
    same size and budget hardly beats a guess. The order of the words does not matter: unlike in
    `first_symbol` it is enough to collect them.

    Shapes:
        inputs ``(B, T)`` int64: the words by number, those of the topics first (the modules make
        them one-hot).
        targets ``(B,)`` int64: sport, music, food, weather, travel, money as 0 to 5.

    Baseline:
        Accuracy: 1/6 for a guess, and for a reader of nothing but the words after the opening; a
        reader of the first word alone also knows the topic where that word is a clue. The optimum
        is 1, at any length, as no word belongs to two topics.

    Source:
        A classroom example.

    Example:
        >>> inputs, target, length = Topic(opening=4).dataset("test", length=6)[0]
        >>> " ".join(WORDS[i] for i in inputs), NAMES[target]
        ('thunder snow soon was or soon', 'weather')
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    input_size: ClassVar[int] = len(WORDS)
    output_size: ClassVar[int] = len(TOPICS)
    answers: ClassVar[tuple[str, ...]] = NAMES
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4, 10)

    clues: int = 2
    """Words of the topic."""
    opening: int = 10
    """Words at the beginning among which they stand."""
    steps: int = 40
    """Train on articles from the opening alone up to this many words."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("clues", 1)
        self.require("opening", self.clues)
        self.require("steps", self.opening)
        super().__post_init__()
        if self.test_lengths and min(self.test_lengths) < self.opening:
            raise ValueError(
                f"`test_lengths` must be at least `opening`, {self.opening}, "
                f"got {min(self.test_lengths)}."
            )

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw a topic, fill the article, and put words of the topic into the opening.

        Articles trained on are of all lengths alike: the short ones teach what the words mean, the
        long ones to keep it.
        """
        topics = rng.integers(0, len(TOPICS))
        steps = length or self.steps
        lengths = rng.integers(length or self.opening, steps + 1)
        words = rng.integers(CLUES.size, len(WORDS), steps)
        places = rng.permutation(self.opening)[:, : self.clues]
        chosen = rng.integers(0, CLUES.shape[1], self.clues)
        np.put_along_axis(words, places, CLUES[topics[:, None], chosen], axis=1)
        words[np.arange(steps) >= lengths[:, None]] = 0
        return SequenceBatch(
            inputs=torch.from_numpy(words),
            targets=torch.from_numpy(topics),
            lengths=torch.from_numpy(lengths),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of guessing, of who reads the end or the first word only, and of who recalls."""
        chance, seen = 1 / len(TOPICS), self.clues / self.opening
        return {
            "guess": chance,
            "after_the_opening": chance,
            "first_word": seen + (1 - seen) * chance,
            "optimum": 1.0,
        }

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the words; the note has the probability of the answer, and the words that tell."""
        examples = []
        for article, target, row, end in zip(*batch[:2], predictions, batch.lengths, strict=True):
            guess, words = int(row.argmax()), article[:end].tolist()
            text, telling = (
                " ".join(WORDS[word] for word in words if word < most)
                for most in (len(WORDS), CLUES.size)
            )
            note = f"{row[guess]:.3f}, told by: {telling}"
            examples.append(Example(text, NAMES[target], NAMES[guess], guess == int(target), note))
        return examples
