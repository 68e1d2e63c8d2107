"""The next character of a text."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.corpora import SHAKESPEARE_SYMBOLS, download_shakespeare, read_text
from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.grammar import GRAMMAR_SYMBOLS, entropy_rate, forgetful_rate, grammar_text
from seqlearn.ngrams import ngram_losses
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class CharLM(SequenceDataModule):
    r"""Predict every next character of a text.

    ::

        shown    F i r s t ␣ C i t i z e     each sequence goes on where the one
        asked    i r s t ␣ C i t i z e n     in its place in the batch before ended

    The text is Tiny Shakespeare, fetched once into the user's cache; a file of one's own; or drawn
    from a small grammar, which needs neither file nor network and whose entropy is known exactly.
    The first nine tenths are trained on, the rest is validation and test alike. A batch reads from
    as many evenly spaced places as it has sequences, each of which walks around the whole training
    text, so that a network may carry its state along (`ManyToMany(stateful=True)`). Held-out text
    is read from 16 places, each character scored once.

    Shapes:
        inputs ``(B, T)`` int64: places of the characters in `vocabulary`.
        targets ``(B, T)`` int64: the character after each; ``-100`` beyond the end of the text.

    Baseline:
        Nats per character of counting: uniform, single characters, and up to five in a row with
        interpolated Witten-Bell smoothing. A network above the last has not beaten counting. For
        the grammar also its entropy rate, the optimum, and what a reader loses who forgets the
        number of a noun over a clause.

    Source:
        Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks",
        https://karpathy.github.io/2015/05/21/rnn-effectiveness/.

    Example:
        >>> data = CharLM(corpus="grammar", steps=12)
        >>> inputs, targets, length = data.dataset("val")[0]
        >>> data.decode(inputs)[1:] == data.decode(targets)[:-1]
        True
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "language"
    metric: ClassVar[str] = "loss"
    generalizes: ClassVar[bool] = False
    held_out: ClassVar[bool] = False
    places: ClassVar[int] = 16
    """Where the held-out text is read from, side by side."""

    corpus: Literal["shakespeare", "grammar"] = "shakespeare"
    """The text, unless `path` names one."""
    path: str | None = None
    """A text file of your own, in UTF-8."""
    grammar_size: int = 1_000_000
    """Characters to draw from the grammar."""
    vocabulary: str | None = None
    """The characters to know, in their order; by default those of the text."""
    steps: int = 64
    """Characters in a training sequence; gradients reach back that far."""
    val_size: int | None = None
    """Sequences in the validation split; by default all of the held-out text."""
    test_size: int | None = None
    """Sequences of each test length; by default all of the held-out text."""

    def __post_init__(self) -> None:
        """Check the fields, and the text if it is at hand."""
        self.require("steps", 1)
        self.require("grammar_size", 1, 10**7)
        known = {"shakespeare": SHAKESPEARE_SYMBOLS, "grammar": GRAMMAR_SYMBOLS}
        if self.corpus not in known:
            raise ValueError(f"`corpus` must be one of {', '.join(known)}, got {self.corpus!r}.")
        if self.vocabulary is None:
            own = self.path is not None
            self.vocabulary = "".join(sorted(set(self.text))) if own else known[self.corpus]
        if len(set(self.vocabulary)) != len(self.vocabulary) or not self.vocabulary:
            raise ValueError(f"`vocabulary` must be different characters, got {self.vocabulary!r}.")
        if self.path is not None or self.corpus == "grammar":
            _ = self.symbols
        super().__post_init__()

    @cached_property
    def text(self) -> str:
        """The whole text."""
        if self.path is not None:
            return read_text(self.path)
        if self.corpus == "grammar":
            return grammar_text(self.seed, self.grammar_size)
        return read_text(download_shakespeare())

    @cached_property
    def symbols(self) -> NDArray[np.int64]:
        """The whole text as places in the vocabulary."""
        points = np.frombuffer(self.text.encode("utf-32-le"), np.uint32)
        known = np.array([ord(character) for character in self.vocabulary or ""])
        order = known.argsort()
        found = known[order].searchsorted(points).clip(max=len(known) - 1)
        places: NDArray[np.int64] = order[found]
        if (wrong := np.flatnonzero(known[places] != points)).size:
            raise ValueError(
                f"`vocabulary` must have every character of the text, "
                f"got none for {self.text[wrong[0]]!r} at position {wrong[0]}."
            )
        least = 10 * (self.steps + 1)
        if len(points) < least:
            size = "`grammar_size`" if self.path is None else f"`path` {self.path!r}"
            raise ValueError(
                f"{size} must be at least {least} characters for `steps` of {self.steps}, "
                f"got {len(points)}."
            )
        return places

    def setup(self, stage: str) -> None:
        """Draw the first batch, after a look at the lengths that the held-out text allows."""
        held_out = len(self.symbols) - self.border
        if (most := max(self.curve)) > held_out:
            raise ValueError(
                f"`test_lengths` must be at most {held_out}, the held-out text, got {most}."
            )
        super().setup(stage)

    def prepare_data(self) -> None:
        """Fetch the text if need be; Lightning lets one process do this."""
        _ = self.text

    @property
    def input_size(self) -> int:
        """The characters known."""
        return len(self.vocabulary or "")

    @property
    def output_size(self) -> int:
        """The characters known."""
        return self.input_size

    @property
    def goal(self) -> float | None:
        """A little less than counting reaches; for the grammar, a little above its entropy."""
        if self.path is not None:
            return None
        return 1.04 * entropy_rate() if self.corpus == "grammar" else 1.65

    @cached_property
    def border(self) -> int:
        """Where the held-out text begins."""
        return len(self.symbols) * 9 // 10

    def population(self, split: str, length: int | None) -> int:
        """All sequences to walk through the text of a split once."""
        steps = length or self.steps
        if split == "train":
            return max(1, self._trained // steps)
        return self.places * -(-self._stretch // steps)

    def lanes(self, split: str) -> int:
        """A global batch in training; the places of the held-out text."""
        world = self.trainer.world_size if self.trainer else 1
        return self.batch_size * world if split == "train" else self.places

    @property
    def _trained(self) -> int:
        """Characters to train on."""
        limit = self.border if self.train_limit is None else self.train_limit * self.steps
        return min(self.border, limit)

    @property
    def _stretch(self) -> int:
        """Characters of the held-out text to read from each place."""
        return -(-(len(self.symbols) - self.border) // self.places)

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Cut out what lies at these places, walked this far."""
        steps = length or self.steps
        walked, lane = np.divmod(rng.indices.astype(np.int64), self.lanes(rng.split))
        window = np.arange(steps + 1)
        if rng.split == "train":
            size = self._trained
            first = IndexedRNG(self.seed, "start", [0]).integers(0, size)
            start = first + lane * (size // self.lanes("train")) + walked * steps
            valid = np.full(len(rng), steps)
            shown = self.symbols[(start[:, None] + window) % size]
        else:
            start = lane * self._stretch + walked * steps
            end = np.minimum((lane + 1) * self._stretch, len(self.symbols) - self.border)
            valid = (end - start).clip(0, steps)
            # The first character asked for is the first held out; the one before is shown.
            places = self.border - 1 + start[:, None] + window
            shown = self.symbols[places.clip(max=len(self.symbols) - 1)]
        targets = np.where(window[1:] <= valid[:, None], shown[:, 1:], UNSCORED)
        fields = (shown[:, :-1], targets, valid.clip(min=1))
        return SequenceBatch(*(torch.from_numpy(field) for field in fields))

    @cached_property
    def _counted(self) -> dict[str, float]:
        """Nats per character of counting."""
        trained, held_out = self.symbols[: self.border], self.symbols[self.border :]
        losses = ngram_losses(trained, held_out, self.input_size, range(6))
        names = ["uniform", "unigram", *(f"{n}-gram" for n in range(2, 6))]
        return dict(zip(names, losses.values(), strict=True))

    def baselines(self) -> dict[str, float]:
        """Nats per character of counting, and of the best there can be where it is known."""
        best = {}
        if self.path is None and self.corpus == "grammar":
            best = {"forgetful": forgetful_rate(), "optimum": entropy_rate()}
        return self._counted | best

    def baselines_at(self, length: int) -> dict[str, float]:
        """The same at every length."""
        return self.baselines()

    def decode(self, symbols: Tensor) -> str:
        """Turn symbols ``(T,)`` into text."""
        return "".join((self.vocabulary or "")[symbol] for symbol in symbols.tolist())
