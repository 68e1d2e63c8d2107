"""Bad input, as a user types it: one line, exit code 2, nothing left behind."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from seqlearn import checkpoints
from seqlearn.modules import ManyToMany


class Case(NamedTuple):
    """What a user types, what must be said of it, the verb, and the environment."""

    arguments: str
    message: str
    verb: str = "fit"
    environment: str = ""


def add(flags: str, message: str, *others: str) -> Case:
    """Ask for something of binary addition."""
    return Case(f"--task binary_add {flags}", message, *others)


TORCHRUN = "RANK=0 LOCAL_RANK=0 WORLD_SIZE=2 TORCHELASTIC_RUN_ID=1"
TWO = "--trainer.devices 2 --trainer.strategy ddp --trainer.accelerator cpu"

EARLY = {
    "no verb": Case(
        "", "argument VERB: must be one of fit, validate, test, predict, sample", "fitt"
    ),
    "no task": Case("", "argument --task: required, one of adding, alphabet, anbn, "),
    "unknown task": Case("--task binary_ad", "got 'binary_ad'; did you mean 'binary_add'?"),
    "task without a word": Case("--task", "argument --task: expected one argument"),
    "task that is no word": Case("-c number.yaml", "argument --task: must be one of adding, "),
    "task and network": add("--model ManyToOne", "argument --model: the task brings its own, bin"),
    "task and data": add("--data Football", "argument --data: the task brings its own, binary_add"),
    # numbers
    "units below zero": add(
        "--model.hidden_size -4", "--model.hidden_size: must be at least 1, got"
    ),
    "no units": add("--model.hidden_size 0", "--model.hidden_size: must be at least 1, got 0"),
    "units in words": add("--model.hidden_size abc", "hidden_size: must be an integer, got 'abc'"),
    "units as a power": add(
        "--model.hidden_size 1e3", "hidden_size: must be an integer, got 1000.0"
    ),
    "no layers": add("--model.num_layers=0", "--model.num_layers: must be at least 1, got 0"),
    "no batch": add("--data.batch_size 0", "--data.batch_size: must be at least 1, got 0"),
    "batch below zero": add(
        "--data.batch_size -1", "--data.batch_size: must be at least 1, got -1"
    ),
    "half a batch": add("--data.batch_size 2.5", "--data.batch_size: must be an integer, got 2.5"),
    "huge batch": add(
        "--data.batch_size 1000000000", "--data.batch_size: must be at most 1000000,"
    ),
    "nothing to train on": add("--data.train_limit 0", "--data.train_limit: must be at least 1"),
    "huge split": add(
        "--data.val_size 1000000000", "--data.val_size: must be at most 10000000, got"
    ),
    "rate below zero": add(
        "--optimizer.lr -1", "argument --optimizer.lr: must be at least 0, got -1"
    ),
    "rate that is none": add(
        "--optimizer.lr nan", "argument --optimizer.lr: must be finite, got nan"
    ),
    "endless rate": add("--optimizer.lr inf", "argument --optimizer.lr: must be finite, got inf"),
    "endless rate, in YAML": add("--optimizer.init_args.lr .inf", "--optimizer.lr: must be finite"),
    "rate in words": add(
        "--optimizer.lr abc", "argument --optimizer.lr: must be a number, got 'abc'"
    ),
    "endless gain": add(
        "--model.cell_args.gain .nan", "--model.cell_args.gain: must be finite, got"
    ),
    "endless wave": Case("--task waveform --data.rate inf", "argument --data.rate: must be finite"),
    "seed below zero": add("--seed_everything -1", "--seed_everything: must be at least 0, got -1"),
    "seed too great": add(
        "--seed_everything 4294967296", "must be at most 4294967295, got 42949672"
    ),
    "seed that is none": add(
        "--seed_everything true", "--seed_everything: must be an integer, got T"
    ),
    "seed in words": add(
        "--seed_everything abc", "--seed_everything: must be an integer, got 'abc'"
    ),
    "no seed": add("--seed_everything null", "--seed_everything: must be an integer, got None"),
    "no steps": add(
        "--trainer.max_steps 0", "--trainer.max_steps: must be at least 1, or -1, got 0"
    ),
    "steps below zero": add("--trainer.max_steps -5", "must be at least 1, or -1, got -5"),
    "absurd steps": add(
        "--trainer.max_steps 1000000000000", "must be at most 1000000000, or -1, got"
    ),
    "no epochs": add("--trainer.max_epochs 0", "max_epochs: must be at least 1, or -1, got 0"),
    "no batches": add("--trainer.limit_train_batches 0", "limit_train_batches: must be at least 1"),
    "share below zero": add(
        "--trainer.limit_val_batches -0.5", "limit_val_batches: must be above 0"
    ),
    "log below zero": add(
        "--trainer.log_every_n_steps -1", "log_every_n_steps: must be at least 0"
    ),
    "validation never": add(
        "--trainer.val_check_interval 0", "val_check_interval: must be at least 1"
    ),
    "no accumulation": add("--trainer.accumulate_grad_batches 0", "must be at least 1, got 0"),
    "clipping below zero": add(
        "--trainer.gradient_clip_val -1", "clip_val: must be above 0, got -1"
    ),
    "clipping to nothing": add("--trainer.gradient_clip_val 0", "clip_val: must be above 0, got 0"),
    "clipping to none": add("--trainer.gradient_clip_val nan", "clip_val: must be finite, got nan"),
    "no devices": add("--trainer.devices 0", "argument --trainer.devices: must be at least 1"),
    "devices below zero": add(
        "--trainer.devices -2", "--trainer.devices: must be at least 1, or -1"
    ),
    "step of no size": add("--lr_scheduler StepLR --lr_scheduler.step_size 0", "at least 1, got 0"),
    "saved never": add("--save_every 0", "argument --save_every: must be at least 1, got 0"),
    # what Lightning would do otherwise, or badly
    "overfitting": add("--trainer.overfit_batches 3", "drawn anew; use --data.train_limit, "),
    "bare Trainer": add(
        "--trainer.barebones true", "argument --trainer.barebones: leaves out what"
    ),
    "copied processes": add("--trainer.strategy ddp_spawn", "of a run; use ddp, got 'ddp_spawn'"),
    "forked processes": add("--trainer.strategy ddp_fork", "of a run; use ddp, got 'ddp_fork'"),
    "more devices than cores": add(
        "--trainer.accelerator cpu --trainer.devices 99",
        f"argument --trainer.devices: this machine has {os.cpu_count()} CPU cores, got 99",
    ),
    "machines without a launcher": add("--trainer.num_nodes 2", "num_nodes: several machines need"),
    # the environment
    "rank left over": add("", "variable RANK: a launcher that sets it", "fit", "RANK=1"),
    "local rank left over": add("", "variable LOCAL_RANK: a launch", "fit", "LOCAL_RANK=1"),
    "first rank left over": add(TWO, "environment variable LOCAL_RANK", "fit", "LOCAL_RANK=0"),
    "rank that is none": add("", "WORLD_SIZE: must be an integer", "fit", "WORLD_SIZE=two"),
    "launcher, one device": add(
        "", "started 2 processes, but --trainer.devices 1", "fit", TORCHRUN
    ),
    "too many machines": add(f"{TWO} --trainer.num_nodes 2", "make 4; unset it", "fit", TORCHRUN),
    # files
    "no such config": add("-c no.yaml", "argument --config: cannot read no.yaml"),
    "config is not YAML": add("-c broken.yaml", "argument --config: broken.yaml is not YAML"),
    "config is a list": add("-c list.yaml", "list.yaml must hold a mapping, got [1, 2]"),
    "config is empty": add("-c file", "argument --config: file must hold a mapping, got None"),
    "config is not text": add("-c bytes.yaml", "argument --config: cannot read bytes.yaml"),
    "config is a folder": add("-c torn", "argument --config: cannot read torn"),
    "config of lists": add("-c lists.yaml", "trainer in lists.yaml must be a mapping, got [1]"),
    "config of nothing": add("-c null.yaml", "data in null.yaml must be a mapping, got None"),
    "config of numbers": add("-c keys.yaml", "keys in keys.yaml must be words, got 1"),
    "config with two bits": add("-c twice.yaml", "twice.yaml has the key 'bits' more than once"),
    "config of no steps": add("-c steps.yaml", "argument --trainer.max_steps: must be at least 1"),
    "config that resumes": add(
        "-c resume.yaml", "resume.yaml cannot hold resume: give --resume run"
    ),
    "config of itself": Case("-c itself.yaml", "itself.yaml cannot hold config: give --config its"),
    "machines of null": add("--trainer.num_nodes null", "num_nodes: must be an integer, got None"),
    "config of another task": add(
        "-c football.yaml", "is for the task 'football', not 'binary_add'"
    ),
    "no such run": Case("--resume nowhere", "argument --resume: no such run folder: nowhere"),
    "run without checkpoint": Case("--resume empty", "empty has no checkpoints/last.ckpt"),
    "run against the task": Case(
        "--task football --resume other", "other/config.yaml is for the task 'binary_add'"
    ),
    "no such checkpoint": add("--ckpt_path no.ckpt", "argument --ckpt_path: no such file: no.ckpt"),
    "checkpoint folder": add("--ckpt_path torn", "argument --ckpt_path: no such file: torn"),
    "empty path": add("--ckpt_path ''", "argument --ckpt_path: no such file"),
    # other verbs
    "test of nothing": add("", "argument --run: required, a run", "test"),
    "validation of nothing": add("", "argument --run: required, a run", "validate"),
    "prediction of nothing": add("", "argument --run: required, a run", "predict"),
    "test of a run": Case("--resume other", "argument --resume: only fit goes on with a", "test"),
    "test of no batch": add("--ckpt_path text.ckpt --data.batch_size 0", "at least 1", "test"),
    "no run to sample": Case("", "the following arguments are required: RUN", "sample"),
    "no such run to sample": Case("nowhere", "RUN: no such run folder: nowhere", "sample"),
    "text below zero": Case("chars.ckpt --length -1", "--length: must be at least 0", "sample"),
    "text in words": Case("chars.ckpt --length many", "--length: must be an integer", "sample"),
    "text of no heat": Case("chars.ckpt --temperature nan", "must be finite, got nan", "sample"),
    "text of none": Case("chars.ckpt --top_k 0", "--top_k: must be at least 1, got 0", "sample"),
    "misspelt at sampling": Case("chars.ckpt --lenght 3", "arguments: --lenght 3", "sample"),
}
"""Cases that are refused before torch is imported."""

LATE = {
    # names
    "misspelt flag": add("--model.hiden_size 3", "did you mean '--model.hidden_size'?"),
    "abbreviated flag": add("--trainer.max_step 3", "did you mean '--trainer.max_steps'?"),
    "flag of another network": Case(
        "--task football --model.stateful true",
        "argument --model.stateful: there is no such argument; it is one of ManyToMany",
    ),
    "flag of two others": Case(
        "--task football --model.teacher_forcing 1", "it is one of OneToMany, EncoderDecoder"
    ),
    "flag of another task": Case("--task football --data.bits 3", "it is one of BinaryAdd"),
    "stray word": add("stray", "argument stray: there is no such argument"),
    "config misspelt": add("-c misspelt.yaml", "--config: model.cel in misspelt.yaml: there is no"),
    "config of the wrong kind": add(
        "-c kind.yaml", "data.bits in kind.yaml: must be an integer, got"
    ),
    "path forgotten": Case("--task char_lm --data.path", "--data.path: expected one argument"),
    # kinds
    "batch of nothing": add("--data.batch_size null", "batch_size: must be an integer, got null"),
    "lengths in words": add("--data.test_lengths abc", "test_lengths: must be a list or null, got"),
    "one length": add("--data.test_lengths 8", "test_lengths: must be a list or null, got 8"),
    "half a length": add(
        "--data.test_lengths [8.5]", "test_lengths: must be an integer or null, got"
    ),
    "cell of a word": add(
        "--model.cell_args abc", "cell_args: must be a mapping or null, got 'abc'"
    ),
    "unknown reduction": add("--model.reduction max", "must be one of mean, sum, got 'max'"),
    "unknown precision": add(
        "--trainer.precision 12", "--trainer.precision: must be one of 64, 32"
    ),
    "unknown optimizer": add(
        "--optimizer Foo", "argument --optimizer: must be the name or path of"
    ),
    "optimizer that is none": add(
        "--optimizer torch.nn.GRU", "a subclass of Optimizer, got torch.nn"
    ),
    "unknown scheduler": add("--lr_scheduler Foo", "argument --lr_scheduler: must be the name or"),
    "unknown callback": add(
        "--trainer.callbacks+ Foo", "argument --trainer.callbacks: must be the"
    ),
    "callback unfinished": add("--trainer.callbacks+ EarlyStopping", "callbacks.monitor: required"),
    "callback misused": add(
        "--trainer.callbacks+ EarlyStopping --trainer.callbacks.monitor val/loss "
        "--trainer.callbacks.mode up",
        "`mode` can be min, max, got up",
    ),
    "callback of objects": add("--trainer.callbacks+ Timer", "arguments must be plain values"),
    "unknown option": add("--optimizer.speed 3", "--optimizer.speed: there is no such argument"),
    "no network": Case("--data BinaryAdd", "argument --model: required"),
    "no such data": Case(
        "--data own.Task --model ManyToMany", "--data: Problem with given class_pa"
    ),
    # tasks
    "no bits": add("--data.bits 0", "`bits` must be at least 1, got 0"),
    "too few bits": add("--data.bits 1", "`bits`: BinaryAdd has no test examples of length 1"),
    "too many bits": add("--data.bits 100000000", "`bits` must be at most 1000000, got 100000000"),
    "no lengths": add("--data.test_lengths []", "`test_lengths` must name at least one length"),
    "length 0": add("--data.test_lengths '[8, 0]'", "`test_lengths` must be at least 1, got 0"),
    "absurd length": add(
        "--data.test_lengths [1000000000]", "`test_lengths` must be at most 1000000"
    ),
    "length beyond memory": add(
        "--data.test_lengths [1000000] --data.batch_size 100000",
        "`batch_size` 100000: to draw 1000",
    ),
    "batch beyond memory": add(
        "--data.batch_size 1000000 --model.hidden_size 4096", "`hidden_size` 4096 would take about"
    ),
    "units beyond memory": add(
        "--model.hidden_size 1000000", "`hidden_size` 1000000 would take about"
    ),
    "validation without end": add(
        "--data.val_size null", "`val_size` must be an integer, as Binary"
    ),
    "length of another task": Case(
        "--task football --data.test_lengths [5]", "`test_lengths` must be at most 3, got 5"
    ),
    "endless countdown": Case(
        "--task countdown --data.start 100000000", "`start` must be at most 1000"
    ),
    "endless numbers": Case(
        "--task next_number --data.limit 1000000000", "`limit` must be at most 1"
    ),
    "endless window": Case(
        "--task next_number --data.window 1001", "`window` must be at most 1000"
    ),
    "length beyond the text": Case(
        "--task char_lm --data.path text.txt --data.steps 4 --data.test_lengths '[4, 100]'",
        "`test_lengths` must be at most 13, the held-out text, got 100",
    ),
    "no such text": Case(
        "--task char_lm --data.path no.txt", "`path` must be a file that can be read"
    ),
    "text that is a folder": Case(
        "--task char_lm --data.path torn", "`path` must be a file that can"
    ),
    "empty text": Case(
        "--task char_lm --data.path file", "`path` must have at least one character"
    ),
    "short text": Case(
        "--task char_lm --data.path text.txt", "text.txt' must be at least 650 char"
    ),
    "text that is none": Case(
        "--task char_lm --data.path bytes.yaml", "`path` must be text in UTF-8"
    ),
    "own task without a step": Case(
        "--data own_echo.Echo --model ManyToOne --data.delay 0",
        "`length` must be at least 1, got 0",
    ),
    # networks
    "unknown cell": add("--model.cell gruu", "`cell` must be one of rnn, lstm, gru, window, min"),
    "cell that is none": add(
        "--model.cell no_cell.make", "`cell` 'no_cell.make' must make a torch.nn.Module, but made 5"
    ),
    "cell of two layers": add(
        "--model.cell_args '{\"num_layers\": 3}'", "leave `num_layers` to the"
    ),
    "dropout of one layer": add("--model.dropout 0.5", "`num_layers` must be at least 2, got 1"),
    "too much forcing": Case(
        "--task waveform --model.teacher_forcing 2", "`teacher_forcing` must be"
    ),
    "network of another mapping": Case(
        "--data BinaryAdd --model ManyToOne", "BinaryAdd is many-to-many: use ManyToMany, not Many"
    ),
    # optimizers
    "momentum missing": add(
        "--optimizer SGD --optimizer.lr 0.1 --optimizer.nesterov true",
        "argument --optimizer: Nesterov momentum requires a momentum",
    ),
    "odd betas": add("--optimizer.betas [2,3]", "argument --optimizer: Invalid beta parameter"),
    "sparse optimizer": add(
        "--optimizer SparseAdam", "--optimizer: SparseAdam does not support dense"
    ),
    "step size missing": add(
        "--lr_scheduler StepLR", "argument --lr_scheduler.step_size: required"
    ),
    "schedule without a count": add(
        "--lr_scheduler OneCycleLR --lr_scheduler.max_lr 1",
        "argument --lr_scheduler: You must define",
    ),
    "schedule too short": add(
        "--lr_scheduler OneCycleLR --lr_scheduler.max_lr 1 --lr_scheduler.total_steps 10",
        "argument --lr_scheduler.total_steps: must be at least the steps of the run, 300, got 10",
    ),
    "plateau of nothing": add(
        "--lr_scheduler ReduceLROnPlateau --lr_scheduler.monitor val/nothing",
        "ReduceLROnPlateau needs a `monitor` of train/loss, val/loss, val/accuracy, val/exact",
    ),
    "plateau never seen": add(
        "--lr_scheduler ReduceLROnPlateau --lr_scheduler.monitor val/loss "
        "--trainer.limit_val_batches 0",
        "needs a `monitor` of train/loss, got 'val/loss'",
    ),
    # the Trainer
    "stop at nothing": add(
        "--trainer.callbacks+ EarlyStopping --trainer.callbacks.monitor val/mse_ratio",
        "--trainer.callbacks: EarlyStopping needs a `monitor` of train/loss, val/loss",
    ),
    "finder of rates": add(
        "--trainer.callbacks+ LearningRateFinder", "try values of --optimizer.lr"
    ),
    "finder of batches": add("--trainer.callbacks+ BatchSizeFinder", "values of --data.batch_size"),
    "share of training that is none": add(
        "--trainer.limit_train_batches 0.001",
        "must be at least 0.0033, one of 300 batches, got 0.001",
    ),
    "share of validation that is none": add(
        "--trainer.limit_val_batches 0.0001", "must be at least 0.25, one of 4 batches, got 0.0001"
    ),
    "validation after the epoch": add(
        "--trainer.max_epochs 2 --data.train_size 640 --trainer.check_val_every_n_epoch 1",
        "--trainer.val_check_interval: with --trainer.check_val_every_n_epoch it must be at",
    ),
    "validation within a step": add(
        "--trainer.val_check_interval 0.5", "--trainer.val_check_interval"
    ),
    "unknown time": add("--trainer.max_time long", "argument --trainer.max_time: `Timer(duration="),
    "unknown strategy": add(
        "--trainer.strategy dp", "--trainer.strategy: must be auto, ddp or the"
    ),
    "unknown accelerator": add(
        "--trainer.accelerator abacus", "--trainer.accelerator: must be one of"
    ),
    "accelerator that is not there": add(
        "--trainer.accelerator tpu", "accelerator: must be one of"
    ),
    "devices in words": add("--trainer.devices all", "argument --trainer.devices: "),
    "more devices than anyone has": add("--trainer.devices 9999", "this machine has "),
    "unknown clipping": add(
        "--trainer.gradient_clip_algorithm cut", "--trainer.gradient_clip_algo"
    ),
    "unknown profiler": add("--trainer.profiler slow", "argument --trainer.profiler: "),
    "launcher, any device": add("--trainer.devices auto", "a launcher started 2", "fit", TORCHRUN),
    "folder that cannot be made": add(
        "--trainer.default_root_dir file/runs", "--trainer.default_root_dir: cannot write a run"
    ),
    "folder of the system": add(
        "--trainer.default_root_dir /proc/runs", "--trainer.default_root_dir: cannot write a run"
    ),
    # checkpoints
    "checkpoint of another shape": add(
        "--ckpt_path shape.ckpt", "--ckpt_path: shape.ckpt: Error(s) in loading state_dict"
    ),
    "weights that are none": add("--ckpt_path odd.ckpt", "odd.ckpt is not a readable checkpoint"),
    "torn checkpoint": add("--ckpt_path short.ckpt", "short.ckpt is not a readable checkpoint"),
    "empty checkpoint": add("--ckpt_path file", "file is not a readable checkpoint"),
    "text for weights": add("--ckpt_path text.ckpt", "text.ckpt is not a readable checkpoint"),
    "bare weights": add("--ckpt_path bare.ckpt", "bare.ckpt is not a readable checkpoint"),
    "checkpoint of another task": add(
        "--ckpt_path football.ckpt", "was made for the task 'football'"
    ),
    "torn run": Case("--resume torn", "torn/checkpoints/last.ckpt is not a readable checkpoint"),
    "run of another task": Case(
        "--resume other", "was made for the task 'football', not 'binary_a"
    ),
    "test of text": add("--ckpt_path text.ckpt", "is not a readable checkpoint", "test"),
    "validation of another task": add("--ckpt_path football.ckpt", "was made for the", "validate"),
    "prediction of no cell": add(
        "--ckpt_path chars.ckpt --model.cell gruu", "rnn in the checkpoint, got gruu", "predict"
    ),
    "text from text": Case("text.ckpt", "RUN: text.ckpt is not a readable checkpoint", "sample"),
    "text from a sum": Case("shape.ckpt", "is no network that predicts the next", "sample"),
    "text of an empty run": Case("empty", "RUN: empty has no checkpoints/best.ckpt", "sample"),
    "text from nothing": Case(
        "chars.ckpt --prompt ''", "`prompt` must have at least one", "sample"
    ),
    "text unknown": Case("chars.ckpt --prompt a€", "`prompt` has '€', which the network", "sample"),
}
"""Cases that only the classes, or files that hold weights, show to be wrong."""

CASES = EARLY | LATE

TEXTS = {
    "broken.yaml": "model: [1, 2",
    "list.yaml": "- 1\n- 2\n",
    "lists.yaml": "trainer: [1]\n",
    "null.yaml": "data:\n",
    "number.yaml": "task: 3\n",
    "keys.yaml": "1: 2\n",
    "twice.yaml": "data:\n  bits: 3\n  bits: 4\n",
    "steps.yaml": "trainer:\n  max_steps: 0\n",
    "resume.yaml": "resume: runs\n",
    "itself.yaml": "task: binary_add\nconfig: itself.yaml\n",
    "misspelt.yaml": "model:\n  cel: rnn\n",
    "kind.yaml": "data:\n  bits: many\n",
    "football.yaml": "task: football\nmodel:\n  cell: rnn\n",
    "text.ckpt": "these are not weights",
    "text.txt": "to be or not to be, that is the question. " * 3,
    "no_cell.py": "def make(*sizes, **arguments):\n    return 5\n",
    "file": "",
}
README = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
ECHO = next(code for code in README.split("```python")[1:] if "class Echo" in code).split("```")[0]
"""The task of the README."""


def write(folder: Path) -> None:
    """Put the bad files where the cases look for them."""
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    (folder / "own_echo.py").write_text(ECHO)
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    checkpoint = {"state_dict": {}, "pytorch-lightning_version": "2.6.6"}
    checkpoints.write(checkpoint | {"seqlearn": {"task": "football"}}, folder / "football.ckpt")
    whole = (folder / "football.ckpt").read_bytes()
    (folder / "short.ckpt").write_bytes(whole[: len(whole) // 2])
    weights = {"cell.weight_ih_l0": torch.zeros(16, 2), "head.weight": torch.zeros(1, 99)}
    torch.save(checkpoint | {"state_dict": weights}, folder / "shape.ckpt")
    torch.save(weights, folder / "bare.ckpt")
    torch.save(checkpoint | {"state_dict": 5}, folder / "odd.ckpt")
    chars = ManyToMany(3, 3, "language", vocabulary="abc", hidden_size=2, stateful=False)
    content = {"state_dict": chars.state_dict(), "hyper_parameters": dict(chars.hparams)}
    torch.save(checkpoint | content, folder / "chars.ckpt")
    for name, checkpoint in [("other", "football.ckpt"), ("torn", "short.ckpt"), ("empty", "")]:
        (folder / name / "checkpoints").mkdir(parents=True)
        (folder / name / "config.yaml").write_text("task: binary_add\n")
        if checkpoint:
            shutil.copy(folder / checkpoint, folder / name / "checkpoints" / "last.ckpt")


TYPED = """
import json, os, sys
from seqlearn import cli, launch


def typed(folder, words, environment):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.chdir(folder)
    os.environ.update(environment)
    launch.rank.cache_clear()
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{folder}.{name}", os.O_CREAT | os.O_WRONLY), number)
    try:
        cli.main(words)
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    if "torch" in sys.modules and early:
        code = 99
    os._exit(code)  # to end in order takes a second, for all that was imported


early = "early" in sys.argv
sys.path.insert(0, "")
if not early:
    import seqlearn.command, wandb
    try:  # what is found out once is known to all that are forked off
        cli.main("fit --task binary_add --data.bits 0".split())
    except SystemExit:
        pass
for line in sys.stdin:
    print(typed(*json.loads(line)), flush=True)
"""
"""Type commands into a process that has its imports, which forks off a process for each."""


class Outcome(NamedTuple):
    """What came of a command: the exit code, the output, the errors, and the files it left."""

    code: int
    out: str
    err: str
    left: list[Path]


class Terminal:
    """Type commands, each into a folder of its own that holds the bad files.

    Args:
        folder: Where to put the folders.
        early: Without torch: a command that imports it ends with code 99.
    """

    def __init__(self, folder, early=False):
        self.folder, self.count = folder, 0
        words = [sys.executable, "-c", TYPED, *(["early"] if early else [])]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        )
        write(folder / "bad")

    def type(self, words, environment=None, files=None):
        """Type a command, beside files of these names and contents."""
        self.count += 1
        folder = self.folder / str(self.count)
        shutil.copytree(self.folder / "bad", folder)
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        before = {*folder.rglob("*")}
        asked = json.dumps([str(folder), words, environment or {}])
        print(asked, file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        out, err = (Path(f"{folder}.{end}").read_text() for end in ("out", "err"))
        left = [path for path in {*folder.rglob("*")} - before if "__pycache__" not in str(path)]
        return Outcome(code, out, err, left)

    def close(self):
        with self.process:
            self.process.stdin.close()


@pytest.fixture(scope="module")
def terminals(tmp_path_factory):
    """One for what is refused before torch is imported, and two for the rest."""
    opened = [Terminal(tmp_path_factory.mktemp("typed"), early) for early in (True, False, False)]
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture
def terminal(terminals):
    """One that has imported torch."""
    return terminals[1]


@pytest.fixture(scope="module")
def outcomes(terminals):
    """What each case comes to."""
    early, *late = terminals
    parts = [(early, [*EARLY]), (late[0], [*LATE][::2]), (late[1], [*LATE][1::2])]

    def run(part):
        return {name: part[0].type(*of(CASES[name])) for name in part[1]}

    with ThreadPoolExecutor(len(parts)) as pool:
        return {name: done for part in pool.map(run, parts) for name, done in part.items()}


def of(case):
    """Give the words of a case and its environment."""
    return [case.verb, *shlex.split(case.arguments)], dict(
        pair.split("=") for pair in case.environment.split()
    )


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(outcomes, name):
    case, outcome = CASES[name], outcomes[name]
    assert outcome.code == 2, outcome.err
    (line,) = outcome.err.splitlines()
    verb = "VERB" if case.verb == "fitt" else case.verb
    assert line.startswith(f"seqlearn {verb}: error: ") and len(line) < 340
    assert case.message in line
    assert not outcome.out
    assert not outcome.left


@pytest.mark.parametrize(
    ("words", "message"), [("", "--task: required"), ("--task binary_add --data.bits 0", "`bits`")]
)
def test_a_process_of_its_own_says_the_same(words, message):
    command = [sys.executable, "-m", "seqlearn.fit", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and message in done.stderr


@pytest.mark.parametrize("rank", [0, 1])
def test_of_several_processes_one_says_it(terminal, rank):
    words = f"fit --task binary_add --data.bits 0 {TWO}".split()
    environment = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    code, out, err, left = terminal.type(words, environment)
    assert code == 2 and not out and not left
    assert len(err.splitlines()) == 1 - rank


BUGS = {
    "a task that draws too far": (
        "symbols[:, 0]",
        "symbols[:, 7]",
        "IndexError: index 7 is out of",
    ),
    "a task of the wrong shape": ("symbols, symbols[:, 0]", "symbols, 1 + None", "TypeError: "),
    "an error of one's own": ("symbols = ", "raise ValueError('broken'); symbols = ", "broken"),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_in_ones_own_task_shows_where_it_is(terminal, name):
    right, wrong, said = BUGS[name]
    words = "fit --data own_bug.Echo --model ManyToOne --trainer.max_steps 1".split()
    files = {"own_bug.py": ECHO.replace(right, wrong, 1)}
    code, _, err, left = terminal.type(words, files=files)
    assert code == 1 and not left
    assert "Traceback" in err and 'own_bug.py", line' in err and said in err.splitlines()[-1]


CELL = """
import torch
class Cell(torch.nn.GRU):
    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0, speed=1):
        if speed < 0:
            raise ValueError(f"`speed` must be at least 0, got {speed}")
        super().__init__(input_size, hidden_size, batch_first=True)
        self.twice = speed + SPEED
"""


@pytest.mark.parametrize(
    ("speed", "flags", "expected", "said"),
    [
        ("None", "", 1, "TypeError: unsupported operand type(s) for +: 'int' and 'NoneType'"),
        ("1", "--model.cell_args.speed -1", 2, "error: `speed` must be at least 0, got -1"),
        ("1", "--model.cell_args.sped 1", 2, "got an unexpected keyword argument 'sped'."),
    ],
)
def test_an_error_of_ones_own_cell_is_told_apart_from_a_bug(terminal, speed, flags, expected, said):
    words = f"fit --task binary_add --model.cell own_cell.Cell {flags}".split()
    files = {"own_cell.py": CELL.replace("SPEED", speed)}
    code, _, err, left = terminal.type(words, files=files)
    assert code == expected and not left
    assert said in err.splitlines()[-1]
    assert (len(err.splitlines()) == 1) == (expected == 2)


def test_a_configuration_may_begin_with_a_byte_order_mark(terminal):
    files = {"mark.yaml": "\ufefftask: binary_add\n"}
    code, out, err, _ = terminal.type("fit -c mark.yaml --print_config".split(), files=files)
    assert code == 0 and not err
    assert "bits: 8" in out
