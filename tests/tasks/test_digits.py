"""The images of scikit-learn, read in order."""

import sys

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from seqlearn import cli
from seqlearn.tasks import Digits

both = pytest.mark.parametrize(("order", "shape"), [("rows", (8, 8)), ("pixels", (64, 1))])


def images(data, split):
    """The pixels and digits of a split, each image once."""
    dataset = data.dataset(split)
    inputs, targets, _ = dataset.batch(range(len(dataset.members)))
    return inputs.flatten(1).numpy(), targets.numpy()


@both
def test_every_image_is_in_one_split_with_its_digit(order, shape):
    data = Digits(order=order)
    assert data.dataset("test").batch([0]).inputs.shape[1:] == shape
    known, answers = load_digits(return_X_y=True)
    expected = {tuple(image): digit for image, digit in zip(known / 16, answers, strict=True)}
    found = []
    for split in ("train", "val", "test"):
        pixels, digits = images(data, split)
        assert len(pixels) > 190
        found += zip(map(tuple, pixels.tolist()), digits, strict=True)
    assert len(found) == len(expected) == 1797 and dict(found) == expected


@both
def test_splits_are_the_same_for_every_seed(order, shape):
    one, other = (images(Digits(order=order, seed=seed), "test")[0] for seed in (0, 1))
    assert (one == other).all()


@both
@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")  # corners that are always empty
def test_baselines_are_those_of_scikit_learn(check_baselines, order, shape):
    data = Digits(order=order)
    known = images(data, "train")

    def says(classifier):
        fitted = classifier.fit(*known)
        return lambda b: torch.from_numpy(fitted.predict(b.inputs.flatten(1).numpy()))

    predictors = {
        "most_frequent": says(DummyClassifier(strategy="most_frequent")),
        "nearest_mean": says(NearestCentroid()),
        "nearest_image": says(KNeighborsClassifier(1)),
    }
    check_baselines(data, predictors, rel=1e-6)


def test_only_whole_images_are_shown():
    assert Digits(test_lengths=(8,)).curve == (8,)
    assert Digits(order="pixels").curve == (64,)
    with pytest.raises(ValueError, match="`test_lengths` must be 64, the pixels of an image, got"):
        Digits(order="pixels", test_lengths=(64, 8))
    with pytest.raises(ValueError, match="`order` must be one of rows, pixels, got 'columns'"):
        Digits(order="columns")


def test_without_scikit_learn_one_line_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--task", "digits"])
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "`pip install 'seqlearn-lightning[digits]'`" in err


@both
def test_images_are_drawn_with_what_they_are_said_to_be(order, shape):
    data = Digits(order=order)
    batch = data.dataset("test").batch(range(30))
    said = torch.nn.functional.one_hot(batch.targets, 10).float() * 0.75
    said[0] = said[0].roll(1)
    figure = data.plot(batch, said)
    assert figure.get_suptitle() == "29 of 30 answers right"
    first, *others = figure.axes
    digit = batch.targets[0].item()
    assert first.get_title() == f"{(digit + 1) % 10}, 0.75\nis {digit}"
    assert not any("is" in axis.get_title() for axis in others)
    image = batch.inputs[0].reshape(8, 8)
    assert (first.images[0].get_array() == image.numpy()).all()
    text = data.describe(batch, said)[0].input.split()
    inked = [[sign == "#" for sign in row] for row in text]
    assert (torch.tensor(inked) == (image > 5 / 6)).all()
