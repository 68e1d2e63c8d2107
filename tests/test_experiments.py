"""The studies run, say what they found, and leave their pictures."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from experiments import lessons, vanishing_gradients

from seqlearn import cli

README = Path(lessons.HERE, "README.md")
COMMANDS = [
    line
    for block in re.findall(r"```\n(.*?)```", README.read_text(), re.DOTALL)
    for line in block.splitlines()
    if not line.startswith("export ")
]
PICTURES = [name for study in lessons.STUDIES for name in study.pictures]


def size_of_picture(path: str | Path) -> int:
    content = Path(path).read_bytes()
    assert content.startswith(b"\x89PNG")
    return len(content)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_lessons_is_understood(command, capfd, monkeypatch):
    program, *words = shlex.split(command)
    expected = "0"
    if words[0] == "fit":
        call, words = cli.main, [*words, "--print_config"]
    elif program == "seqlearn":
        call, expected = cli.main, "2"  # there is no such run, which is looked for at the end
    else:
        assert (program, words[0]) == ("python", "-m") and len(words) == 2
        call = import_module(words[1]).main
        monkeypatch.setattr("sys.argv", [words[1], "--help"])
        words = None
    with pytest.raises(SystemExit, match=expected):
        call(words) if words else call()
    out, err = capfd.readouterr()
    assert "no such run folder: RUN" in err if expected == "2" else out and not err


def test_the_text_shows_the_pictures_and_commands_that_are_made():
    shown = re.findall(r"!\[.+\]\((.+)\)", README.read_text())
    assert sorted(shown) == sorted(PICTURES)
    assert {study.command for study in lessons.STUDIES} <= set(COMMANDS)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_the_lessons_are_small(name):
    assert size_of_picture(lessons.HERE / name) < 200_000


def test_a_lesson_makes_its_pictures(capsys, monkeypatch):
    few = " --trainer.max_steps 2 --trainer.val_check_interval 1"
    studies = [s._replace(command=s.command + few) for s in lessons.STUDIES if "arma" in s.command]
    monkeypatch.setattr(lessons, "STUDIES", [*studies[:1], lessons.STUDIES[0]])
    lessons.main(["--only", "forecast", "--out", "pictures"])
    assert [path.name for path in Path().rglob("*")] == ["pictures", "forecast.png"]
    assert size_of_picture("pictures/forecast.png") > 1000
    command, made = capsys.readouterr().out.splitlines()
    assert command.startswith("seqlearn fit --task arma") and made.startswith("    forecast.png in")


def test_what_takes_minutes_is_made_on_demand_only(capsys, monkeypatch):
    made = []
    monkeypatch.setattr(lessons, "make", lambda study, out: made.append(study.command))
    slow = "python -m experiments.vanishing_gradients"
    lessons.main(["--only", "memory"])
    assert len(made) == 2 and slow not in made and "--all" in capsys.readouterr().out
    lessons.main(["--only", "memory", "--all"])
    assert len(made) == 5 and slow in made


@pytest.mark.slow
def test_all_pictures_of_the_lessons_are_made():
    lessons.main(["--all", "--out", "."])
    assert sorted(path.name for path in Path().glob("*")) == sorted(PICTURES)
    assert all(size_of_picture(name) < 200_000 for name in PICTURES)


def test_vanishing_gradients_are_drawn(capsys, monkeypatch):
    monkeypatch.setattr(vanishing_gradients, "LAGS", 30)
    options = ["--delays", "2", "5", "--budget", "40", "--seeds", "1", "--out", "small.png"]
    vanishing_gradients.main(options)
    out = capsys.readouterr().out
    assert out.count("accuracy") == 7 and "written: small.png" in out
    assert size_of_picture("small.png") < 200_000


def test_gradients_vanish_without_gates_and_explode_with_large_weights():
    plain = vanishing_gradients.curve("rnn", {}, seeds=1)
    kept = vanishing_gradients.curve("lstm", {"forget_bias": 4.0}, seeds=1)
    blown = vanishing_gradients.curve("rnn", {"gain": 6.0}, seeds=1)
    assert plain[-1] < 1e-15 * plain[0] and kept[-1] > 0.1 * kept[0]
    assert blown[-1] > 1e8 * blown[0]


@pytest.mark.slow
def test_clipping_makes_a_network_of_large_weights_learn():
    def accuracy(**settings):
        sgd = vanishing_gradients.sgd
        return vanishing_gradients.train(30, "rnn", {"gain": 2.5}, sgd, max_steps=500, **settings)[
            0
        ]

    assert accuracy() < 0.7
    assert accuracy(gradient_clip_val=1.0) > 0.95
    assert accuracy(gradient_clip_val=0.1, gradient_clip_algorithm="value") > 0.95
