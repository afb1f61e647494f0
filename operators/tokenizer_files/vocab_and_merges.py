"""Byte-level BPE in two files, vocab.json and merges.txt, as GPT-2 was published."""

import msgspec

from operators.text.preprocessing import byte_level_step, split_step
from operators.text.pretokenizers import NO_SPLIT, PATTERNS
from operators.tokenizer_files.errors import MalformedTokenizer, UnsupportedTokenizer


def to_tokenizer_json(vocab: bytes, merges: bytes, added: bytes | None, pretokenizer: str, path: str) -> bytes:
    """Return the tokenizer.json of the two files; added: an added_tokens.json beside them, if any.

    With the pre-tokenizer gpt2 it encodes as `tokenizers.ByteLevelBPETokenizer` does with the two files. `path` is for
    error messages.

    Raises:
        MalformedTokenizer: a file is not what its name says.
        UnsupportedTokenizer: the words' ends are marked, so it is no byte-level model.
    """
    try:
        ids = msgspec.json.decode(vocab, type=dict[str, int])
        more = msgspec.json.decode(added, type=dict[str, int]) if added is not None else {}
        lines = merges.decode().split("\n")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedTokenizer(path, f"no vocab.json with merges.txt ({error})") from None
    pairs = [line.removesuffix("\r") for line in lines if line.strip() and not line.startswith("#version")]
    if any(pair.endswith("</w>") for pair in pairs):
        raise UnsupportedTokenizer(path, "a vocabulary with marks at the words' ends (</w>)")
    steps = [] if pretokenizer == NO_SPLIT else [split_step(PATTERNS.get(pretokenizer, pretokenizer))]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return msgspec.json.encode(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": i, "content": token, **flags} for token, i in sorted(more.items(), key=lambda item: item[1])
            ],
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps, byte_level_step()]},
            "post_processor": byte_level_step(),
            "decoder": byte_level_step(),
            "model": {"type": "BPE", "vocab": ids, "merges": pairs},
        }
    )
