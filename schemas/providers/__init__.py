"""The dialects we speak: one file each, found by itself."""

import hashlib
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from schemas.capabilities import Model
from schemas.upstream import Provider


def _load() -> dict[str, Provider]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return {module.PROVIDER.name: module.PROVIDER for module in modules}


def _digest(providers: Mapping[str, Provider]) -> str:
    facts = [model.model_dump_json() for name in sorted(providers) for model in providers[name].models]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


PROVIDERS: Mapping[str, Provider] = MappingProxyType(_load())

# Names the state of all tables: a task keeps by which of them it was checked.
CATALOGUE = _digest(PROVIDERS)


def model_of(provider: str, name: str) -> Model | None:
    """A provider's model by its name."""
    known = PROVIDERS.get(provider)
    return next((model for model in known.models if model.name == name), None) if known else None
