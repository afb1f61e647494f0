"""The study of mixtures: on made-up languages, and how its figures are told."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.mixture import Case, efficiency_error, lines_of, main, shown


def write(path: Path, language: str, first: int) -> None:
    draw = np.random.default_rng(first)
    known = ["".join(map(chr, draw.integers(first, first + 20, draw.integers(2, 8)))) for _ in range(3000)]
    lines = []
    for number in range(6_000):
        words = (known[i] for i in draw.zipf(1.3, 10) % len(known))
        lines.append(json.dumps({"id": str(number), "language": language, "text": " ".join(words) + "\nshared"}))
    path.write_text("\n".join(lines) + "\n")


def test_lines_that_languages_share_are_left_out(tmp_path: Path) -> None:
    for language, texts in {"a": ["x\ny", "x\nboth"], "b": ["z\nboth\n \n"]}.items():
        rows = [{"id": str(i), "language": language, "text": text} for i, text in enumerate(texts)]
        (tmp_path / f"{language}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert lines_of([str(tmp_path)]) == {"a": ["x", "y"], "b": ["z"]}


@pytest.mark.slow
def test_a_known_mixture_comes_out(tmp_path: Path) -> None:
    for language, first in (("latin", 0x61), ("greek", 0x3B1), ("cyrillic", 0x430)):
        write(tmp_path / f"{language}.jsonl", language, first)
    files = [str(tmp_path / f"{name}.jsonl") for name in ("latin", "greek", "cyrillic")]
    asked = (
        "languages",
        *files,
        "--categories",
        "3",
        "--seeds",
        "1",
        "--sample-bytes",
        "300000",
        "--vocab-size",
        "1000",
    )
    main([*asked, "--json", str(tmp_path / "out.json")])
    cases = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=list[Case], strict=False)
    assert [case.method for case in cases] == ["rank", "lp"]
    for case in cases:
        assert case.error < -4 < case.uniform + 2 and not case.warned
    assert cases[0].covered is not None and cases[0].covered >= 2 and cases[1].covered is None
    assert max(cases[0].by_merges) <= 1000
    assert all(0 < one <= 1.02 for one in cases[0].efficiency) and sum(cases[0].truth) == pytest.approx(1)
    table = shown((tmp_path / "out.json").read_bytes())
    assert "| 3 | lp | 300000 | gpt4 | 0.0 | 1 |" in table


def test_shares_are_read_off_efficiencies_by_other_cases() -> None:
    """share = efficiency^3, exactly."""
    cases = []
    for seed in range(3):
        share = np.random.default_rng(seed).dirichlet(np.ones(4))
        cases.append({"truth": share.tolist(), "efficiency": (share ** (1 / 3)).tolist()})
    assert efficiency_error(cases[0], cases[1:]) < -20
