"""`train --parity`: files, resumption and shards, and text that cannot be judged."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tokenizers

from operators.errors import DataError, UsageError
from operators.tokenizer import same_merges
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.run_stats import TaskLost
from pipelines.settings import BadSettings
from pipelines.tokenizers import load_tokenizer
from pipelines.train import step as train_step
from pipelines.train.checkpoint import CHECKPOINT
from pipelines.train.parity import MissingRatio, NoParallelText, NotParallel
from pipelines.train.settings import Train
from pipelines.words.weighting import UnknownLanguage
from tests.pipelines.faulty_engine import FaultyEngine
from tests.pipelines.steps import EngineContext

FILES = ("tokenizer.json", "merges.parquet", "choices.parquet", "manifest.json")
LINES = {
    "en": [f"the {i} cats sat on mat number {i * i}" for i in range(60)],
    "sw": [f"paka {i} waliketi juu ya mkeka wa {i * i}" for i in range(60)],
    "el": [f"οι {i} γάτες κάθισαν στο χαλάκι {i * i}" for i in range(60)],
}
PARALLEL = {language: lines[::3] for language, lines in LINES.items()}
LONGER = {language: [line * (1 + i) for i, line in enumerate(lines[:40])] for language, lines in LINES.items()}


def write(folder: Path, texts: dict[str, list[str]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for language, lines in texts.items():
        (folder / f"{language}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parity")
    write(folder / "corpus", LINES)
    write(folder / "parallel", PARALLEL)
    return folder


def train(corpus: Path, out: Path, engine: Any = None, **more: Any) -> dict[str, bytes]:
    options: dict[str, Any] = {"vocab_size": 420, "out": str(out)} | more
    if "parity_ratios" not in options:
        options.setdefault("parity", [str(corpus / "parallel")])
    with EngineContext(engine or LocalEngine(1)) as context:
        train_step.train(Train(corpus=[str(corpus / "corpus")], **options), context)
    return {name: (out / name).read_bytes() for name in FILES}


VARIANTS: list[dict[str, Any]] = [
    {},
    {"parity_window": 7, "parity_alpha": 1.2, "parity_after": 15},
    {"parity": [], "parity_ratios": {"el": 1.5, "en": 1.0, "sw": 2.0}, "parity_window": 5},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=["base", "window", "ratios"])
def test_the_files_are_equal_on_any_number_of_workers_and_after_losses(
    corpus: Path, tmp_path: Path, variant: dict[str, Any]
) -> None:
    alone = train(corpus, tmp_path / "one", **variant)
    assert train(corpus, tmp_path / "three", FaultyEngine(3, {}), **variant) == alone
    lost = FaultyEngine(3, {(0, 5): "before", (1, 9): "after", (3, 20): "before"})
    assert train(corpus, tmp_path / "lost", lost, **variant) == alone
    assert lost.stats.failures >= 2


@pytest.mark.parametrize("variant", VARIANTS, ids=["base", "window", "ratios"])
def test_an_interrupted_run_is_resumed_and_ends_with_the_same_bytes(
    corpus: Path, tmp_path: Path, variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(corpus, tmp_path / "whole", **variant)
    many = {(worker, 25): "before" for worker in range(3)} | {(worker, 0): "before" for worker in range(3, 40)}
    monkeypatch.setattr("pipelines.train.checkpoint.WRITE_EVERY_S", 0.0)
    with pytest.raises(TaskLost):
        train(corpus, tmp_path / "cut", FaultyEngine(3, many), **variant)
    assert (tmp_path / "cut" / CHECKPOINT).stat().st_size > 300
    assert train(corpus, tmp_path / "cut", FaultyEngine(3, {}), **variant) == whole


def test_choices_hold_the_language_with_the_most_tokens_and_the_tokens_of_the_tokenizer(
    corpus: Path, tmp_path: Path
) -> None:
    """Tokens before each merge, as tokenizers counts them with the merges so far."""
    train(corpus, tmp_path)
    table = pl.read_parquet(tmp_path / "choices.parquet")
    merges = load_tokenizer(str(tmp_path)).merges
    assert table.columns == ["rank", "language", "tokens"] and table["rank"].to_list() == list(range(len(merges)))
    model = json.loads((tmp_path / "tokenizer.json").read_bytes())
    for rank in (0, 1, 50, len(merges) - 1):
        cut = model | {"model": model["model"] | {"merges": model["model"]["merges"][:rank]}}
        encoder = tokenizers.Tokenizer.from_str(json.dumps(cut))
        tokens = {one: sum(len(encoder.encode(line).ids) for line in lines) for one, lines in PARALLEL.items()}
        assert table["tokens"][rank] == tokens
        assert table["language"][rank] == max(sorted(tokens), key=tokens.__getitem__)
    facts = json.loads((tmp_path / "manifest.json").read_bytes())["facts"]["parity"]
    assert facts["served"] == dict(table["language"].value_counts().sort("language").iter_rows())
    assert sum(facts["served"].values()) == len(merges)


def test_without_parity_there_are_no_choices(corpus: Path, tmp_path: Path) -> None:
    train(corpus, tmp_path)
    with EngineContext(LocalEngine(1)) as context:
        train_step.train(Train(corpus=[str(corpus / "corpus")], vocab_size=300, out=str(tmp_path)), context)
    assert not (tmp_path / "choices.parquet").exists()


def test_a_tokenizer_is_extended_by_parity(corpus: Path, tmp_path: Path) -> None:
    train(corpus, tmp_path / "base", vocab_size=300)
    train(corpus, tmp_path / "more", extend=str(tmp_path / "base"), vocab_size=340)
    base, more = (load_tokenizer(str(tmp_path / name)) for name in ("base", "more"))
    assert same_merges(more.merges[: len(base.merges)], base.merges)
    ranks = pl.read_parquet(tmp_path / "more" / "choices.parquet")["rank"].to_list()
    assert ranks == list(range(len(base.merges), len(more.merges)))


BAD: list[tuple[dict[str, list[str]], dict[str, Any], type[Exception], str]] = [
    (PARALLEL | {"sw": PARALLEL["sw"][:-2]}, {}, NotParallel, "el has 20 lines, sw has 18"),
    ({one: PARALLEL[one] for one in ("el", "en")}, {}, NoParallelText, "no parallel text in the language 'sw'"),
    (PARALLEL | {"sw": [""] * 20}, {}, NoParallelText, "no parallel text in the language 'sw'"),
    (LONGER | {"sw": LONGER["sw"][::-1]}, {}, NotParallel, "has long documents where others have short ones"),
    (PARALLEL | {"xx": PARALLEL["en"]}, {}, UnknownLanguage, "no text in the language 'xx'; the corpus has el, en, sw"),
    (PARALLEL, {"parity_ratios": {"en": 1.0, "el": 1.0}}, MissingRatio, "no ratio for the language 'sw'"),
    (PARALLEL, {"parity_ratios": dict.fromkeys(["el", "en", "sw", "xx"], 1.0)}, UnknownLanguage, "language 'xx'"),
    (PARALLEL, {"parity": ["x"], "parity_ratios": {"en": 1.0}}, BadSettings, "cannot be joined with parity"),
    (PARALLEL, {"parity_ratios": {}}, BadSettings, "names no language"),
    (PARALLEL, {"parity": [], "parity_window": 9}, BadSettings, "parity_window: needs parallel text or ratios"),
    (PARALLEL, {"parity_alpha": 2.0}, BadSettings, "parity_alpha: needs a window"),
]


@pytest.mark.parametrize(("texts", "options", "error", "message"), BAD, ids=[message for *_, message in BAD])
def test_what_cannot_be_judged_is_one_clear_line(
    tmp_path: Path, texts: dict[str, list[str]], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    write(tmp_path / "corpus", LINES)
    write(tmp_path / "parallel", texts)
    with pytest.raises(error, match=message) as caught:
        train(tmp_path, tmp_path / "out", **options)
    assert isinstance(caught.value, DataError | UsageError) and "\n" not in str(caught.value)


def test_documents_that_share_no_id_are_not_parallel(tmp_path: Path) -> None:
    write(tmp_path / "corpus", LINES)
    (tmp_path / "parallel").mkdir()
    for language, lines in PARALLEL.items():
        rows = [json.dumps({"id": f"{language}-{i}", "text": line}) for i, line in enumerate(lines)]
        (tmp_path / "parallel" / f"{language}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(NotParallel, match="no document is there in all languages"):
        train(tmp_path, tmp_path / "out")
