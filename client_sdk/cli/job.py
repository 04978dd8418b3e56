"""`tallystick job`: from a quote to a receipt."""

from __future__ import annotations

import typer

from client_sdk.cli import _job_end, _job_fund, _job_look, _job_take
from client_sdk.cli._command import register

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Quote, fund, watch, audit, take results and receipts."
)

register(app, _job_fund.quote)
register(app, _job_fund.fund)
register(app, _job_fund.sign)
register(app, _job_fund.cancel_order, name="cancel-order")
register(app, _job_look.list_jobs, name="list")
register(app, _job_look.show)
register(app, _job_look.watch)
register(app, _job_look.why)
register(app, _job_take.result)
register(app, _job_take.audit)
register(app, _job_take.receipt)
register(app, _job_take.verify)
register(app, _job_end.cancel)
register(app, _job_end.refund)
register(app, _job_end.expire)
register(app, _job_end.finalize)
