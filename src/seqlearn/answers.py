"""What a network says to examples that it has never seen."""

from typing import NamedTuple

import torch
from torch import Tensor

from seqlearn.data import SequenceDataModule
from seqlearn.modules import ManyToMany, SequenceModule
from seqlearn.splits import SequenceBatch
from seqlearn.states import keeps_state

CHARACTERS, TEMPERATURE = 400, 0.8
"""How much a network of characters writes, and how daringly."""


class Answers(NamedTuple):
    """Test examples of the training length, and the answers.

    Attributes:
        batch: The examples.
        predictions: Shaped as the outputs: probabilities, or values for a regression.
        alone: What is said going on alone, likewise, if the task asks for that.
        text: What a network of characters writes.
    """

    batch: SequenceBatch
    predictions: Tensor
    alone: Tensor | None
    text: str | None

    def first(self, count: int) -> "Answers":
        """Give the first few."""
        alone = None if self.alone is None else self.alone[:count]
        batch = SequenceBatch(*(part[:count] for part in self.batch))
        return Answers(batch, self.predictions[:count], alone, self.text)


@torch.inference_mode()
def ask(module: SequenceModule, data: SequenceDataModule, count: int) -> Answers:
    """Let a network answer the first test examples of the training length, or the shortest."""
    length = data.length if data.length in data.curve else data.curve[0]
    dataset = data.dataset("test", length)
    lanes, count = data.lanes("test") or count, min(count, len(dataset))
    # Side by side, as in the test, for a network that carries its state along.
    batch = dataset.batch(range(max(min(count, lanes), count - count % lanes)))
    there = SequenceBatch(*(part.to(module.device) for part in batch))
    module.eval()
    predict = module.objective.predict
    parts = zip(*(torch.split(part, lanes) for part in there), strict=True)
    outputs = [module.answer(SequenceBatch(*part), k) for k, part in enumerate(parts)]
    predictions = predict(torch.cat(outputs)).cpu()
    alone = module.alone(there)
    text = None
    writes = module.objective.writes and keeps_state(module.cell, module.input_size)
    if writes and isinstance(module, ManyToMany) and module.vocabulary:
        text = module.generate(module.vocabulary[0], CHARACTERS, TEMPERATURE, seed=0)
    return Answers(batch, predictions, None if alone is None else predict(alone).cpu(), text)
