"""Guesses before, measurements after."""

import pytest

from tallystick.proving.estimates import Estimates, Measurement, tabled_seconds


@pytest.fixture
def estimates(tmp_path):
    return Estimates(tmp_path / "estimates.json")


def test_tabled_seconds_given_a_listed_size_is_the_listed_time():
    assert tabled_seconds("prove", 15) == 6.5


def test_tabled_seconds_beyond_the_table_doubles_per_row_bit():
    assert tabled_seconds("prove", 22) == 4 * tabled_seconds("prove", 20)


def test_tabled_seconds_given_an_unknown_step_is_none():
    assert tabled_seconds("juggle", 15) is None


def test_seconds_when_nothing_was_measured_is_the_table(estimates):
    assert estimates.seconds("setup", 16) == tabled_seconds("setup", 16)


def test_seconds_when_measured_at_this_size_is_the_measurement(estimates):
    estimates.record([Measurement("prove", 13, 1.25)])

    assert estimates.seconds("prove", 13) == 1.25


def test_seconds_when_measured_at_another_size_scales_the_table(estimates):
    estimates.record([Measurement("prove", 15, 3 * tabled_seconds("prove", 15))])

    assert estimates.seconds("prove", 18) == pytest.approx(3 * tabled_seconds("prove", 18))


def test_seconds_when_two_sizes_disagree_takes_the_geometric_mean(estimates):
    estimates.record([Measurement("prove", 15, 4 * tabled_seconds("prove", 15))])
    estimates.record([Measurement("prove", 16, 1 * tabled_seconds("prove", 16))])

    assert estimates.seconds("prove", 18) == pytest.approx(2 * tabled_seconds("prove", 18))


def test_seconds_given_a_step_without_table_scales_from_the_nearest_measurement(estimates):
    estimates.record([Measurement("vka", 10, 0.01)])

    assert estimates.seconds("vka", 13) == pytest.approx(0.08)


def test_seconds_given_a_step_never_seen_is_none(estimates):
    assert estimates.seconds("vka", 13) is None


def test_record_given_a_second_measurement_moves_part_of_the_way(estimates):
    estimates.record([Measurement("prove", 13, 1.0)])
    estimates.record([Measurement("prove", 13, 2.0)])

    assert 1.0 < estimates.seconds("prove", 13) < 2.0


def test_record_is_seen_by_another_instance_on_the_same_file(tmp_path):
    Estimates(tmp_path / "e.json").record([Measurement("prove", 13, 1.25)])

    assert Estimates(tmp_path / "e.json").seconds("prove", 13) == 1.25


@pytest.mark.parametrize("content", ["", "[]", '{"prove": 3}', '{"prove": {"x": 1}}', '{"prove": {"13": "slow"}}'])
def test_seconds_when_the_file_is_damaged_is_the_table(tmp_path, content):
    path = tmp_path / "e.json"
    path.write_text(content)

    assert Estimates(path).seconds("prove", 13) == tabled_seconds("prove", 13)
