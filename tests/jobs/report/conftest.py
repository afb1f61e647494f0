"""Fixtures of the report's tests."""

from collections.abc import Iterator

import pytest
import vl_convert

from jobs.report import page


@pytest.fixture(scope="module")
def no_png() -> Iterator[None]:
    """Draws no PNG, which takes half of the time of drawing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "svg_to_png", lambda svg, scale: b"\x89PNG")
        yield


@pytest.fixture(scope="module")
def no_vega() -> Iterator[None]:
    """Puts no library into the page, which takes two seconds to make; for tests that open no browser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "vega_library", lambda: "")
        yield


@pytest.fixture(scope="module")
def tables_only(no_png: None, no_vega: None) -> None:
    """Both; for tests of a page's text and tables."""
