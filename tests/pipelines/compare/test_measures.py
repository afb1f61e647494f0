"""Further figures of a comparison: characters, numbers, robustness, terms, and what text costs."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from babelmerge import Compare, CompareResult, run
from operators.errors import UsageError
from pipelines.compare.counting import CROSSING, INCOMPLETE
from pipelines.compare.measures import measured_names
from pipelines.tokenizers import save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained

TEXTS = {"de": ["Größe 12345 und 7", "übertrifft 1234567 alle"] * 9, "zh": ["天地玄黄，宇宙洪荒。"] * 9}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "tok").mkdir()
    save_tokenizer(trained([text for own in TEXTS.values() for text in own], 290), folder / "tok")
    rows = [json.dumps({"text": text, "language": name}) for name, own in TEXTS.items() for text in own]
    (folder / "texts.jsonl").write_text("\n".join(rows), "utf-8")
    (folder / "terms.txt").write_text("Größe\n\n alle \nGröße\n", "utf-8")
    return folder


def compare(made: Path, out: Path, **settings: Any) -> CompareResult:
    asked = Compare(corpus=[str(made / "texts.jsonl")], tokenizer=[str(made / "tok")], out=str(out), **settings)
    return run(asked, engine="local", workers=1, progress="off")


def rows(result: CompareResult) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["group"], row["figure"]): row for row in result.compared.collect().iter_rows(named=True)}


def test_measures_equal_loops_over_tokens_and_have_reasons(made: Path, tmp_path: Path) -> None:
    everything: Any = ["characters", "numbers", "robustness"]
    found = rows(compare(made, tmp_path / "a", by="language", measure=everything))
    peer = tokenizers.Tokenizer.from_file(str(made / "tok" / "tokenizer.json"))
    for language, texts in TEXTS.items():
        encoded = [peer.encode(text) for text in texts]
        incomplete = torn = 0
        for one, text in zip(encoded, texts, strict=True):
            incomplete += sum("\ufffd" in peer.decode([i]) for i in one.ids)
            torn += sum(sum(first <= i < last for first, last in one.offsets) > 1 for i in range(len(text)))
        tokens = sum(len(one.ids) for one in encoded)
        assert found[language, INCOMPLETE]["value"] == pytest.approx(incomplete / tokens)
        assert 0 <= found[language, CROSSING]["value"] <= incomplete / tokens
        wide = sum(len(character.encode()) > 1 for text in texts for character in text)
        assert found[language, "split_characters"]["value"] == pytest.approx(torn / wide)
    assert found["zh", "number_boundary_f1"]["reason"] == "no numbers"
    assert found["zh", "changed_by_other_digits"]["reason"] == "no word has a digit"
    assert 0 < found["de", "number_boundary_f1"]["value"] <= 1
    assert {name for _, name in found} >= set(measured_names(everything))
    robust = [row["value"] for (_, name), row in found.items() if name.startswith("changed_by") and row["value"]]
    assert len(robust) > 6 and all(0 < value <= 1 for value in robust)
    again = rows(compare(made, tmp_path / "b", by="language", measure=everything))
    assert again == found


def test_what_text_costs_follows_from_its_tokens(made: Path, tmp_path: Path) -> None:
    result = compare(
        made, tmp_path / "out", terms=str(made / "terms.txt"), price_per_million=2.5, context_window=8192,
        model_parameters=7e9, model_width=4096,
    )  # fmt: skip
    found = rows(result)
    peer = tokenizers.Tokenizer.from_file(str(made / "tok" / "tokenizer.json"))
    every = [text for own in TEXTS.values() for text in own]
    tokens, characters = sum(len(peer.encode(text).ids) for text in every), sum(map(len, every))
    size, vocabulary = sum(len(text.encode()) for text in every), peer.get_vocab_size()
    assert found["all", "price_per_million_characters"]["value"] == pytest.approx(2.5 * tokens / characters)
    assert found["all", "context_window_characters"]["value"] == pytest.approx(8192 * characters / tokens)
    flops = 2 * 7e9 + 2 * 4096 * vocabulary
    assert found["all", "flops_per_byte"]["value"] == pytest.approx(flops * tokens / size)
    terms = {row["term"]: row for row in result.table("terms").collect().iter_rows(named=True)}
    assert list(terms) == ["Größe", "alle"]
    for term, row in terms.items():
        assert row["tokens"] == len(peer.encode(term).ids)
        assert row["tokens_in_text"] == len(peer.encode(f" {term}").ids)
    mean = sum(row["tokens_in_text"] for row in terms.values()) / 2
    assert found["all", "tokens_per_term"]["value"] == pytest.approx(mean)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measure": ["character"]}, "measure: 'character' is none of characters, numbers"),
        ({"terms": "nowhere.txt"}, "nowhere.txt: No such file or directory; name a text file"),
        ({"model_width": 9}, "model_parameters: is missing"),
    ],
)
def test_settings_that_mean_nothing_are_refused(made: Path, tmp_path: Path, settings: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare(made, tmp_path / "out", **settings)
