import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # toy networks: more threads only wait for each other
os.environ["WANDB_MODE"] = "disabled"  # tests that look at Weights & Biases say so themselves

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("seqlearn", deadline=None, derandomize=True)
settings.load_profile("seqlearn")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test where it can leave nothing behind."""
    monkeypatch.chdir(tmp_path)
