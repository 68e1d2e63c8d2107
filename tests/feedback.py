"""What the tests of networks that read their own answers share: cells, truths, a loop by hand."""

import torch
from torch import nn
from torch.nn import functional as F


class Nested(nn.Module):
    """A user's cell whose state is tuples in a tuple, written as plainly as possible."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.into, self.over = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, 1)

    def forward(self, x, state=None):
        zeros = x.new_zeros(1, len(x), 1)
        (h, mean), (count,) = state or ((zeros * self.into.bias, zeros), (zeros,))
        states = []
        for x_t in x.unbind(1):
            h = torch.tanh(self.into(x_t) + h + mean / (1 + count))
            mean, count = mean + self.over(h), count + 1
            states.append(h[0])
        return torch.stack(states, 1), ((h, mean), (count,))


CELLS = {
    "rnn": {"cell": "rnn"},
    "relu": {"cell": "rnn", "cell_args": {"nonlinearity": "relu"}},
    "sigmoid": {"cell": "rnn", "cell_args": {"nonlinearity": "sigmoid"}, "num_layers": 2},
    "identity": {"cell": "rnn", "cell_args": {"nonlinearity": "identity"}},
    "lstm": {"cell": "lstm", "num_layers": 2},
    "gru": {"cell": "gru"},
    "window": {"cell": "window", "num_layers": 2},
    "nested": {"cell": Nested},
}
"""Arguments for each kind of cell."""

OBJECTIVES = ["binary", "categorical", "regression"]


class Half(nn.Module):
    """A cell without memory: half of what it reads last, which is the answer before."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.size = hidden_size

    def forward(self, x, state=None):
        return x[..., -self.size :] / 2, x.new_zeros(1, len(x), 1) if state is None else state


def transparent(network, bias):
    """Let a network say twice what its cell gives, plus a bias: so that one sees what it read."""
    with torch.no_grad():
        network.head.weight.copy_(2 * torch.eye(len(bias)))
        network.head.bias.copy_(torch.as_tensor(bias))
    return network


def truth(objective, size, hidden=False, shape=(4, 6)):
    """Random targets, some of them not scored if asked for."""
    generator = torch.Generator().manual_seed(1)
    if objective == "categorical":
        targets = torch.randint(size, shape, generator=generator)
    elif objective == "binary":
        targets = torch.randint(2, (*shape, size), generator=generator)
    else:
        targets = torch.randn(*shape, size, generator=generator)
    if hidden:
        unscored = torch.rand(targets.shape, generator=generator) < 0.3
        targets[unscored] = torch.nan if objective == "regression" else -100
    return targets


def read(objective, answers, size):
    """Answers as features; what is not scored is zeros."""
    if objective == "categorical":
        rows = [torch.eye(size)[a] if a >= 0 else torch.zeros(size) for a in answers]
        return torch.stack(rows)
    unknown = answers.isnan() if objective == "regression" else answers == -100
    return torch.where(unknown, 0, answers).float()


def by_hand(objective, cell, head, first, state, steps, targets=None):
    """Step by step: from the true answers if these are given, else from the network's own."""
    x, outputs = first, []
    for t in range(steps):
        states, state = cell(x[:, None], state)
        out = head(states[:, 0])
        outputs.append(out)
        if targets is not None:
            answers = targets[:, t]
        elif objective == "categorical":
            answers = out.argmax(1)
        else:
            answers = (out > 0).long() if objective == "binary" else out
        x = read(objective, answers, out.shape[1])
        x = F.pad(x, (first.shape[1] - x.shape[1], 0))
    return torch.stack(outputs, 1)
