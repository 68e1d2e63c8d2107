"""What a command imports, and when."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from seqlearn.command import run  # noqa: F401  # Lightning is there, as in a notebook
from seqlearn.imports import quick_imports

LOOK = """
import os, sys
from lightning.pytorch import Callback
class Look(Callback):
    def on_train_batch_end(self, *arguments):
        wanted_later = {"matplotlib", "scipy", "tensorboard", "torchvision", "wandb"}
        print(*wanted_later & {*sys.modules}, flush=True)
        os._exit(0)
"""


@pytest.mark.parametrize(
    ("flags", "used"),
    [(["--trainer.logger", "false"], ""), ([], "wandb")],
    ids=["no logger", "Weights & Biases"],
)
def test_what_is_not_used_is_not_imported_before_the_first_step(flags, used):
    Path("look.py").write_text(LOOK)
    flags = ["--task", "binary_add", "--trainer.callbacks+", "look.Look", *flags]
    command = [sys.executable, "-m", "seqlearn.fit", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == used


def test_what_is_imported_is_never_searched_for_garbage():
    code = (
        "import gc; from seqlearn.imports import quick_imports\n"
        "with quick_imports(): import yaml; print(gc.isenabled())\n"
        "print(gc.isenabled(), gc.get_freeze_count() > len(vars(yaml)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True", "True"], done.stderr


def test_what_was_there_before_is_searched_for_garbage_as_ever():
    frozen = gc.get_freeze_count()
    with pytest.raises(ImportError), quick_imports():
        raise ImportError
    assert gc.isenabled() and gc.get_freeze_count() == frozen
    gc.disable()  # as some do
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_second_command_keeps_nothing_from_the_search_for_garbage():
    code = (
        "import gc; from seqlearn.imports import keep_imports, quick_imports\n"
        "counts = []\n"
        "def note(): counts.append(gc.get_freeze_count())\n"
        "with quick_imports(): import yaml\n"
        "note(); one = [[] for _ in range(1000)]; keep_imports()\n"
        "note(); other = [[] for _ in range(1000)]; keep_imports()\n"
        "note(); print(counts[0] < counts[1] == counts[2])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True"], done.stderr
