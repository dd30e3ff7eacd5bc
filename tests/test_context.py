"""What a line adds to its characters."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwr_edge import Recognizer
from hwr_edge.context.cuts import likeliest
from hwr_edge.context.decode import in_context
from hwr_edge.context.known import Known, read_lexicon
from hwr_edge.context.lexicon import by_lexicon
from hwr_edge.context.neighbours import by_neighbours
from hwr_edge.context.pattern import by_pattern, fill
from hwr_edge.context.tables import load, symbol
from hwr_edge.errors import DataError
from hwr_edge.locate import Line, Word
from hwr_edge.locate.layout import Box, Glyph
from tests.fakes import fake_recognizer, written
from train import context

LABELS = tuple(load().labels)
CROP = np.zeros((4, 4), np.uint8)


def line(*tops: int, foot: int = 100) -> Line:
    """One word of glyphs that stand on one foot, each from its own top down."""
    glyphs = (Glyph(Box(40 * n, top, 40 * n + 30, foot), CROP) for n, top in enumerate(tops))
    return Line((Word(tuple(glyphs)),))


def scores(*rows: str) -> NDArray[np.float32]:
    """A row a glyph: its candidates are equally likely, all else all but excluded."""
    table = np.full((len(rows), len(LABELS)), 1e-5, np.float32)
    for row, candidates in zip(table, rows, strict=True):
        row[[LABELS.index(candidate) for candidate in candidates]] = 1
    return table / table.sum(axis=1, keepdims=True)


def text(table: NDArray[np.float32]) -> str:
    return "".join(LABELS[i] for i in table.argmax(axis=1))


def test_size_tells_capitals_from_small_letters() -> None:
    found = in_context([line(40, 61, 60, 61)], scores("Ss", "oO0", "a", "n"), LABELS, Known())
    assert text(found) == "Soan"


def test_neighbours_tell_letters_from_digits() -> None:
    assert text(by_neighbours([5], scores("t", "h", "e", "s", "e"), LABELS)) == "these"
    assert text(by_neighbours([4], scores("1lI", "i", "s", "t"), LABELS))[0] == "l"
    assert text(by_neighbours([4], scores("2", "0O", "1l", "9g"), LABELS)) == "2019"


def ways(*words: str) -> list[tuple[NDArray[np.float32], float]]:
    """Ways of cutting one word, each a nat dearer than the one before; of an o nobody knows its case."""
    tables = [scores(*("oO" if character == "o" else character for character in word)) for word in words]
    return [(table, float(nats)) for nats, table in enumerate(tables)]


def test_of_several_ways_to_cut_a_word_the_likelier_text_is_taken() -> None:
    line = [ways("md", "and"), ways("deated", "created"), ways("to"), ways("qxk", "or")]
    assert likeliest(line, LABELS) == [1, 1, 0, 1]
    assert likeliest([ways("and", "md"), ways("to")], LABELS) == [0, 0]


def test_cuts_are_left_alone_in_codes_and_where_all_is_certain() -> None:
    assert likeliest([ways("xq7", "and"), ways("Zo9Kw", "9xk2v"), ways("k4Fq")], LABELS) == [0, 0, 0]
    assert likeliest([ways("md", "and"), ways("the")], LABELS) == [0, 0]
    assert likeliest([[(None, 0.0), *ways("oxq")]], LABELS) == [0]


def test_a_line_that_is_certain_is_left_as_it_is() -> None:
    sure = scores("q", "Z", "x")
    assert sure.max(axis=1).min() > 0.99
    assert (in_context([line(40, 40, 90)], sure, LABELS, Known()) == sure).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_chances_stay_chances(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    table = random.dirichlet(np.full(len(LABELS), 0.05), count).astype(np.float32)
    row = line(*(int(top) for top in random.integers(10, 95, count)))
    found = in_context([row], table, LABELS, Known(lexicon=("abc", "12")[: seed % 2]))
    assert found.shape == table.shape
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert found.min() >= 0


def test_models_without_both_cases_are_not_touched() -> None:
    table = np.full((2, 10), 0.1, np.float32)
    assert (in_context([line(40, 60)], table, "0123456789", Known()) == table).all()


def test_a_pattern_rules_out_what_its_slots_do_not_take() -> None:
    table = scores("0O", "1lI", "0O", "5S")
    assert text(by_pattern("AA-00", table, LABELS)) == "OI05"
    assert (by_pattern("A-0", table, LABELS) == table).all()
    assert fill("AA-00", "OI05") == "OI-05"
    assert fill("AA-00", "OI0") is None


def test_a_lexicon_settles_doubt_but_does_not_overrule_clear_ink() -> None:
    words = ("Paris", "Parma")
    assert text(by_lexicon(words, [5], scores("Pp", "a", "r", "i1l", "sS"), LABELS)) == "Paris"
    assert text(by_lexicon(words, [5], scores("B", "e", "r", "n", "e"), LABELS)) == "Berne"


def test_a_pattern_reaches_from_the_caller_to_the_text() -> None:
    plain = fake_recognizer()
    reader = Recognizer.of(plain.spec, plain.runtime, known=Known(pattern="00/0"))
    assert reader.predict(written("273"), "word").text == "27/3"
    short = reader.predict(written("27"), "word")
    assert (short.text, short.rejected) == ("27", "low_confidence")


def test_a_lexicon_is_read_from_text_or_complained_about(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Paris\nRome Paris\n", encoding="utf-8")
    assert read_lexicon(str(path)) == ("Paris", "Rome")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read_lexicon(str(path))
    with pytest.raises(DataError, match="cannot be read"):
        read_lexicon(str(tmp_path / "none.txt"))


def test_every_tenth_text_is_kept_out_of_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "FORTUNES", tmp_path)
    with pytest.raises(DataError, match="apt-get install fortunes"):
        context.fortunes(kept_out=True)
    (tmp_path / "sayings").write_text("\n%\n".join(f"Saying {n}, it's\nsaid." for n in range(20)))
    assert context.fortunes(kept_out=True) == ["Saying 0 it s said", "Saying 10 it s said"]
    assert len(context.fortunes(kept_out=False)) == 18


def test_what_comes_next_hangs_on_three_characters() -> None:
    follows, _ = context.language(["be cow"] * 20 + ["me pig"] * 20)
    assert follows.shape == (28,) * 4
    cow, pig = (follows[tuple(map(symbol, text))] for text in ("be c", "me c"))
    assert cow < 2 and pig > 10
