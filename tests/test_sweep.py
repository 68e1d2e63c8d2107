"""The sweep: what it tries is what the command takes, what it asks for is what a run logs."""

import re
from pathlib import Path

import pytest
import yaml
from experiments import goals

from seqlearn import cli
from seqlearn.objectives import OBJECTIVES
from seqlearn.settings import flat
from seqlearn.tasks import TASKS

SWEEP = yaml.safe_load((Path(goals.__file__).parent / "sweep.yaml").read_text())
PARAMETERS = SWEEP["parameters"]


def values(name: str) -> list:
    """What a parameter may be: all of its values, or the bounds between which they lie."""
    parameter = PARAMETERS[name]
    return parameter.get("values") or [parameter["min"], parameter["max"]]


def words(**tried) -> list[str]:
    """The command that an agent starts: every argument as one word."""
    known = {"env": [], "interpreter": [], "program": [SWEEP["program"]]}
    known["args"] = [f"--{name}={value}" for name, value in tried.items()]
    command = []
    for word in SWEEP["command"]:
        macro = re.fullmatch(r"\$\{(\w+)\}", word)
        command += known[macro[1]] if macro else [word]
    return command


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_value_is_accepted_and_is_what_the_run_gets(name, capsys):
    for value in values(name):
        python, module, *arguments = words(**{name: value})
        assert (python, module) == ("-m", "seqlearn.fit")
        with pytest.raises(SystemExit) as done:
            cli.main(["fit", *arguments, "--print_config"])
        out, err = capsys.readouterr()
        assert done.value.code == 0, err
        assert flat(yaml.safe_load(out))[name] == value


def test_a_name_that_is_none_would_be_found_out(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["fit", *words(**{"model.hiden_size": 8})[2:], "--print_config"])
    assert done.value.code == 2


def test_the_metric_is_one_that_a_run_logs_and_its_goal_the_right_one():
    task = SWEEP["command"][SWEEP["command"].index("--task") + 1]
    best = OBJECTIVES[TASKS[task].objective].goals
    stage, _, name = SWEEP["metric"]["name"].partition("/")
    assert stage == "val"
    assert f"{best[name]}imize" == SWEEP["metric"]["goal"]


def test_the_search_is_one_that_there_is():
    assert SWEEP["method"] in ("bayes", "random", "grid") and SWEEP["run_cap"] > 0
    bounded = [parameter for parameter in PARAMETERS.values() if "min" in parameter]
    assert bounded and all(0 < parameter["min"] < parameter["max"] for parameter in bounded)
