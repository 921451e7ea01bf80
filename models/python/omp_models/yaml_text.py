"""YAML as people expect it: `1e-4` is a number, and a key that stands twice is an error."""

import re
from typing import Any

import yaml

from .errors import OmpModelsError


class _Loader(yaml.SafeLoader):
    """YAML 1.1 of PyYAML with the floats of YAML 1.2 and JSON."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"key {key!r} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse(text: str, name: str) -> dict[str, Any]:
    """The mapping that a YAML or JSON text holds. Raises CONFIG_INVALID with `name`, line and column."""
    try:
        values = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise OmpModelsError("CONFIG_INVALID", f"{name}: {error}") from error
    if not isinstance(values, dict):
        raise OmpModelsError("CONFIG_INVALID", f"{name} holds {type(values).__name__}; a mapping of keys is expected")
    return values


def lay_over(values: dict[str, Any], upper: dict[str, Any]) -> None:
    """Takes over what `upper` says: mappings key by key, anything else as a whole."""
    for key, value in upper.items():
        below = values.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            lay_over(below, value)
        else:
            values[key] = value


def change(values: dict[str, Any], text: str) -> None:
    """Sets one value, `text` is `KEY.KEY=VALUE` with VALUE in YAML; keys on the way are made.

    Raises CONFIG_INVALID when the text has another form or a key on the way holds no mapping.
    """
    path, separator, value = text.partition("=")
    keys = path.split(".")
    if not separator or not all(keys):
        raise OmpModelsError("CONFIG_INVALID", f"{text!r} changes nothing; KEY.KEY=VALUE is expected")
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise OmpModelsError("CONFIG_INVALID", f"{text!r}: {key} holds no keys")
    values[keys[-1]] = parse(f"value: {value}", repr(text))["value"]
