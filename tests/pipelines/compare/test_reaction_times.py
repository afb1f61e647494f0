"""Cognitive plausibility in a comparison, against tokens that `tokenizers` gives and a plain sum."""

import math
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from babelmerge import Compare, run
from operators.errors import UsageError
from pipelines.compare.reaction_times import CORRELATIONS, read_reactions
from pipelines.tokenizers import save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained

ROWS = [
    ("Haus", "512.5", "0.98", "W"), ("Häuser", "640", "0.9", "word"), ("der", "430", "", "W"), ("é", "", "0.5", "w"),
    ("laufen", "555", "0.97", "W"), ("Hauf", "700", "0.6", "N"), ("lader", "650", "0.75", "nonword"),
    ("usäre", "810", "0.9", "N"),
]  # fmt: skip


def correlation(pairs: list[tuple[float, float]]) -> float:
    means = [sum(own) / len(pairs) for own in zip(*pairs, strict=True)]
    differences = [(a - means[0], b - means[1]) for a, b in pairs]
    squares = [sum(own[k] ** 2 for own in differences) for k in (0, 1)]
    return float(sum(a * b for a, b in differences)) / math.sqrt(squares[0] * squares[1])


def test_correlations_equal_plain_sums_and_a_missing_one_has_a_reason(tmp_path: Path) -> None:
    save_tokenizer(trained(["Haus Häuser der laufen"] * 5, 264), tmp_path)
    (tmp_path / "text.txt").write_text("Haus der\n" * 3, "utf-8")
    table = tmp_path / "lexicon.csv"
    table.write_text("\n".join(",".join(row) for row in [("word", "reaction_time", "accuracy", "lexicality"), *ROWS]))
    corpus: Any = [str(tmp_path / "text.txt")]

    def figures(out: str) -> dict[str, dict[str, Any]]:
        asked = Compare(corpus=corpus, tokenizer=[str(tmp_path)], out=str(tmp_path / out), reaction_times=str(table))
        compared = run(asked, engine="local", workers=1, progress="off").compared.collect()
        return {row["figure"]: row for row in compared.iter_rows(named=True)}

    found = figures("a")
    peer, expected = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")), []
    for kinds in (("W", "w", "word"), ("N", "nonword")):
        for column in (1, 2):
            own = [row for row in ROWS if row[3] in kinds and row[column]]
            pairs = [(1 - len(peer.encode(row[0]).ids) / len(row[0]), float(row[column])) for row in own]
            expected.append(correlation(pairs))
    assert [found[name]["value"] for name in CORRELATIONS] == pytest.approx(expected)
    assert found["cognitive_plausibility"]["value"] == pytest.approx(sum(map(abs, expected)) / 4)
    table.write_text("word,reaction_time\nHaus,500\nder,400\n")
    found = figures("b")
    assert found["chunkability_accuracy_words"]["reason"] == "too few words with a value, or all alike: 0"
    assert found["cognitive_plausibility"]["reason"] == "one of the four correlations is missing"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("word,rt\na,1\n", "has no column reaction_time; it takes the columns word and reaction_time"),
        ("word,reaction_time\na,1\nb,fast\n", "line 3: the reaction_time of 'b' is no number: 'fast'; leave it empty"),
        ("word,reaction_time\na,inf\n", "line 2: the reaction_time of 'a' is no number: 'inf'"),
        ("word,reaction_time\n,3\n", "line 2: lacks its word"),
        ("word,reaction_time,lexicality\na,3,maybe\n", "line 2: its lexicality is neither word nor nonword"),
    ],
)
def test_a_wrong_table_is_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "lexicon.csv").write_text(content)
    with pytest.raises(UsageError, match=message) as failure:
        read_reactions(str(tmp_path / "lexicon.csv"))
    assert "\n" not in str(failure.value)
