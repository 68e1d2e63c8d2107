"""A recurrent network learns to write, letter by letter: a whole lesson in NumPy.

    python -m experiments.shakespeare [FILE] [--steps 10000] [--seed 0] [--twin]

It reads a text in chunks of 25 letters, guesses after each letter the next, and after each chunk
moves its weights down the gradient from `seqlearn.bptt`. The state goes on from chunk to chunk, the
gradient does not: that is truncated backpropagation through time. FILE is any UTF-8 text; without
it, the text is drawn from the grammar in `seqlearn.grammar`.

Plain gradient descent is slow. In 10,000 chunks, 10 seconds, the loss on the grammar falls from 3
nats a letter to 0.36, where 0.26 is the least there can be: nouns and verbs far apart still do not
agree. On Tiny Shakespeare, 1.1 million letters, it falls from 4.17 to 2.1 in 10,000 chunks, and to
1.96 in one pass, 44,615 chunks. The last tenth, held out, is then at 2.16; whoever counts triples
of letters gets 2.05. More passes hardly help.

With --twin, PyTorch's layers and autograd start from the same weights and go along. Their losses
are the same to a dozen digits, until a burst of exploding gradients blows up the rounding errors.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from textwrap import indent

import numpy as np
from numpy.typing import NDArray

from seqlearn.bptt import Array, Weights, backward, clip, forward, loss, update
from seqlearn.corpora import read_text
from seqlearn.grammar import grammar_text

Letters = NDArray[np.int64]

HIDDEN = 64
CHUNK = 25
RATE = 0.01
LIMIT = 5.0  # of every entry of the gradient


def first_weights(letters: int, rng: np.random.Generator) -> Weights:
    """Draw small weights; biases are zero."""
    return Weights(
        weight_ih=0.01 * rng.normal(size=(HIDDEN, letters)),
        weight_hh=0.01 * rng.normal(size=(HIDDEN, HIDDEN)),
        weight_hy=0.01 * rng.normal(size=(letters, HIDDEN)),
        bias_h=np.zeros(HIDDEN),
        bias_y=np.zeros(letters),
    )


def one_hot(letters: Letters, size: int) -> Array:
    """Turn letters ``(B, T)`` into ``(B, T, F)``."""
    return (letters[..., None] == np.arange(size)).astype(float)


def chunks(text: Letters) -> Iterator[tuple[Letters, Letters]]:
    """Read the text once: letters ``(1, T)``, and those that follow each of them."""
    for start in range(0, len(text) - CHUNK, CHUNK):
        chunk = text[None, start : start + CHUNK + 1]
        yield chunk[:, :-1], chunk[:, 1:]


def by_hand(text: Letters, weights: Weights) -> Iterator[tuple[float, Weights]]:
    """Read the text again and again; after each chunk give its loss and the new weights."""
    while True:
        state = None  # the end of the text says nothing about its start
        for inputs, targets in chunks(text):
            trace = forward(weights, one_hot(inputs, len(weights.bias_y)), state)
            gradients, _ = backward(trace, targets)  # the other would lead into the chunk before
            weights = update(weights, clip(gradients, LIMIT), RATE)
            state = trace.states[:, -1]
            yield loss(trace, targets), weights


def by_torch(text: Letters, weights: Weights) -> Iterator[float]:
    """Do the same with PyTorch; give the losses."""
    import torch  # only the twin needs it
    from torch import nn
    from torch.nn import functional as F

    weight_ih, weight_hh, weight_hy, bias_h, bias_y = map(torch.from_numpy, weights)
    hidden, letters = weight_ih.shape
    rnn = nn.RNN(letters, hidden, batch_first=True, dtype=torch.float64)
    head = nn.Linear(hidden, letters, dtype=torch.float64)
    matrices = {"weight_ih_l0": weight_ih, "weight_hh_l0": weight_hh}
    rnn.load_state_dict(matrices | {"bias_ih_l0": bias_h, "bias_hh_l0": torch.zeros_like(bias_h)})
    head.load_state_dict({"weight": weight_hy, "bias": bias_y})
    rnn.bias_hh_l0.requires_grad_(False)  # the sum of two biases would move twice as fast as one
    parameters = [*rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=RATE)
    while True:
        state = None
        for inputs, targets in chunks(text):
            states, last = rnn(torch.from_numpy(one_hot(inputs, letters)), state)
            logits, wanted = head(states)[0], torch.from_numpy(targets[0])
            loss = F.cross_entropy(logits, wanted, reduction="sum")
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(parameters, LIMIT)
            optimizer.step()
            state = last.detach()
            yield loss.item()


def write(weights: Weights, first: int, count: int, rng: np.random.Generator) -> list[int]:
    """Draw letter after letter from what the network expects next."""
    written, state = [first], None
    for _ in range(count):
        trace = forward(weights, one_hot(np.array([written[-1:]]), len(weights.bias_y)), state)
        written.append(int(rng.choice(len(weights.bias_y), p=trace.outputs[0, 0])))
        state = trace.states[:, 0]
    return written


def surprise(text: str) -> tuple[float, float]:
    """Nats a letter by the counts of single letters, and by those of the pairs they come in."""
    single, pairs = (
        sum(n / counts.total() * math.log(counts.total() / n) for n in counts.values())
        for counts in (Counter(text), Counter(pairwise(text)))
    )
    return single, pairs - single


def lesson(text: str, steps: int, seed: int, twin: bool) -> None:
    """Learn, and show now and then how well."""
    alphabet = sorted(set(text))
    places = {letter: k for k, letter in enumerate(alphabet)}
    letters = np.array([places[letter] for letter in text])
    chance, (single, pairs) = math.log(len(alphabet)), surprise(text)
    print(f"{len(text)} letters of {len(alphabet)} kinds. Nats a letter to beat: {chance:.3f} by")
    print(f"chance, {single:.3f} by counts of letters, {pairs:.3f} by counts of pairs.\n")

    rng = np.random.default_rng(seed)
    weights = first_weights(len(alphabet), rng)
    other = by_torch(letters, weights)
    losses, gaps, every = [], [], -(-steps // 10)
    for step, (value, learnt) in enumerate(islice(by_hand(letters, weights), steps), 1):
        losses.append(value / CHUNK)
        if twin:
            gaps.append(abs(value - next(other)))
        if step % every == 0 or step == steps:
            print(f"chunk {step}: {np.mean(losses[-every:]):.3f} nats a letter")
            written = "".join(alphabet[k] for k in write(learnt, letters[0], 150, rng))
            print(indent(written, "    "), end="\n\n")
    if twin:
        same = next((k for k, gap in enumerate(gaps) if gap > 1e-6), steps)
        print(f"The losses of PyTorch differ by up to {max(gaps[:20]):.0e} in the first 20 chunks,")
        print(f"by no more than 1e-6 in the first {same}, and by up to {max(gaps):.0e} in all.")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="shakespeare", description=__doc__.partition("\n")[0])
    parser.add_argument("path", metavar="FILE", nargs="?", help="a UTF-8 text; without, a grammar")
    parser.add_argument("--steps", type=int, default=10_000, help="chunks to learn from")
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the writing")
    parser.add_argument("--twin", action="store_true", help="let PyTorch do the same beside it")
    wanted = parser.parse_args(arguments)
    if wanted.steps < 1 or wanted.seed < 0:
        parser.error("--steps must be at least 1, and --seed at least 0")
    try:
        text = grammar_text(0, 100_000) if wanted.path is None else read_text(wanted.path)
        if len(text) <= CHUNK:
            raise ValueError(f"`path` must have more than {CHUNK} letters, got {len(text)}.")
    except ValueError as error:
        parser.exit(2, f"shakespeare: error: {error}\n")
    lesson(text, wanted.steps, wanted.seed, wanted.twin)


if __name__ == "__main__":
    main()
