"""Text tables as people and programs write them: CSV of any dialect and encoding, as rows of cells.

What the cells mean is for `files` (bars) and `universe` (instruments) to say.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from trading.errors import TradingError

__all__ = ["Table", "TableError", "read_table", "text_of"]

SEPARATORS = ",;\t|"


class TableError(TradingError):
    """A file that is no table; the message names the file, the line and the mend."""


@dataclass(frozen=True, slots=True)
class Table:
    """A text table."""

    header: list[str]
    """The cells of the first line; [] in an empty file."""
    rows: list[tuple[int, list[str]]]
    """Line number (from 1) and cells of each further line that is not blank."""
    separator: str


def read_table(path: Path) -> Table:
    """Return the cells of a CSV file (also .csv.gz, or the first member of a .zip).

    Raises:
        TableError: If the file cannot be read, is no text, or is quoted wrongly.
    """
    text = text_of(path)
    lines = text.splitlines(keepends=True)
    first = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=lambda sign: (first.count(sign), -SEPARATORS.index(sign)))
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, cells) for cells in reader if any(map(str.strip, cells)))
    except csv.Error as error:
        raise TableError(f"{path}: line {reader.line_num} is no CSV ({error}). Mend or remove it.") from error
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    return Table(header, rows[1:], separator)


def text_of(path: Path) -> str:
    """Return the text of a file, whatever it is packed in and encoded with.

    UTF-8 with or without a mark, UTF-16 with one, else CP949, in which Korean spreadsheets save.

    Raises:
        TableError: If it cannot be read.
    """
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            data = gzip.decompress(data)
        elif path.suffix.lower() == ".zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                data = archive.read(archive.namelist()[0])
    except (OSError, EOFError, IndexError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise TableError(f"{path}: cannot be read ({error}). Fetch or write the file again.") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise TableError(f"{path}: is no text in UTF-8, UTF-16 or CP949. Save it as UTF-8.")
