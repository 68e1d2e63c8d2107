"""Counting languages, spelled out letter by letter."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import AnBn, AnBnCn

each_language = pytest.mark.parametrize("task", [AnBn, AnBnCn])


def spelled(letters, n):
    return "S" + "".join(letter * n for letter in letters)


def following(letters, n):
    """What may come next, from all strings of the language that begin alike."""
    strings = [spelled(letters, m) + "T" for m in range(1, n + 2)]
    ours = spelled(letters, n)
    starts = [ours[: k + 1] for k in range(len(ours))]
    return [{s[len(start)] for s in strings if s.startswith(start)} for start in starts]


def read(data, batch):
    """The strings and sets that a batch shows."""
    for shown, legal, end in zip(*batch, strict=True):
        assert not shown[end:].any() and (legal[end:] == -100).all()
        string = "".join(data.vocabulary[k] for k in shown[:end])
        sets = [
            {data.answers[k] for k, bit in enumerate(row) if bit} for row in legal[:end].tolist()
        ]
        yield string, sets


@each_language
@given(n=st.integers(1, 12), seed=st.integers(0, 9), split=st.sampled_from(["train", "val"]))
def test_a_split_is_every_string_once_with_all_that_may_follow(task, n, seed, split):
    data = task(n=n, seed=seed)
    found = dict(read(data, data.dataset(split).batch(range(n))))
    assert found == {spelled(data.letters, k): following(data.letters, k) for k in range(1, n + 1)}


@each_language
@given(length=st.integers(1, 60))
def test_a_test_is_the_one_string_of_that_n(task, length):
    data = task(n=3)
    dataset = data.dataset("test", length)
    assert len(dataset) == 1
    expected = (spelled(data.letters, length), following(data.letters, length))
    assert [*read(data, dataset.batch([0]))] == [expected]


@each_language
def test_baselines_are_what_such_predictors_reach(check_baselines, task):
    data = task()

    def no_counting(batch):
        """A set for each symbol; of the last letters what comes most often."""
        sets = torch.eye(data.output_size, dtype=torch.long)
        sets = torch.cat([sets[:1], sets[:1] + sets[1:2], sets[1:-1]])
        return sets[batch.inputs]

    check_baselines(data, {"no_counting": no_counting, "optimum": lambda b: b.targets})


def test_what_to_keep_in_mind_are_letters_without_an_answer():
    data = AnBnCn(n=2)
    batch = data.dataset("test", 2).batch([0])  # S a a b b c c
    memory = {name: values.tolist() for name, values in data.memory(batch).items()}
    assert memory == {
        "a without b": [[0, 0, 1, 2, 1, 0, 0]],
        "b without c": [[0, 0, 0, 0, 1, 2, 1]],
    }


def test_describe_writes_sets():
    data = AnBn()
    batch = data.dataset("test", 2).batch([0])
    said = batch.targets.float()
    assert data.describe(batch, said) == [("Saabb", "a ab ab b T", "a ab ab b T", True, "")]
    said[0, 4] = 0
    assert data.describe(batch, said) == [("Saabb", "a ab ab b T", "a ab ab b -", False, "")]


@each_language
def test_an_n_below_one_is_refused(task):
    with pytest.raises(ValueError, match=r"`n` must be at least 1, got 0."):
        task(n=0)
