"""Time that is handed in, and logs that keep secrets."""

import json

import pytest
import structlog

from tallystick.clock import ManualClock, SystemClock
from tallystick.errors import InputError
from tallystick.logs import configure_logging, get_logger


@pytest.fixture(autouse=True)
def _unconfigured():
    yield
    structlog.reset_defaults()


def test_manual_clock_moves_only_when_told():
    clock = ManualClock(100)
    before = clock.now()
    clock.advance(5)
    assert (before, clock.now()) == (100, 105)


def test_system_clock_is_after_this_line_was_written():
    assert SystemClock().now() > 1_700_000_000


def test_get_logger_given_json_writes_one_object_a_line_with_its_module(capsys):
    configure_logging(json=True)
    get_logger("tallystick.somewhere").info("job_assigned", job_id="0x1")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["job_id"], line["module"]) == ("job_assigned", "0x1", "tallystick.somewhere")


def test_configure_logging_given_an_unknown_level_names_those_there_are():
    with pytest.raises(InputError, match=r"'loud' is no log level. Choose debug, info, warning or error."):
        configure_logging(json=True, level="loud")


def test_get_logger_made_before_configuration_follows_it(capsys):
    log = get_logger("early")
    configure_logging(json=True)
    log.info("node_started")
    assert json.loads(capsys.readouterr().err)["event"] == "node_started"


@pytest.mark.parametrize("key", ["password", "private_key", "client_secret", "Authorization", "mnemonic"])
def test_get_logger_given_a_secret_hides_it(capsys, key):
    configure_logging(json=True)
    get_logger("x").warning("key_opened", **{key: "hunter2"})
    assert "hunter2" not in capsys.readouterr().err


def test_configure_logging_given_a_level_leaves_out_what_is_below(capsys):
    configure_logging(json=True, level="warning")
    get_logger("x").info("block_seen")
    assert capsys.readouterr().err == ""


def test_configure_logging_writes_nothing_to_standard_output(capsys):
    configure_logging(json=False)
    get_logger("x").error("chain_lost")
    assert capsys.readouterr().out == ""
