"""Which installed faces are taken for more writers."""

from pathlib import Path

import pytest

from hwr_edge.errors import DataError
from train import fonts


def test_faces_are_found_by_name_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "debian/ComicNeue-Bold.otf",
        "debian/Other.ttf",
        "web/caveat/files/caveat-latin-400-normal.woff",
        "web/caveat/files/caveat-latin-400-normal.woff2",
        "web/caveat/files/caveat-latin-700-normal.woff",
        "web/caveat-brush/files/caveat-brush-latin-400-normal.woff",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(fonts, "FOLDERS", [tmp_path / "debian", tmp_path / "web"])
    assert [path.name for path in fonts.faces("handwriting")] == ["ComicNeue-Bold.otf"]
    assert [path.name for path in fonts.faces("web")] == [
        "caveat-latin-400-normal.woff",
        "caveat-brush-latin-400-normal.woff",
    ]


@pytest.mark.parametrize(
    ("kind", "words"), [("web", "npm install @fontsource/"), ("printed", "apt-get install fonts-liberation")]
)
def test_missing_faces_say_how_to_install_them(
    kind: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "FOLDERS", [tmp_path])
    with pytest.raises(DataError, match=words):
        fonts.faces(kind)
