"""HTTP for `tests.openml_server`: what is asked, what is answered, and the faults that a test may wish for."""

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from tests.openml_files import element, xml


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked: the path without its query, which `fields` holds together with a form that was posted."""

    method: str
    path: str
    fields: Mapping[str, str]
    files: Mapping[str, bytes]
    match: "re.Match[str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered.

    Parameters
    ----------
    body : bytes
        As it is before it is packed by gzip, which every text is if the client takes it.
    status : int
        Of HTTP.
    content_type : str
        Its type.
    silent_seconds : float
        So long nothing is sent, or until the server is closed; then the connection is.
    is_cut : bool
        Whether the connection is closed after half of the body.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "text/xml; charset=utf-8"
    silent_seconds: float = 0.0
    is_cut: bool = False


Route = Callable[[Request], Answer]


def status(code: int) -> Answer:
    """Return the answer of a web server in trouble: a page that is no XML."""
    return Answer(status=code, body=f"<html><body><h1>{code}</h1><hr></body></html>".encode(), content_type="text/html")


def cut() -> Answer:
    """Return an answer of which only the first half arrives."""
    return Answer(body=b"<oml:something " + b"x" * 4096, is_cut=True)


def malformed() -> Answer:
    """Return an answer that is no XML, though it says so."""
    return Answer(body=xml("data_set_description", element("id", 2)).encode()[:-30])


def empty() -> Answer:
    """Return an empty page."""
    return Answer()


def silent(seconds: float = 30.0) -> Answer:
    """Return no answer for so long."""
    return Answer(silent_seconds=seconds)


def refusal(code: int, message: str) -> Answer:
    """Return OpenML's way to say no."""
    return Answer(status=412, body=xml("error", element("code", code) + element("message", message)).encode())


class Answering(Protocol):
    """What a handler asks for its answers."""

    def answer(self, method: str, path: str, fields: Mapping[str, str], files: Mapping[str, bytes]) -> Answer:
        """Return what is answered."""

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the server is closed."""


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for a server."""

    openml: Answering
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._give()

    def do_HEAD(self) -> None:
        self._give()

    def do_POST(self) -> None:
        self._give()

    def do_DELETE(self) -> None:
        self._give()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def _give(self) -> None:
        """Answer one request, and close the connection: every request of the client's has one of its own."""
        self.close_connection = True
        parts = urlsplit(self.path)
        fields = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        posted, files = _form(sent, self.headers.get("Content-Type") or "")
        answer = self.openml.answer(self.command, unquote(parts.path), {**fields, **posted}, files)
        if answer.silent_seconds:
            self.openml.wait(answer.silent_seconds)
            return
        try:
            self._send(answer)
        except OSError:  # the client has given up
            return

    def _send(self, answer: Answer) -> None:
        """Send an answer, or half of it."""
        is_packed = not answer.is_cut and "octet-stream" not in answer.content_type
        is_packed = is_packed and "gzip" in (self.headers.get("Accept-Encoding") or "")
        body = gzip.compress(answer.body, 1) if is_packed else answer.body
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        self.send_header("Connection", "close")
        if is_packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if answer.is_cut else body)


def _form(sent: bytes, content_type: str) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the fields and the files of a form that was posted."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return {name: values[-1] for name, values in parse_qs(sent.decode()).items()}, {}
    if not content_type.startswith("multipart/form-data"):
        return {}, {}
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + sent)
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in message.get_payload():
        assert isinstance(part, Message)
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename() is None:
            fields[name] = content.decode()
        else:
            files[name] = content
    return fields, files
