"""Decoders of a test."""

from collections.abc import AsyncIterator

import pytest

from tasks_service.pictures.inspector import Inspector
from tests.gallery import Gallery, showing

MOST_PIXELS = 1_000_000


@pytest.fixture
async def inspector() -> AsyncIterator[Inspector]:
    opened = Inspector(MOST_PIXELS)
    yield opened
    await opened.close()


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    async with showing() as one:
        yield one
