"""Text on its way to people: on one line, printable, and without what is secret in a URI."""

import re

_PASSWORD = re.compile(r"(?<=\w)(:/{1,2})[^\s/@:]*:(?!\d+/)\S*?@(?![^\s/]*@)")
"""One slash: what becomes of a URI that is taken for a path."""

_TOKEN = re.compile(r"(?<!abfs)(?<!abfss)(?<=\w)(:/{1,2})[^\s/@]+@")

_QUERY = re.compile(r"(?<=\w)(:/{1,2}[^\s?]*)\?[^\s'\"]*=[^\s'\"]*|(https?:/{1,2}[^\s?'\"]*)\?[^\s'\"]+", re.IGNORECASE)

_PARAMETER = re.compile(
    r"([?&;#][\w.%-]*(?:sig|signature|token|secret|password|passwd|credential|key|auth)[\w.%-]*=)[^\s&;'\"]+",
    re.IGNORECASE,
)
"""Secret parameters of a query, as in the messages of network packages that name the host elsewhere."""


def masked(text: str) -> str:
    """Return a text without the users, passwords and queries of its URIs: `masked("s3://k:s@b/x")` is "s3://***@b/x"."""
    hidden = _TOKEN.sub(r"\1***@", _PASSWORD.sub(r"\1***@", text))
    return _PARAMETER.sub(r"\1***", _QUERY.sub(lambda found: f"{found[1] or found[2]}?***", hidden))


def shown(text: str) -> str:
    r"""Return a text on one line, printable and masked: a newline becomes "\n", a stray byte "\udcff"."""
    plain = masked(text)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in plain)
