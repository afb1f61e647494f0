"""Text that `train` ends with: its summary, and how to load the tokenizer in three libraries."""

from pipelines.results import Trained
from pipelines.tokenizers import NEAREST, RANKS, TIKTOKEN, TOKENIZER_JSON


def describe(result: Trained) -> str:
    """Return the summary and a snippet for each library that reads the tokenizer."""
    return "\n".join([result.summary, *(f"\n{code}" for code in snippets(result))])


def snippets(result: Trained) -> list[str]:
    """Return Python that loads a tokenizer: for transformers, tokenizers, and, where it reads the ranks, tiktoken.

    Of a tokenizer without a tokenizer.json: the reason, and Python that loads it here.
    """
    folder = result.directory
    if (reason := result.facts.get("without_tokenizer_json")) is not None:
        return [
            f"no tokenizer.json: {reason}; {NEAREST} is the nearest merge list, which cuts "
            f"{result.facts['nearest_plain_differs']:.3%} of the training text in another way",
            f"import babelmerge as bm\ntokenizer = bm.Tokenizer.load({str(folder)!r})",
        ]
    codes = [
        f"from transformers import AutoTokenizer\ntokenizer = AutoTokenizer.from_pretrained({str(folder)!r})",
        f"from tokenizers import Tokenizer\ntokenizer = Tokenizer.from_file({str(folder / TOKENIZER_JSON)!r})",
    ]
    if TIKTOKEN in result.manifest.files:
        codes.append(
            "import base64, json, tiktoken\n"
            f"lines = map(str.split, open({str(folder / RANKS)!r}))\n"
            "ranks = {base64.b64decode(token): int(rank) for token, rank in lines}\n"
            f"arguments = json.load(open({str(folder / TIKTOKEN)!r}))  # pattern and special tokens\n"
            f"tokenizer = tiktoken.Encoding({folder.name!r}, mergeable_ranks=ranks, **arguments)"
        )
    return codes
