"""Steps say what they read and where they write before their first work, and only where there is work."""

from pathlib import Path
from typing import Any, cast

import pytest

from jobs.commands import run_step
from pipelines.context import Context
from pipelines.corpus.sources import Source
from pipelines.curves.settings import Curves
from pipelines.engines.local_engine import LocalEngine
from pipelines.mixture.settings import Mixture
from pipelines.premiums.settings import Premiums
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import Execution, Settings
from pipelines.sweep.settings import Sweep
from pipelines.train.settings import Train

LINES = ("the cat sat on the mat", "dogs and cats run in the rain", "no rain, no mat")


@pytest.mark.slow
def test_every_step_says_so_before_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for language in ("en", "de"):
        (corpus / f"{language}.txt").write_text("".join(f"{language} {line}\n" for line in LINES * 20))
    tokenizer, everything = str(tmp_path / "Train"), cast("list[str | Source]", [str(corpus)])
    steps: list[Settings[Any]] = [
        Train(corpus=everything, out=tokenizer, vocab_size=300),
        Retokenize(corpus=everything, tokenizer=tokenizer, out=str(tmp_path / "Retokenize")),
        Premiums(parallel=everything, tokenizer=[tokenizer], baseline="en", out=str(tmp_path / "Premiums")),
        Mixture(categories=everything, tokenizer=tokenizer, method="lp", out=str(tmp_path / "Mixture")),
        Curves(parallel=everything, tokenizer=tokenizer, baseline="en", out=str(tmp_path / "Curves")),
        Sweep(parallel=everything, baseline="en", vocab_size=300, smallest_size=260, out=str(tmp_path / "Sweep")),
    ]
    did: list[tuple[str, Any]] = []

    def require_visible(self: LocalEngine, inputs: Any, output: Path) -> None:
        did.append(("require_visible", (sorted(inputs), output)))

    plain = LocalEngine.run

    def run(self: LocalEngine, task: Any, items: Any, on_lost: Any = None) -> Any:
        did.append(("run", task.__name__))
        return plain(self, task, items, on_lost)

    monkeypatch.setattr(LocalEngine, "require_visible", require_visible)
    monkeypatch.setattr(LocalEngine, "run", run)
    execution = Execution(engine="local", workers=2, progress="off")
    for time in range(2):
        with Context(execution) as context:
            for step in steps:
                did.clear()
                run_step(step, context)
                if time == 0:
                    files = [str(corpus / "de.txt"), str(corpus / "en.txt")]
                    assert did[0] == ("require_visible", (files, tmp_path / type(step).__name__))
                    assert [what for what, _ in did].count("require_visible") == 1
                    assert any(what == "run" for what, _ in did)
            untouched = "_started" not in context.__dict__
    assert untouched and did == []  # all is kept: nobody is asked
