"""From what a user writes to a store."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from tallystick.errors import InputError
from tallystick.storage.folder import FolderStore
from tallystick.storage.store import Store

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):(.*)", re.IGNORECASE | re.DOTALL)
_MULTIADDR = re.compile(r"/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\d+(/https?)?")
_REMEDY = "Write dir:/path/to/folder or a path, or ipfs:/ip4/127.0.0.1/tcp/5001 or the URL of an IPFS API."


def open_store(place: str) -> Store:
    """The store at `place`.

    Args:
        place: `dir:/path` or a path: a folder, made where it is missing; `ipfs:` and a multiaddr or URL, or an http
            URL: an IPFS daemon's API, which is not contacted yet.

    Raises:
        InputError: none of these, or IPFS without its client installed.
        StoreUnavailableError: the folder cannot be made or written.
    """
    if not place.strip():
        raise InputError("The place of the store is empty.", remedy=_REMEDY)
    match = _SCHEME.fullmatch(place)
    scheme, rest = (match[1].lower(), match[2]) if match else ("dir", place)
    if scheme == "dir" and rest and not _MULTIADDR.fullmatch(rest):
        return FolderStore(Path(rest).expanduser())
    if scheme == "ipfs":
        return _open_ipfs(_multiaddr_of_url(rest) if "://" in rest else rest, place)
    if scheme in ("http", "https"):
        return _open_ipfs(_multiaddr_of_url(place), place)
    raise InputError(f"{place!r} is not the place of a store.", remedy=_REMEDY)


def _open_ipfs(multiaddr: str, place: str) -> Store:
    if not _MULTIADDR.fullmatch(multiaddr):
        raise InputError(f"{place!r} does not name an IPFS API.", remedy=_REMEDY)
    try:
        # Only here: a client that keeps artifacts in a folder needs no IPFS client installed.
        from tallystick.storage.ipfs import IpfsStore  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            f"{place!r} needs the IPFS client, which is not installed ({error}).",
            remedy="Install it with: pip install 'tallystick[ipfs]'",
        ) from error
    return IpfsStore(multiaddr)


def _multiaddr_of_url(url: str) -> str:
    """`http://host:5001` as `/dns/host/tcp/5001/http`; empty where the URL says more or less than that."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return ""
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query or parts.username or not host:
        return ""
    kind = "ip6" if ":" in host else "ip4" if re.fullmatch(r"[\d.]+", host) else "dns"
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"
