import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.errors import InputError, StoreUnavailableError
from tallystick.storage.folder import FolderStore
from tallystick.storage.open import open_store

pytestmark = pytest.mark.filterwarnings("ignore:The 'strict' parameter")  # of ipfshttpclient to urllib3


@pytest.mark.parametrize("spelling", ["{}", "dir:{}", "DIR:{}"])
def test_open_store_given_a_folder_keeps_content_there(tmp_path: Path, spelling: str) -> None:
    place = tmp_path / "new" / "store"

    store = open_store(spelling.format(place))
    store.put(b"kept")

    assert isinstance(store, FolderStore)
    assert any((place / "blocks").iterdir())


@pytest.mark.parametrize(
    "place",
    [
        "ipfs:/ip4/127.0.0.1/tcp/1",
        "ipfs:/ip4/127.0.0.1/tcp/1/http",
        "ipfs:http://127.0.0.1:1",
        "http://127.0.0.1:1",
        "http://[::1]:1/",
        "https://localhost:1",
    ],
)
def test_open_store_given_an_api_where_nobody_listens_fails_at_the_first_call(place: str) -> None:
    store = open_store(place)

    with pytest.raises(StoreUnavailableError, match=r"/tcp/1.*cannot be reached"):
        store.put(b"never arrives")


@pytest.mark.parametrize(
    "place",
    [
        "",
        " ",
        "dir:",
        "ipfs:",
        "ipfs:/ip4/127.0.0.1",
        "ipfs:/ip4/999.0.0.1/tcp/5001",
        "ipfs:/ip4/127.0.0.1/udp/5001",
        "/ip4/127.0.0.1/tcp/5001",
        "http://",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:5001/api/v0",
        "http://user@127.0.0.1:5001",
        "ipfs:ftp://127.0.0.1:5001",
        "s3://bucket/folder",
    ],
)
def test_open_store_given_anything_else_says_what_to_write(place: str) -> None:
    with pytest.raises(InputError) as caught:
        open_store(place)

    assert "/ip4/127.0.0.1/tcp/5001" in caught.value.remedy


def test_open_store_given_a_folder_loads_no_ipfs_client(tmp_path: Path) -> None:
    program = (
        "import sys; from tallystick.storage.open import open_store; import tallystick.storage.manifests; "
        "open_store(sys.argv[1]).put(b''); sys.exit('ipfshttpclient' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program, tmp_path], check=False).returncode == 0
