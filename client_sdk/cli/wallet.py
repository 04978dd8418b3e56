"""`tallystick wallet`: a key in an encrypted file, what it holds, and taking money home."""

from __future__ import annotations

import typer

from client_sdk.cli import _keys, _money
from client_sdk.cli._command import register

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Keys, balances, taking money home.")

register(app, _keys.new, connects=False)
register(app, _keys.import_key, name="import", connects=False)
register(app, _keys.show)
register(app, _money.balance)
register(app, _money.withdraw)
register(app, _money.approve)
register(app, _money.faucet)
