"""How a network goes on from what it has said itself."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqlearn.objectives import GREEDY, Objective, Sampling
from seqlearn.states import State, step


def decode(
    parts: tuple[nn.Module, nn.Linear, Objective],
    first: Tensor,
    state: State,
    steps: int,
    how: Sampling = GREEDY,
    targets: Tensor | None = None,
    forcing: float = 0.0,
) -> Tensor:
    """Run a cell over its own answers: ``(B, steps, C)`` outputs.

    Args:
        parts: The cell, the readout and the objective.
        first: ``(B, D)`` features to begin with; in the next steps the answer to the one before
            stands in the last ``C`` of them, and zeros in the rest.
        state: The state to go on from.
        steps: Answers to give.
        how: How an answer is chosen.
        targets: ``(B, steps)`` or ``(B, steps, C)`` true answers, for teacher forcing.
        forcing: Probability, at each step of each sequence, to go on from the true answer instead
            of the network's own; at 1 all steps are known beforehand and run at once.

    Source:
        Teacher forcing: Williams & Zipser 1989, doi:10.1162/neco.1989.1.2.270; by chance: Bengio et
        al. 2015, "Scheduled sampling", arXiv 1506.03099.
    """
    cell, head, objective = parts
    size = head.out_features

    def features(answers: Tensor) -> Tensor:
        fed = objective.feed(answers, size).to(first.dtype)  # (..., C)
        return F.pad(fed, (first.shape[-1] - size, 0))  # (..., D)

    if targets is not None and forcing == 1:
        x = torch.cat([first[:, None], features(targets[:, : steps - 1])], 1)  # (B, steps, D)
        outputs: Tensor = head(cell(x, state)[0])
        return outputs
    said, x = list[Tensor](), first
    for t in range(steps):
        hidden, state = step(cell, x, state)
        said.append(head(hidden))
        answers = objective.choose(said[-1], how)  # (B,) or (B, C)
        if targets is not None and forcing:
            forced = torch.rand(len(x), *[1] * (answers.ndim - 1), device=x.device) < forcing
            answers = torch.where(forced, targets[:, t], answers)
        x = features(answers)
    return torch.stack(said, 1)


def probability(name: str, value: float) -> float:
    """Refuse what is no probability."""
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be from 0 to 1, got {value!r}.")
    return value
