"""How Brownie starts anvil for this suite.

Not in conftest.py: Brownie hashes conftest and test files with whatever they import from inside the checkout, and stops
at an import that is not Python source, which its own `_config` is.
"""

from __future__ import annotations

import socket

from brownie._config import CONFIG

BLOCK_GAS = 30_000_000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configure() -> None:
    # Brownie's fixed port may be another chain's, to which it would attach without a word.
    CONFIG.networks["development"]["cmd_settings"].update(port=_free_port(), gas_limit=BLOCK_GAS)
    CONFIG.argv["silent"] = True
