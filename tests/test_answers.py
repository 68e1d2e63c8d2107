"""What a network is asked for people to look at, and what it says."""

import pytest
import torch

from seqlearn import BinaryAdd, BouncingBall, CharLM, ManyToMany
from seqlearn.answers import ask


@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("count", [5, 16, 100])
def test_a_text_is_read_as_in_the_test(stateful, count):
    data = CharLM(corpus="grammar", grammar_size=100_000, steps=20)
    torch.manual_seed(0)
    module = ManyToMany.for_data(data, cell="gru", hidden_size=8, stateful=stateful).eval()
    expected = []
    with torch.no_grad():
        for k, batch in enumerate(data.test_dataloader()[0]):
            expected.append(module.objective.predict(module.answer(batch, k)))
    answers = ask(module, data, count)
    shown = {5: 5, 16: 16, 100: 96}[count]  # whole rows of 16 places in the text
    assert len(answers.predictions) == len(answers.batch.inputs) == shown
    assert torch.allclose(answers.predictions, torch.cat(expected)[:shown], atol=1e-6)
    assert len(answers.text) == 400 and set(answers.text) <= set(data.vocabulary)


def test_what_is_said_alone_belongs_to_the_end_of_the_targets():
    data = BouncingBall(steps=20, given=6)
    module = ManyToMany.for_data(data, hidden_size=4)
    answers = ask(module, data, 3)
    assert answers.alone.shape == (3, 15, 2) and answers.text is None
    # The first answer after what is given is that of reading it.
    assert torch.allclose(answers.alone[:, 0], answers.predictions[:, 5], atol=1e-6)


def test_examples_are_of_the_training_length_or_the_shortest():
    for lengths, steps in (((4, 8, 16), 9), ((32, 64), 33)):
        data = BinaryAdd(bits=8, test_lengths=lengths)
        answers = ask(ManyToMany.for_data(data, hidden_size=4), data, 10)
        assert answers.predictions.shape == (10, steps, 1)
    few = answers.first(2)
    assert len(few.predictions) == len(few.batch.targets) == 2
