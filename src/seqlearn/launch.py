"""The processes that train together: what launchers say of them in the environment."""

import os
from functools import cache
from typing import Any

WORLDS = {"RANK": "WORLD_SIZE", "SLURM_PROCID": "SLURM_NTASKS", "LOCAL_RANK": "WORLD_SIZE"}
"""Where launchers tell a process its number, and where the number of all processes."""


@cache
def rank() -> int:
    """Tell which of the processes that train together this is; one that is alone is the first.

    A number without the number of all processes is a leftover, and says nothing. What is found
    first stays: Lightning clears the environment before a process has said its last word.
    """
    for name, world in WORLDS.items():
        if os.environ.get(name, "").isdigit() and world in os.environ:
            return int(os.environ[name])
    return 0


def launch_error(devices: int, nodes: int) -> str | None:
    """Say what does not fit between the environment and the processes asked for, or None.

    Args:
        devices: Processes on each machine.
        nodes: Machines.
    """
    told = {name: os.environ[name] for name in {*WORLDS, *WORLDS.values()} & os.environ.keys()}
    for name, value in sorted(told.items()):
        if not value.isdigit():
            return f"environment variable {name}: must be an integer of at least 0, got {value!r}"
    asked = f"--trainer.devices {devices} and --trainer.num_nodes {nodes}"
    if "WORLD_SIZE" in told and int(told["WORLD_SIZE"]) != devices * nodes:
        world = int(told["WORLD_SIZE"])
        return (
            f"environment variable WORLD_SIZE: a launcher started {world} processes, but {asked} "
            f"make {devices * nodes}; unset it, or give --trainer.strategy ddp and "
            f"--trainer.devices {-(-world // nodes)}"
        )
    for name, beside in WORLDS.items():
        alone = name in told and beside not in told
        if alone and (int(told[name]) or devices * nodes > 1):
            return (
                f"environment variable {name}: a launcher that sets it sets {beside} as well; "
                f"unset it, got {told[name]}"
            )
    if nodes > 1 and not {"WORLD_SIZE", "SLURM_NTASKS", "NODE_RANK", "MASTER_ADDR"} & {*os.environ}:
        return (
            "argument --trainer.num_nodes: several machines need a launcher on each of them, "
            f"such as torchrun, got {nodes}"
        )
    return None


def require_processes(devices: int, nodes: int) -> None:
    """Refuse what `launch_error` finds.

    Raises:
        ValueError: If it finds something.
    """
    if error := launch_error(devices, nodes):
        raise ValueError(error)


def overrun(devices: int) -> str | None:
    """Say that the processor has fewer cores than the processes asked for, or None.

    Lightning would start as many as asked for, whatever the machine has.
    """
    cores = os.cpu_count() or 1
    if devices <= cores:
        return None
    return f"argument --trainer.devices: this machine has {cores} CPU cores, got {devices}"


def processes(devices: Any) -> int | None:
    """Tell how many processes this value of the Trainer's ``devices`` asks for, if it says so."""
    if isinstance(devices, list):
        return len(devices)
    if isinstance(devices, str) and "," in devices:
        return len([name for name in devices.split(",") if name.strip()])
    return int(devices) if str(devices).isdigit() else None
