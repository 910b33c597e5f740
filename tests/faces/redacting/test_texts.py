import io
import subprocess
import sys
from pathlib import Path

import pytest

from cartveil.errors import ReadError
from cartveil.events.kinds import Kind
from cartveil.events.patterns import find_patterns
from cartveil.faces.redacting import Redaction, read_key, redact_text_file, redact_text_stream
from cartveil.faces.redacting.texts import open_bytes
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.stand_ins import LABELS, Form, Style

SURROGATES = Style(Form.SURROGATES, SecretKey(bytes(32)))


def redacted(content: bytes, style: Style = LABELS) -> bytes:
    out = io.BytesIO()
    redact_text_stream(io.BytesIO(content), out, Redaction(find_patterns, style))
    return out.getvalue()


def test_every_line_goes_out_in_the_encoding_that_it_came_in() -> None:
    line, wanted = "张三请打13812345678\n", "张三请打[phone]\n"
    content = line.encode() + line.encode("gb18030") + line.encode()
    assert redacted(content) == wanted.encode() + wanted.encode("gb18030") + wanted.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030", "utf-8-sig"])
def test_a_chinese_surrogate_is_written_as_its_text_is(encoding: str) -> None:
    content = "电话一三八一二三四五六七八，邮箱a@b.com\r\n".encode(encoding)
    made = redacted(content, SURROGATES).decode(encoding)
    assert made.startswith("电话")
    assert "一三八一二三四五六七八" not in made
    assert made.endswith("\r\n")


def test_bytes_that_are_no_text_stay() -> None:
    content = b"\xff\xfa\x80 13812345678 \x00\xc3\n\x81"
    assert redacted(content) == content.replace(b"13812345678", b"[phone]")


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00", b"\xef\xbb\xbf"])
def test_nothing_to_redact_is_no_error(content: bytes) -> None:
    assert redacted(content) == content


def test_what_was_replaced_is_counted() -> None:
    redaction = Redaction(find_patterns, LABELS)
    redact_text_stream(io.BytesIO(b"13812345678 a@b.com\na@b.com"), io.BytesIO(), redaction)
    assert redaction.counts == {Kind.EMAIL: 2, Kind.PHONE: 1}


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("13812345678", encoding="utf-8")

    def broken(text: str) -> list[object]:
        raise ReadError("broken")

    with pytest.raises(ReadError):
        redact_text_file(tmp_path / "note.txt", tmp_path / "new.txt", Redaction(broken, LABELS))  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]
    redact_text_file(tmp_path / "note.txt", tmp_path / "new.txt", Redaction(find_patterns, LABELS))
    assert (tmp_path / "new.txt").read_text(encoding="utf-8") == "[phone]"


def test_a_folder_or_nothing_is_no_text(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.txt"):
        with pytest.raises(ReadError):
            open_bytes(path)


def test_a_key_is_read_from_hexadecimal_digits(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("ab" * 32 + "\n", encoding="ascii")
    assert read_key(tmp_path / "key") == SecretKey(b"\xab" * 32)
    for wrong in ("ab" * 31, "xy" * 32, "密钥", ""):
        (tmp_path / "wrong").write_text(wrong, encoding="utf-8")
        with pytest.raises(ReadError) as refused:
            read_key(tmp_path / "wrong")
        assert wrong[:4] not in str(refused.value).removeprefix(str(tmp_path)) or not wrong


MEASURE = """
import io, resource, sys
from cartveil.events.patterns import find_patterns
from cartveil.faces.redacting import Redaction, redact_text_stream
from cartveil.guard.keys import SecretKey
from cartveil.guard.protect.stand_ins import Form, Style
class Source(io.RawIOBase):
    left = int(sys.argv[1])
    def readable(self): return True
    def readinto(self, buffer):
        block = (sys.argv[2].encode() * 2000)[: min(len(buffer), self.left)]
        buffer[: len(block)] = block
        self.left -= len(block)
        return len(block)
class Target(io.RawIOBase):
    def writable(self): return True
    def write(self, data): return len(data)
style = Style(Form.SURROGATES, SecretKey(bytes(32)))
redact_text_stream(io.BufferedReader(Source(), 1 << 16), Target(), Redaction(find_patterns, style))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("line", [f"{'nothing in here, ' * 100}and 13812345678 in there\n", "no end of it "])
def test_ten_megabytes_need_a_few_more_than_one_tenth(line: str) -> None:
    most = [
        int(subprocess.run([sys.executable, "-c", MEASURE, str(size), line], capture_output=True, check=True).stdout)
        for size in (10**5, 10**7)
    ]
    assert most[1] - most[0] < 12_000  # kilobytes
