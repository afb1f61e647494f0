"""Curves and sweeps through their pipelines, against encoding with each size."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from operators.curves.equal_tokens import choose_sizes
from operators.curves.tokens_by_size import Curve
from operators.encoding.encode import Encoder
from operators.statistics.linear_model import explain
from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.curves.step import BadTarget, measure_curves
from pipelines.curves.tables import owners
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output
from pipelines.parallel_text.selection import NoBaseline
from pipelines.progress import Silent
from pipelines.sweep.step import NothingToLearn, sweep, tokenizer_directory
from pipelines.sweep.swept import Sweeping
from pipelines.tokenizers import load_tokenizer, save_tokenizer
from tests.operators.curves.test_tokens_by_size import trained

SENTENCES = {
    "en": ["the cat sat on the mat", "a dog and a cat", "the theme of the thesis", "nothing more"],
    "de": ["die Katze saß auf der Matte", "ein Hund und eine Katze", "das Thema der These", "nichts mehr"],
    "ru": ["кошка сидела на коврике", "собака и кошка", "тема диссертации", "больше ничего"],
}


def corpus(folder: Path, **more: list[tuple[str, str]]) -> list:
    folder.mkdir()
    for language, sentences in SENTENCES.items():
        rows = [(str(i), text) for i, text in enumerate(sentences)] + more.get(language, [])
        table = pl.DataFrame({"id": [i for i, _ in rows], "text": [text for _, text in rows]})
        table.write_parquet(folder / f"{language}.parquet")
    return find_files([Source(path=str(folder))])


def documents(language: str) -> pa.LargeStringArray:
    return pa.array(SENTENCES[language], pa.large_string())


def at(table: pl.DataFrame, language: str, size: int) -> int:
    """What curves.parquet says of a vocabulary."""
    rows = table.filter((pl.col("language") == language) & (pl.col("vocabulary") <= size))
    return int(rows.sort("vocabulary", "merges")["tokens"][-1])


def test_tables_say_what_each_size_encodes_to(tmp_path: Path) -> None:
    tokenizer = trained([text for texts in SENTENCES.values() for text in texts], 330)
    files = corpus(tmp_path / "corpus", ru=[("9", "only here")], de=[("7", "twice"), ("7", "doppelt")])
    for engine in (LocalEngine(1), LocalEngine(3)):
        out = tmp_path / f"out{engine.workers}"
        with Output(out, "curves") as output:
            made = measure_curves(files, tokenizer, output, engine, Silent(), baseline="en")
    assert (tmp_path / "out1/curves.parquet").read_bytes() == (tmp_path / "out3/curves.parquet").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == [
        ".babelmerge", "curves.parquet", "manifest.json", "run.json", "sizes.parquet",
    ]  # fmt: skip
    curves, sizes = pl.read_parquet(out / "curves.parquet"), pl.read_parquet(out / "sizes.parquet")
    for language in SENTENCES:
        for size in range(256, 331, 4):
            cut = Tokenizer("gpt4", (), tokenizer.merges[: size - 256])
            assert at(curves, language, size) == Encoder(cut).count(documents(language)).sum(), (language, size)
    rows = {row["language"]: row for row in sizes.iter_rows(named=True)}
    assert made.facts["target"] == rows["en"]["tokens"] == at(curves, "en", 330)
    assert made.facts["repeated_documents"] == 2
    assert rows["en"]["extrapolated"] is False
    assert at(curves, "en", int(rows["en"]["vocabulary"])) <= rows["en"]["target"]
    assert at(curves, "en", int(rows["en"]["vocabulary"]) - 1) > rows["en"]["target"]
    assert sum(row["owned_merges"] for row in rows.values()) + made.facts["nobodys_merges"] == len(tokenizer.merges)


def test_a_target_out_of_reach_is_no_number(tmp_path: Path) -> None:
    tokenizer = trained(SENTENCES["en"], 280)
    with Output(tmp_path / "out", "curves") as output:
        files = corpus(tmp_path / "corpus")
        measure_curves(files, tokenizer, output, LocalEngine(1), Silent(), baseline="en", target=1)
        sizes = pl.read_parquet(tmp_path / "out/sizes.parquet")
        unknown = sizes.filter(pl.col("vocabulary").is_null())
        assert unknown["reason"].null_count() == 0
        assert sizes.filter(pl.col("extrapolated") == False).is_empty()  # noqa: E712
        with pytest.raises(BadTarget):
            measure_curves(files, tokenizer, output, LocalEngine(1), Silent(), baseline="en", target=0)
        with pytest.raises(NoBaseline, match="no text in the language 'xx'"):
            measure_curves(files, tokenizer, output, LocalEngine(1), Silent(), baseline="xx")


def test_a_merge_belongs_to_whom_it_saves_most() -> None:
    curves = {
        "a": Curve(np.array([0, 1, 3]), np.array([100, 90, 80])),
        "b": Curve(np.array([0, 1, 2]), np.array([50, 46, 40])),
    }
    assert owners(curves, {"a": 100, "b": 50}) == {"a": 2, "b": 1}
    assert owners(curves, {"a": 100, "b": 10}) == {"a": 1, "b": 2}


def test_a_sweep_trains_what_training_on_one_language_gives(tmp_path: Path) -> None:
    files = corpus(tmp_path / "corpus")
    how = Sweeping("en", 300, 260, "gpt4", "all", 100)
    with Output(tmp_path / "out", "sweep") as output:
        made = sweep(files, output, LocalEngine(2), Silent(), how)
    table = {row["language"]: row for row in pl.read_parquet(tmp_path / "out/sweep.parquet").iter_rows(named=True)}
    for language, texts in SENTENCES.items():
        alone = trained(texts, 300)
        loaded = load_tokenizer(str(tokenizer_directory(tmp_path / "out", language)))
        assert loaded.merges.left.tolist() == alone.merges.left.tolist()
        assert table[language]["tokens"] == Encoder(alone).count(documents(language)).sum()
        cut = Tokenizer("gpt4", (), alone.merges[: table[language]["chosen_vocabulary"] - 256])
        assert table[language]["chosen_tokens"] == Encoder(cut).count(documents(language)).sum()
    tokens = np.array([row["tokens"] for row in table.values()], float)
    assert made.facts["variance_before"] == pytest.approx(tokens.var())
    assert made.facts["variance_after"] <= made.facts["variance_before"]
    models = pl.read_parquet(tmp_path / "out/model.parquet")
    assert models["r2"].null_count() == len(models) and models["reason"].null_count() == 0  # three languages


def test_a_language_without_other_text_is_one_line(tmp_path: Path) -> None:
    files = corpus(tmp_path / "corpus", en=[("8", "more to learn from")])
    with Output(tmp_path / "out", "sweep") as output, pytest.raises(NothingToLearn, match="has no documents that are"):
        sweep(files, output, LocalEngine(1), Silent(), Sweeping("en", 300, 260, "gpt4", "others", 100))


@pytest.mark.parametrize("language", ["..", "a/b", "en US", "x\x00y", "ক"])
def test_any_language_has_a_folder_of_its_own(language: str, tmp_path: Path) -> None:
    folder = tokenizer_directory(tmp_path, language)
    assert folder.parent == tmp_path / "tokenizers"
    folder.mkdir(parents=True)
    save_tokenizer(trained(["aa bb"], 258), folder)


def test_chosen_sizes_leave_the_least_variance_of_all_targets() -> None:
    draw = np.random.default_rng(1)
    sizes = np.arange(256, 400)
    curves = {}
    for name in "abc":
        tokens = 5_000 - np.cumsum(draw.integers(1, 30, 143))
        curves[name] = (Curve(np.arange(144), np.concatenate([[5_000], tokens])), sizes)
    found = choose_sizes(curves, 280, 390)
    slow = []
    for target in range(1_000, 5_001):
        at = []
        for curve, _ in curves.values():
            reached = [curve.at(size - 256) for size in range(280, 391) if curve.at(size - 256) <= target]
            at.append(reached[0] if reached else curve.at(390 - 256))
        slow.append(np.var(at))
    assert found.variance <= min(slow) + 25  # 400 targets are tried, not every one
    assert ((found.sizes >= 280) & (found.sizes <= 390)).all()
    assert found.tokens.tolist() == [curves[n][0].at(s - 256) for n, s in zip("abc", found.sizes, strict=True)]


def test_a_linear_model_is_that_of_the_normal_equations() -> None:
    draw = np.random.default_rng(2)
    one, two = draw.normal(size=60), draw.normal(size=60)
    tokens = 1_000 + 300 * one - 50 * two + draw.normal(size=60) * 100
    found = explain(tokens, {"one": one, "two": two}, 200)
    assert found is not None
    terms = np.column_stack([np.ones(60), one, two])
    left = tokens - terms @ np.linalg.solve(terms.T @ terms, terms.T @ tokens)
    assert found.r2 == pytest.approx(1 - (left @ left) / ((tokens - tokens.mean()) ** 2).sum())
    assert found.r2_low < found.r2 < found.r2_high
    assert (found.coefficients[:, 1] < found.coefficients[:, 0]).all()
    alone = explain(tokens, {"one": one}, 200)
    assert alone is not None and alone.r2 == pytest.approx(np.corrcoef(one, tokens)[0, 1] ** 2)
    assert explain(tokens[:4], {"one": one[:4], "two": two[:4]}, 100) is None
    assert explain(np.ones(60), {"one": one}, 100) is None
    groups = explain(tokens, {"half": ["x" if i % 2 else "y" for i in range(60)]}, 100)
    assert groups is not None and np.isnan(groups.coefficients).all()
