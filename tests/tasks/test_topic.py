"""Articles, read by someone who knows the words."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import Topic
from seqlearn.tasks.topic import FILLER, NAMES, TOPICS, WORDS

OWNER = {word: name for name, words in TOPICS.items() for word in words}


def test_no_word_belongs_to_two_topics():
    assert len(set(WORDS)) == len(WORDS) == len(OWNER) + len(FILLER)
    assert all(word.isalpha() and word.islower() for word in WORDS)
    assert len({len(words) for words in TOPICS.values()}) == 1


@given(
    clues=st.integers(1, 5),
    filler=st.integers(0, 9),
    after=st.integers(0, 40),
    seed=st.integers(0, 9),
    longer=st.none() | st.integers(0, 200),
)
def test_an_article_has_words_of_its_topic_in_the_opening_only(clues, filler, after, seed, longer):
    opening = clues + filler
    steps = max(opening + after, 4)  # enough words that there are unlike articles
    data = Topic(clues=clues, opening=opening, steps=steps, seed=seed)
    length = None if longer is None else steps + longer
    inputs, targets, lengths = data.dataset("train", length).batch(range(9))
    assert inputs.shape == (9, length or steps)
    for article, target, end in zip(inputs.tolist(), targets.tolist(), lengths, strict=True):
        assert (end == length) if length else (opening <= end <= steps)
        assert not any(article[end:])
        words = [WORDS[i] for i in article[:end]]
        telling = [(place, OWNER[word]) for place, word in enumerate(words) if word in OWNER]
        assert len(telling) == clues
        assert all(place < opening and owner == NAMES[target] for place, owner in telling)


def test_topics_words_and_places_come_up_evenly():
    inputs, targets, _ = Topic(clues=2, opening=5).dataset("train", 8).batch(range(24_000))
    topics = torch.bincount(targets, minlength=6) / len(targets)
    assert (topics - 1 / 6).abs().max() < 0.015
    telling = inputs < len(OWNER)
    places = telling.double().mean(0)
    assert (places[:5] - 2 / 5).abs().max() < 0.02 and not places[5:].any()
    clues = torch.bincount(inputs[telling], minlength=len(OWNER)) / telling.sum()
    assert (clues * len(OWNER) - 1).abs().max() < 0.2
    filler = torch.bincount(inputs[~telling] - len(OWNER), minlength=len(FILLER))
    assert (filler / filler.sum() * len(FILLER) - 1).abs().max() < 0.1


def test_articles_of_all_lengths_are_trained_on():
    lengths = Topic(opening=10, steps=14).dataset("train").batch(range(10_000)).lengths
    shares = torch.bincount(lengths)[10:] / len(lengths)
    assert (shares - 1 / 5).abs().max() < 0.02 and len(shares) == 5


@pytest.mark.parametrize(("clues", "opening", "steps"), [(2, 10, 40), (1, 1, 8), (3, 4, 9)])
def test_baselines_are_what_such_predictors_reach(check_baselines, clues, opening, steps):
    def guess(batch):
        return torch.randint(6, batch.targets.shape)

    def topic_of(words, otherwise):
        owners = torch.tensor([NAMES.index(OWNER[word]) if word in OWNER else 0 for word in WORDS])
        return torch.where(words < len(OWNER), owners[words], otherwise)

    def collect(batch):
        said = guess(batch)
        for words in batch.inputs.T:
            said = topic_of(words, said)
        return said

    def after_the_opening(batch):
        rest = batch.inputs[:, opening:]
        return topic_of(rest[:, -1], guess(batch)) if rest.shape[1] else guess(batch)

    predictors = {
        "guess": guess,
        "after_the_opening": after_the_opening,
        "first_word": lambda b: topic_of(b.inputs[:, 0], guess(b)),
        "optimum": collect,
    }
    data = Topic(clues=clues, opening=opening, steps=steps, test_size=20_000)
    check_baselines(data, predictors, rel=0.06)


def test_describe_gives_all_words_and_those_that_tell():
    data = Topic(clues=1, opening=3)
    batch = data.dataset("train").batch(range(9))
    right = torch.nn.functional.one_hot(batch.targets, 6) * 0.75
    for example, words, end, topic in zip(
        data.describe(batch, right), batch.inputs, batch.lengths, batch.targets, strict=True
    ):
        text, name = " ".join(WORDS[i] for i in words[:end]), NAMES[topic]
        (clue,) = set(text.split()) & set(TOPICS[name])
        assert example == (text, name, name, True, f"0.750, told by: {clue}")
    other = data.describe(batch, right.roll(1, -1))
    assert not any(example.correct or example.target == example.prediction for example in other)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clues": 0}, "`clues` must be at least 1, got 0."),
        ({"clues": 4, "opening": 3}, "`opening` must be at least 4, got 3."),
        ({"opening": 20, "steps": 19}, "`steps` must be at least 20, got 19."),
        ({"test_lengths": (40, 9)}, "`test_lengths` must be at least `opening`, 10, got 9."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Topic(**fields)
