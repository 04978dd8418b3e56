"""The package is cheap to import: a client that only reads manifests pays for no numpy."""

import subprocess
import sys

import pytest

import tallystick.proving

IMPORT = "import sys, tallystick.proving; print(sorted({'numpy', 'onnx', 'ezkl', 'psutil'} & set(sys.modules)))"


def test_import_of_the_package_loads_no_heavy_library():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", tallystick.proving.__all__)
def test_package_gives_every_name_it_lists(name):
    assert callable(getattr(tallystick.proving, name))


def test_package_given_an_unknown_name_raises_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        tallystick.proving.Nothing  # noqa: B018
