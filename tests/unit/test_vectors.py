"""The committed vectors are what this code says today; contract tests hold Solidity to the same files."""

import pytest

from scripts.make_vectors import files

FILES = files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_vectors_are_what_the_code_would_write(path):
    assert path.read_text() == FILES[path]
