"""Tokenizers inside the page, in a real browser: its ids are ours, on texts in many scripts and on hostile strings."""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import babelmerge as bm
from jobs.report.page import draw_report
from jobs.report.premium_runs import Reference
from tests.jobs.report.browser import BROWSER, Browser
from tests.jobs.report.examples import EMPTY, HOSTILE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH"),
]
TEXTS = [
    "", " ", "\n", "Hello world", "  two  spaces \t tab\r\n\r\n line",
    "I'll say it's DON'T ſ 'ſ 'S 'LL", "1234567 ١٢٣٤ ¹²³ Ⅷ", "Ünïcödé e\u0301a\u0308",
    "Съешь ещё этих мягких", "שלום עולם", "السلام عليكم ورحمة", "नमस्ते दुनिया", "வணக்கம் உலகம்",
    "สวัสดีชาวโลก", "မင်္ဂလာပါ", "ជំរាបសួរ", "བཀྲ་ཤིས་བདེ་ལེགས།", "你好，世界！", "こんにちは世界カタカナ", "안녕하세요",
    "𐍈𝔘𝔫𝔦 👩‍👩‍👧‍👦🏽", "\u200b\u200c\u200d\ufeffbom\ufeff", "\x00\x01\x7f\x85\u2028\u2029\xa0\u3000",
    "a" * 3_000, " " * 999 + "x", "ab" * 1_500, "\ud7ff\ue000\ufffd\uffff\U0010ffff",
    "<|endoftext|> <|im_start|>user", HOSTILE, "constructor __proto__ toString", "$&$1\\d(?:",
]  # fmt: skip
ADDED = [("world", False), ("wor", False), ("<|im_start|>", True), (" two", False)]
"""Text of an added token, and whether it is special."""


def random_texts(number: int) -> list[str]:
    """Texts of characters that lie at the borders of classes, of all planes."""
    draw = random.Random(7)
    edges = " \n\r\t'sSſ/.!09٠Aa\u0301ǅʰªßıK中あเ한\u00a0\u0085\u2028\u180e\ufeff\U0001f600\U000e0001"
    texts = []
    for _ in range(number):
        pool = [
            *edges,
            *(chr(code) for code in draw.sample(range(0x20, 0xD800), 12)),
            chr(draw.randrange(0x10000, 0x110000)),
        ]
        texts.append("".join(draw.choices(pool, k=draw.randrange(1, 80))))
    return texts


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser
        assert browser.problems == []


def differences(browser: Browser, page: Path, tokenizers: list[bm.Tokenizer], texts: list[str]) -> list[str]:
    """Open a page, and return the texts that it cuts in another way."""
    browser.open(page)
    found = []
    for number, tokenizer in enumerate(tokenizers):
        asked = f"Promise.all({json.dumps(texts)}.map((text) => idsOf({number}, text)))"
        for text, ids in zip(texts, browser.ask(asked), strict=True):
            if ids != tokenizer.encode(text).tolist():
                found.append(f"{tokenizer!r}: {text!r}")
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Tokenizers of every named pre-tokenizer, of none, with superwords and with added tokens."""
    directory = tmp_path_factory.mktemp("trained")
    words = [text for text in TEXTS if len(text) < 100] * 3
    paths = list[Path]()
    for name in ("gpt2", "gpt4", "o200k", "qwen", "tekken", "none", r"\p{L}+|\d{2}"):
        path = directory / f"t{len(paths)}"
        bm.train(words, vocab_size=400, pretokenizer=name).save(path)
        paths.append(path)
    found = json.loads((paths[2] / "tokenizer.json").read_text())
    found["added_tokens"] = [
        {"id": 400 + i, "content": content, "special": special, "normalized": i % 2 == 0, "lstrip": False,
         "rstrip": False, "single_word": False}
        for i, (content, special) in enumerate(ADDED)
    ]  # fmt: skip
    found["model"]["ignore_merges"] = True
    found["model"]["merges"] = found["model"]["merges"][:-60]  # the tokens of these are reached as whole words only
    (directory / "added.json").write_text(json.dumps(found))
    return [*paths, directory / "added.json"]


def drawn(directory: Path, paths: list[Path]) -> Path:
    references = tuple(Reference(f"{HOSTILE} {path.name}", str(path), None) for path in paths)
    draw_report(replace(EMPTY, references=references), directory)
    return directory / "report.html"


def test_the_page_cuts_texts_as_we_do(browser: Browser, trained: list[Path], tmp_path: Path) -> None:
    page = drawn(tmp_path, trained)
    assert differences(browser, page, [bm.Tokenizer.load(path) for path in trained], [*TEXTS, *random_texts(60)]) == []


def test_a_text_that_is_typed_is_shown_token_by_token(browser: Browser, trained: list[Path], tmp_path: Path) -> None:
    browser.open(drawn(tmp_path, trained[:2]))
    browser.ask("document.getElementById('text').focus()")
    text = "Hello <b>world</b> 你\n"
    browser.type(text)
    browser.ask("new Promise((done) => setTimeout(done, 400))")
    for number, path in enumerate(trained[:2]):
        tokens = len(bm.Tokenizer.load(path).encode(text))
        line = f"document.querySelectorAll('#typed-lines > div')[{number}]"
        assert browser.ask(f"{line}.querySelector('dt').textContent") == f"{HOSTILE} {path.name}: {tokens}"
        assert browser.ask(f"{line}.querySelectorAll('dd span').length") == tokens
        shown = browser.ask(f"{line}.querySelector('dd').textContent")
        assert shown.startswith("Hello20<b>world</b>20E4BDA00A")  # blanks, and parts of a character, as bytes
    assert browser.ask("document.getElementById('typed-summary').textContent")
    assert browser.ask("document.querySelectorAll('#typed-lines b').length") == 0


@pytest.mark.real_text
@pytest.mark.slow  # loads published tokenizers
def test_published_tokenizers_cut_texts_as_we_do(browser: Browser, tmp_path: Path) -> None:
    folder = os.environ.get("BABELMERGE_TOKENIZERS", "")
    names = ("cl100k_base.tiktoken", "llama3.tiktoken", "deepseek_v3.json")
    paths = [Path(folder) / name for name in names]
    if not folder or not all(path.exists() for path in paths):
        pytest.skip("BABELMERGE_TOKENIZERS names no folder of published tokenizers")
    texts = [*TEXTS, *random_texts(200)]
    assert differences(browser, drawn(tmp_path, paths), [bm.Tokenizer.load(path) for path in paths], texts) == []
