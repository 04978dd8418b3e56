"""Manifests by the 32 bytes that the chain holds of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tallystick.errors import ArtifactCorruptError, ArtifactTooLargeError
from tallystick.ids import Bytes32
from tallystick.market.manifests import MAX_MANIFEST_BYTES, AnyModelManifest, Manifest, decode_model_manifest
from tallystick.storage.cid import manifest_cid
from tallystick.storage.store import Store
from tallystick.units import format_size

M = TypeVar("M", bound=Manifest)


def put_manifest(store: Store, manifest: Manifest) -> Bytes32:
    """Keeps `manifest` and returns the digest that names it on the chain.

    Raises:
        ArtifactTooLargeError: it does not fit one block, so no CID could be derived from its digest.
        StoreUnavailableError: the store does not answer.
    """
    encoded = manifest.encode()
    if len(encoded) > MAX_MANIFEST_BYTES:
        raise ArtifactTooLargeError(
            f"The {type(manifest).__name__} is {format_size(len(encoded))}; a manifest has "
            f"{format_size(MAX_MANIFEST_BYTES)} at most.",
            remedy="Shorten its texts, or refer to fewer artifacts.",
        )
    store.put(encoded)
    return manifest.digest()


def get_model_manifest(store: Store, digest: Bytes32) -> AnyModelManifest:
    """A model's manifest, of whichever proof kind. Raises as `get_manifest` does."""
    encoded = store.get(manifest_cid(digest), max_bytes=MAX_MANIFEST_BYTES)
    return _named(digest, "model manifest", lambda: decode_model_manifest(encoded))


def get_manifest(store: Store, digest: Bytes32, form: type[M]) -> M:
    """The manifest of form `form` whose digest the chain holds.

    Raises:
        ArtifactMissingError, ArtifactTooLargeError, StoreUnavailableError: as `Store.get`.
        ArtifactCorruptError: another hash, another form, or not the canonical spelling.
    """
    encoded = store.get(manifest_cid(digest), max_bytes=MAX_MANIFEST_BYTES)
    return _named(digest, form.__name__, lambda: form.decode(encoded))


def _named(digest: Bytes32, form: str, decode: Callable[[], M]) -> M:
    try:
        return decode()
    except ArtifactCorruptError as error:
        raise ArtifactCorruptError(
            f"The content named {digest} is not the {form} that the chain says it is: {error.what}",
            remedy=error.remedy or "Whoever published it made it wrong; do not use it.",
        ) from error
