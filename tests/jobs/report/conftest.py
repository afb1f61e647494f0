"""Fixtures of the report's tests."""

from collections.abc import Iterator

import pytest
import vl_convert


@pytest.fixture(scope="module")
def svg_only() -> Iterator[None]:
    """Draws no PNG, which takes half of the time of drawing; for tests of pages and SVG."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "svg_to_png", lambda svg, scale: b"\x89PNG")
        yield
