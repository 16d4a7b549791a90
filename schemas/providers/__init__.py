"""The dialects we speak: one file each, found by itself."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from schemas.capabilities import Model
from schemas.upstream import Provider


def _load() -> dict[str, Provider]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return {module.PROVIDER.name: module.PROVIDER for module in modules}


PROVIDERS: Mapping[str, Provider] = MappingProxyType(_load())


def model_of(provider: str, name: str) -> Model | None:
    """A provider's model by its name."""
    known = PROVIDERS.get(provider)
    return next((model for model in known.models if model.name == name), None) if known else None
