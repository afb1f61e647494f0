"""A small object store on this machine that answers as S3 does: enough of it to list, look and read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


@contextmanager
def serve(objects: dict[str, bytes]) -> Iterator[str]:
    """Serve "bucket/key" -> bytes; gives the query that makes an s3:// URI lead there."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            name = unquote(url.path).lstrip("/")
            query = parse_qs(url.query, keep_blank_values=True)
            if "list-type" in query:
                self.answer(200, listing(objects, name.rstrip("/"), query))
            elif name in objects:
                self.answer_object(objects[name])
            elif any(key.startswith(name.rstrip("/") + "/") for key in objects) and "/" not in name.rstrip("/"):
                self.answer(200, b"")
            else:
                self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

        def answer_object(self, data: bytes) -> None:
            wanted = self.headers.get("Range")
            if not wanted:
                return self.answer(200, data)
            first, last = wanted.removeprefix("bytes=").split("-")
            stop = min(int(last) + 1, len(data)) if last else len(data)
            content = f"bytes {first}-{stop - 1}/{len(data)}"
            return self.answer(206, data[int(first) : stop], content)

        def answer(self, status: int, body: bytes, content_range: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", _DATE)
            if content_range:
                self.send_header("Content-Range", content_range)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"endpoint_override=127.0.0.1:{server.server_port}&scheme=http&region=us-east-1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listing(objects: dict[str, bytes], bucket: str, query: dict[str, list[str]]) -> bytes:
    """ListObjectsV2, in one page."""
    prefix = query.get("prefix", [""])[0]
    delimiter = query.get("delimiter", [""])[0]
    keys = [name.removeprefix(f"{bucket}/") for name in sorted(objects) if name.startswith(f"{bucket}/{prefix}")]
    keys = keys[: int(query.get("max-keys", ["1000"])[0])]
    contents, folders = [], dict[str, None]()
    for key in keys:
        inside = key.removeprefix(prefix)
        if delimiter and delimiter in inside:
            folders[prefix + inside.split(delimiter)[0] + delimiter] = None
        else:
            size = len(objects[f"{bucket}/{key}"])
            modified = "<LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            contents.append(f"<Contents><Key>{escape(key)}</Key>{modified}<Size>{size}</Size></Contents>")
    common = "".join(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in folders)
    count = f"<KeyCount>{len(contents) + len(folders)}</KeyCount><IsTruncated>false</IsTruncated>"
    return (
        f'<?xml version="1.0"?><ListBucketResult><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>{count}'
        f"{''.join(contents)}{common}</ListBucketResult>"
    ).encode()
