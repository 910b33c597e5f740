"""Write `words_zh.parquet`, the common Chinese words by part of speech, out of the dictionary of jieba.

    pip download jieba==0.42.1 --no-deps --no-binary :all: && tar xzf jieba-0.42.1.tar.gz
    python tools/make_words.py jieba-0.42.1/jieba/dict.txt

A line there is a word, how often it occurs, and its part of speech. Kept are words of two to five Chinese characters
that occur often enough. Names of people are left out: who they are is nobody's business here.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parents[1] / "src/cartveil/events/tables/words_zh.parquet"

#: Part of speech there -> sort here; all others are `other`.
SORTS = {
    "n": "noun",
    "vn": "noun",
    "an": "noun",
    "ng": "noun",
    "nz": "brand",
    "v": "verb",
    "ns": "place",
    "nt": "body",
    "nrt": "foreign",
    "t": "other",
}

#: Names of people, numbers, and what is no word.
_LEFT_OUT = frozenset({"nr", "nrfg", "m", "x"})

#: Occurrences a word needs, and one of no sort of its own.
_FEWEST, _FEWEST_OTHER = 3, 5

_WORD = re.compile(r"[\u4e00-\u9fff]{2,5}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dictionary", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    rows = sorted(dict(words_of(given.dictionary)).items())
    columns = {"word": [word for word, _ in rows], "sort": [sort for _, sort in rows]}
    table = pa.table({"word": columns["word"], "sort": pa.array(columns["sort"]).dictionary_encode()})
    pq.write_table(
        table,
        given.out,
        compression="brotli",
        compression_level=11,
        use_dictionary=["sort"],
        column_encoding={"word": "DELTA_BYTE_ARRAY"},
        write_statistics=False,
    )
    print(f"{len(rows):,} words")


def words_of(dictionary: Path) -> Iterator[tuple[str, str]]:
    """Yield (word, sort) of the words that are kept."""
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, count, part = line.split()
        sort = SORTS.get(part, "other")
        fewest = _FEWEST_OTHER if sort == "other" else _FEWEST
        if _WORD.fullmatch(word) and int(count) >= fewest and part not in _LEFT_OUT:
            yield word, sort


if __name__ == "__main__":
    main()
