"""Settings: one definition for flags, files and documentation."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs.commands import COMMANDS, run_settings
from jobs.configuration import BadConfiguration, read_settings, read_sources
from jobs.plain_yaml import parse
from jobs.run import run
from jobs.settings_page import settings_page
from jobs.workflow import Workflow, read_workflow
from operators.errors import UsageError
from pipelines.corpus.sources import Source
from pipelines.progress import Silent
from pipelines.retokenize.settings import Retokenize
from pipelines.settings import Execution, documentation
from pipelines.train.settings import Train
from tests.conftest import ROOT


def test_every_setting_has_a_line_of_documentation() -> None:
    kinds: list[type[msgspec.Struct]] = [*(one.settings for one in COMMANDS), Execution, Workflow, Source]
    for kind in kinds:
        lines = documentation(kind)
        for field in msgspec.structs.fields(kind):
            assert lines[field.name].endswith((".", "...")) or len(lines[field.name]) > 20


def test_the_settings_page_is_what_the_command_prints() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text("utf-8") == settings_page()


def test_flags_go_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("corpus: [a.txt]\nout: o\nvocab_size: 300\nengine: local\nworkers: 3\nshares: {no: 1, de: 2}\n")
    train, execution = read_settings(Train, str(file), {"vocab_size": 500, "workers": None, "progress": "json"})
    assert (train.vocab_size, train.corpus, train.sizes) == (500, ["a.txt"], [])
    assert train.shares == {"no": 1.0, "de": 2.0}  # Norwegian, not a boolean
    assert (execution.engine, execution.workers, execution.progress) == ("local", 3, "json")


def test_a_source_list_is_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "sources.yaml"
    file.write_text("sources:\n- a.txt\n- {path: b.jsonl, language: de, weight: 0.5, text_field: body}\n")
    first, second, third = read_sources([str(file), Source(path="c.txt")])
    assert (first.path, second.language, second.weight, second.text_field, third.path) == (
        "a.txt",
        "de",
        0.5,
        "body",
        "c.txt",
    )
    file.write_text("- {path: b.jsonl, weight: -1}\n")
    with pytest.raises(BadConfiguration, match="source 1"):
        read_sources([str(file)])
    file.write_text("- {path: b.jsonl, language: no}\n")  # Norwegian, a boolean to YAML
    with pytest.raises(BadConfiguration, match=r'language`; .*write it in quotes, as "no" - in source 1'):
        read_sources([str(file)])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sizes": [300, 300]}, "sizes: 300 is given twice"),
        ({"special_tokens": ["<s>", "</s>", "<s>"]}, "special_tokens: '<s>' is given twice"),
        ({"corpus": ["a.txt", "a.txt"]}, "corpus: 'a.txt' is given twice"),
        ({"corpus": [{"path": "a.txt"}, {"path": "a.txt"}]}, "corpus: 'a.txt' is given twice"),
        ({"corpus": ["a.txt", "sources.yaml"]}, "corpus: 'a.txt' is given twice"),
    ],
)
def test_what_stands_twice_in_a_list_is_refused_in_yaml_in_flags_and_in_python(
    tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    (tmp_path / "sources.yaml").write_text("- a.txt\n")
    settings: dict[str, Any] = {"corpus": ["a.txt"], "out": "o", "vocab_size": 300} | given
    settings["corpus"] = [str(tmp_path / one) if one == "sources.yaml" else one for one in settings["corpus"]]
    (tmp_path / "train.yaml").write_text(json.dumps(settings))
    (tmp_path / "steps.yaml").write_text(json.dumps({"steps": [{"train": settings}]}))

    def by_file() -> None:
        run_settings(read_settings(Train, str(tmp_path / "train.yaml"), {})[0], Execution(), Silent())

    def by_workflow() -> None:
        run_settings(read_workflow(str(tmp_path / "steps.yaml"), {}).settings()[0], Execution(), Silent())

    for attempt in (by_file, by_workflow, lambda: run(msgspec.convert(settings, Train), progress="off")):
        with pytest.raises(UsageError, match=re.escape(says)):
            attempt()


def test_the_demo_and_a_workflow_are_read() -> None:
    workflow = read_workflow(str(ROOT / "conf/demo.yaml"), {"engine": "local", "workers": None})
    kinds = ["catalogs", "train", "design", "retokenize", "premiums", "mixture", "report"]
    assert [type(settings).__name__.lower() for settings in workflow.settings()] == kinds
    assert workflow.engine == "local"
    train = workflow.steps[1].train
    assert train is not None and train.shares is not None and len(train.shares) >= 8


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("-3", -3), ("1_000", 1000), ("1.5", 1.5), ("1.5e3", 1500.0), ("1:30", "1:30"), ("0x10", "0x10"),
     ("9" * 5000, "9" * 5000), (":".join("1" * 400) + ".5", ":".join("1" * 400) + ".5"), ("010", "010")],
    ids=lambda value: str(value)[:9],
)  # fmt: skip
def test_numbers_are_decimal_and_as_long_as_a_machines(text: str, number: object) -> None:
    """YAML's base 60 takes seconds for long ones, and ends in errors of its own."""
    assert parse(f"a: {text}") == {"a": number}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "steps: [{train: {corpus: [c.txt], out: o, vocab_sise: 300}}]",
            "did you mean `vocab_size`? known here: corpus, ",
        ),
        ("steps: [{trian: {corpus: [c.txt], out: o}}]", "did you mean `train`? known here: catalogs, train, "),
        ("engin: local\nsteps: []", "did you mean `engine`? known here: steps, engine, "),
        (
            "steps: [{train: {corpus: [{path: c.txt, langauge: en}], out: o}}]",
            "did you mean `language`? known here: path",
        ),
        ("steps: [{train: {xyz: 1}}]", "unknown field `xyz` - at `$.steps[0].train`; known here: corpus, "),
    ],
)
def test_a_key_with_a_slip_is_answered_with_the_nearest(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(text)
    with pytest.raises(BadConfiguration) as caught:
        read_workflow(str(file), {})
    assert says in str(caught.value)


def test_keys_of_settings_and_of_listed_sources_are_answered_too(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("vocab_sise: 300\n")
    with pytest.raises(BadConfiguration, match="did you mean `vocab_size`"):
        read_settings(Train, str(file), {"corpus": ["c.txt"], "out": "o"})
    file.write_text("- {path: c.txt, wieght: 2}\n")
    with pytest.raises(BadConfiguration, match=r"did you mean `weight`.* - in source 1"):
        read_sources([str(file)])


@pytest.mark.parametrize("name", ["tokenizer", "out", "special_tokens", "corpus"])
def test_an_empty_text_is_no_value(name: str) -> None:
    given = {"corpus": ["c"], "tokenizer": "t", "out": "o"} | {name: ""}
    kind = Train if name == "special_tokens" else Retokenize
    given = {"corpus": ["c"], "out": "o", name: [""]} if name in ("special_tokens", "corpus") else given
    if kind is Retokenize and name == "corpus":
        given["tokenizer"] = "t"
    with pytest.raises(BadConfiguration, match=f"{name}: is empty; write a value, or leave it out"):
        read_settings(kind, None, given)
