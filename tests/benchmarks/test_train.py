"""The benchmark of training tells the truth: about lists that are equal, lists that differ, and peers that fail."""

import dataclasses
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import trainers
from benchmarks.figures import Figures, draw, read_figures, replace_block, tables, write_figures
from benchmarks.peers import PEERS, Job, MergeList, Peer, compare, documents_of_whole, read_pairs, read_tokenizer_json
from benchmarks.processes import Failed, timed
from benchmarks.train import benchmark, parse
from operators.text.pretokenize import Pretokenizer
from operators.text.pretokenizers import PATTERNS
from tests.conftest import ROOT

BEGIN, END = "<!-- benchmark:train begin -->", "<!-- benchmark:train end -->"


def scripted(name: str, script: str) -> Peer:
    """A peer that is a line of Python; `out` is its folder."""

    def command(job: Job) -> list[str]:
        return [sys.executable, "-c", f"import pathlib; out = pathlib.Path({str(job.out)!r}); {script}"]

    return Peer(name, command, read_pairs)


def with_another_merge_at_20(out: Path) -> MergeList:
    merges = read_tokenizer_json(out).items
    return MergeList([*merges[:20], (b"\xff", b"\xfe"), *merges[21:]])


WRONG = Peer("wrong", PEERS["tokenizers"].command, with_another_merge_at_20)
BARE = scripted("bare", "(out / 'merges.txt').write_text('ff fe\\n')")
FAILS = scripted("fails", "raise SystemExit('no memory for it')")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's own pages."""
    path = tmp_path_factory.mktemp("benchmark") / "pages.txt"
    path.write_bytes(b"".join(page.read_bytes() for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])))
    return path


@pytest.fixture(scope="module")
def figures(text: Path) -> Figures:
    asked = parse([str(text), "--vocab-size", "400", "--rounds", "2", "--timeout", "100", "--peers", "tokenizers"])
    return benchmark(asked, [PEERS["tokenizers"], WRONG, BARE, FAILS], lambda line: None)


@pytest.mark.slow
def test_a_run_reports_equal_lists_as_equal(figures: Figures) -> None:
    row = next(row for row in figures.rows if row.name == "tokenizers")
    assert row.agreement is not None and row.agreement.equal and row.agreement.by == "merges"
    assert "equal to that of tokenizers" in tables([figures], None)


@pytest.mark.slow
def test_a_run_reports_where_a_list_differs(figures: Figures) -> None:
    row = next(row for row in figures.rows if row.name == "wrong")
    assert row.agreement is not None
    assert (row.agreement.equal, row.agreement.first, row.agreement.why) == (False, 20, "not known")
    shown = tables([figures], None)
    assert "differs from merge 21 on" in shown
    assert r"- wrong, merge 21: `b'\xff' + b'\xfe'` where babelmerge has `" in shown


@pytest.mark.slow
def test_a_peer_that_fails_is_listed_with_what_it_said(figures: Figures) -> None:
    shown = tables([figures], None)
    assert "| fails | gpt4 | failed |" in shown
    assert "- fails (gpt4): exit status 1: no memory for it." in shown


@pytest.mark.slow
def test_every_run_has_its_own_time_and_memory(figures: Figures) -> None:
    rows = {row.name: row for row in figures.rows}
    assert [len(rows[name].runs) for name in ("tokenizers", "bare", "babelmerge", "fails")] == [2, 2, 2, 0]
    for name in ("tokenizers", "bare", "babelmerge"):
        assert all(run.wall_s > 0 and run.cpu_s > 0 for run in rows[name].runs)
    # a bare Python is far smaller than this process with its libraries, which started it
    assert max(run.peak_mb for run in rows["bare"].runs) < 40 < min(run.peak_mb for run in rows["babelmerge"].runs)
    ratios = sorted(a.wall_s / b.wall_s for a, b in zip(rows["bare"].runs, rows["babelmerge"].runs, strict=True))
    assert rows["bare"].ratio == pytest.approx(sum(ratios) / 2)


@pytest.mark.slow
def test_kept_figures_come_back_the_same_and_make_the_same_chart(figures: Figures, tmp_path: Path) -> None:
    write_figures(figures, tmp_path / "kept.json")
    again = read_figures(tmp_path / "kept.json")
    assert again == figures
    drawn = [[path.read_bytes() for path in draw(one, tmp_path / str(i))] for i, one in enumerate((figures, again))]
    assert drawn[0] == drawn[1] and b"tokenizers" in drawn[0][0]


@pytest.mark.slow
def test_the_block_in_the_readme_is_replaced_and_nothing_else(figures: Figures) -> None:
    readme = f"# Title\n\n{BEGIN}\nold\n{END}\n\nmore\n"
    once = replace_block(readme, tables([figures], "docs/figures"))
    assert replace_block(once, tables([figures], "docs/figures")) == once
    assert "old" not in once and once.startswith("# Title\n\n") and once.endswith(f"{END}\n\nmore\n")
    assert "](docs/figures/train-pages.svg)" in once
    with pytest.raises(ValueError, match="has no lines"):
        replace_block("# Title\n", "table")


def test_a_tie_is_told_from_another_difference() -> None:
    ours = MergeList([(b"a", b"b"), (b"c", b"d"), (b"e", b"f"), (b"g", b"h")], [9, 7, 7, 5])
    peer = dataclasses.replace(WRONG, ties="by byte values")
    pairs = [ours.items[i] for i in (0, 2, 1, 3)]
    tokens: list[tuple[bytes, ...]] = [(b"ab",), (b"ef",), (b"cd",), (b"gh",)]
    for items, by in ((pairs, "merges"), (tokens, "tokens")):
        found = compare(peer, MergeList(items), ours)
        assert (found.equal, found.by, found.first, found.common) == (False, by, 1, 1.0)
        assert found.why == "a tie: both pairs occur 7 times; wrong breaks ties by byte values"
    assert compare(peer, MergeList([ours.items[i] for i in (0, 3, 1, 2)]), ours).why == "not known"
    assert compare(peer, MergeList(ours.items[:3]), ours).why == "the lists have 3 and 4 entries"
    assert compare(peer, MergeList([(b"".join(item),) for item in ours.items]), ours).equal


@given(st.text(st.sampled_from("ab1.'s \n\n\t\u2003"), max_size=40))
def test_documents_cut_anew_have_the_pieces_of_the_whole(whole: str) -> None:
    def pieces(documents: list[str]) -> list[bytes]:
        cut = Pretokenizer("gpt2").split(pa.array(documents, pa.large_string()))
        return [bytes(cut.data[i:j]) for i, j in zip([0, *cut.ends.tolist()], cut.ends.tolist(), strict=False)]

    documents = list(documents_of_whole(whole.splitlines(keepends=True)))
    assert "".join(documents) == whole
    assert pieces(documents) == pieces([whole])


def test_a_separator_ends_a_document_and_belongs_to_none() -> None:
    lines = ["a<|endoftext|>b\n", "c<|endoftext|>\n", "d"]
    assert list(documents_of_whole(lines)) == ["a", "b", "\nc", "\nd"]


def test_a_run_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Failed, match=r"not done after 0\.2 s"):
        timed([sys.executable, "-c", "import time; time.sleep(60)"], ROOT, 0.2)


def test_gigabpe_finds_the_merges_of_hugging_face(text: Path, tmp_path: Path) -> None:
    """The alphabet of gigabpe is whole: the list has as many merges as the vocabulary has room for."""
    pytest.importorskip("gigabpe", reason="gigabpe is not installed")
    lists = []
    for name in ("gigabpe", "tokenizers"):
        (tmp_path / name).mkdir()
        trainers.TRAINERS[name](str(text), 700, PATTERNS["gpt2"], tmp_path / name)
        lists.append(PEERS[name].read(tmp_path / name).items)
    assert lists[0] == lists[1] and len(lists[0]) == 700 - 256
