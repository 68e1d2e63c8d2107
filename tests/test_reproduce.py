"""The command that makes a run's configuration: typed again, it makes the same."""

import shlex

import pytest
import yaml

from seqlearn import cli, reproduce
from seqlearn.tasks import TASKS


def config(capsys, *arguments: str) -> dict[str, object]:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["fit", *arguments, "--print_config"])
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize("task", TASKS)
def test_the_defaults_of_a_task_need_no_flag(capsys, task):
    assert reproduce.command(config(capsys, "--task", task)) == f"seqlearn fit --task {task}"


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ("--task binary_add --data.bits 16 --seed_everything 3", 2),
        ("--task binary_add --data.test_lengths [8,64] --trainer.max_epochs 3", 2),
        ("--task binary_add --optimizer SGD --optimizer.lr 0.001 --optimizer.momentum 0.9", 3),
        ("--task binary_add --lr_scheduler StepLR --lr_scheduler.step_size 10", 2),
        ("--task char_lm --lr_scheduler null --data.path 'my \"file\".txt'", 2),
        ("--task first_symbol --model.cell rnn --model.cell_args null", 2),
        ("--task first_symbol --model.cell rnn --model.cell_args {}", 2),
        ("--task parity --trainer.max_steps 5000", 1),
        ("--task parity --trainer.max_steps 5000 --lr_scheduler.total_iters 3000", 2),
        ("--task random_walk --model.cell_args.nonlinearity tanh", 1),
        ("--task topic --optimizer.betas [0.5,0.9] --optimizer.weight_decay 1e-5", 2),
        ("--task topic --trainer.callbacks+ seqlearn.gradients.GradientFlow", 1),
        ("--task topic --trainer.gradient_clip_val null --trainer.precision bf16-mixed", 2),
    ],
)
def test_what_differs_from_the_preset_is_said_and_no_more(capsys, given, flags):
    wanted = config(capsys, *shlex.split(given))
    words = shlex.split(reproduce.command(wanted))
    assert len(words) == len(["seqlearn", "fit", "--task", "NAME"]) + 2 * flags
    assert config(capsys, *words[2:]) == wanted


def test_classes_of_ones_own_may_have_no_short_command():
    assert reproduce.command({"data": {"class_path": "mine.Echo"}, "task": None}) is None
    gone = {"task": "topic", "optimizer": {"class_path": "gone.Optimizer"}}
    assert reproduce.command(gone) is None
