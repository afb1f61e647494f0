"""What can be wrong with a tokenizer file, or with writing one."""

from operators.errors import DataError


def _on_one_line(text: str) -> str:
    r"""With what is not printable spelled out: a newline that a file has in a name becomes "\n"."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class UnsupportedTokenizer(DataError):
    """A tokenizer file that is whole but holds something that is not read exactly."""

    def __init__(self, path: str, feature: str) -> None:
        super().__init__(path, feature)
        self.path, self.feature = path, feature

    def __str__(self) -> str:
        return f"{self.path}: {_on_one_line(self.feature)} cannot be read exactly; give a BPE tokenizer without it"


class MalformedTokenizer(DataError):
    """A tokenizer file that contradicts itself or is something else."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {_on_one_line(self.reason)}; fetch or write the tokenizer file again"


class InexpressibleTokenizer(DataError):
    """A tokenizer that a file format cannot hold without changing what it does."""

    def __init__(self, file_format: str, reason: str) -> None:
        super().__init__(file_format, reason)
        self.file_format, self.reason = file_format, reason

    def __str__(self) -> str:
        return f"this tokenizer cannot be written as {self.file_format}: {self.reason}"
