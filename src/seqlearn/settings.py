"""Settings by their dotted names, as far as they show without the whole parser."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml


class ConfigError(ValueError):
    """What is wrong with a configuration file."""


class Loader(yaml.SafeLoader):
    """A loader that refuses to hear two things of one key."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping; YAML itself would keep the last of equal keys."""
        keys = [key.value for key, _ in getattr(node, "value", ())]
        for key in keys:
            if keys.count(key) > 1:
                raise ConfigError(f"has the key {key!r} more than once")
        return super().construct_mapping(node, deep)


def read_config(path: str) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        ConfigError: If there is none, or it cannot be one.
    """
    try:
        config = yaml.load(Path(path).read_text("utf-8-sig"), Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path} {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{path} must hold a mapping, got {config!r:.60}")
    for key, value in config.items():
        if not isinstance(key, str):
            raise ConfigError(f"keys in {path} must be words, got {key!r}")
        if key in ("trainer", "model", "data") and isinstance(value, list | int | float | None):
            raise ConfigError(f"{key} in {path} must be a mapping, got {value}")
    for key in ("config", "resume"):
        if value := config.get(key):
            raise ConfigError(f"{path} cannot hold {key}: give --{key} {value}")
    return config


def settings(arguments: Sequence[str], configs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Name what is set, ``trainer.max_steps`` and the like: by files, then by the command line."""
    found: dict[str, Any] = {}
    for config in configs:
        found |= {name: plain(value) for name, value in flat(config).items()}
    for word, following in zip(arguments, [*arguments[1:], "--"], strict=False):  # or none
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and (equals or not following.startswith("--")):
            found[name.replace(".init_args", "")] = plain(value if equals else following)
    return found


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name every leaf of a configuration as its flag: ``data.bits``."""
    leaves: dict[str, Any] = {}
    for key, value in config.items():
        name = prefix if key == "init_args" else f"{prefix}.{key}".strip(".")
        leaves |= flat(value, name) if isinstance(value, Mapping) else {name: value}
    return leaves


def plain(value: Any) -> Any:
    """Read a word as YAML; unlike PyYAML, take ``1e3``, ``nan`` and ``inf`` for numbers."""
    if not isinstance(value, str):
        return value
    try:
        return float(value) if isinstance(read := yaml.safe_load(value), str) else read
    except (ValueError, yaml.YAMLError):
        return value


def as_list(value: Any) -> list[Any]:
    """Make a list of what may be one, several or none."""
    return value if isinstance(value, list) else [] if value is None else [value]
