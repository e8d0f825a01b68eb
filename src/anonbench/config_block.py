"""What every block of the configuration is made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from anonbench.registry import unknown_name


def _once(value: list[Any]) -> list[Any]:
    twice = sorted({v for v in value if value.count(v) > 1})
    if twice:
        raise ValueError(f"listed twice: {', '.join(map(str, twice))}")
    return value


Distinct = AfterValidator(_once)
"""Marks a list that must not repeat an item."""


class Block(BaseModel):
    """A block of the configuration: unknown keys are errors that name the nearest known key."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(str(unknown_name("key", str(key), cls.model_fields)))
        return data
