"""Which decomposition a circuit gets. Row counts are EZKL's own, measured on the models named."""

from tallystick.proving.circuit_options import CANDIDATES, CircuitOptions, logrows_for, rank_options

SMALL = CircuitOptions(256, 4)
MIDDLE = CircuitOptions(1024, 3)
LARGE = CircuitOptions(16384, 2)
FREIVALDS = CircuitOptions(1024, 3, freivalds=True)


def test_rank_options_given_a_tiny_model_prefers_the_small_table():
    assert rank_options({SMALL: 555, LARGE: 402}, instances=7)[0] == SMALL


def test_rank_options_given_a_large_tensor_prefers_few_digits():
    assert rank_options({SMALL: 166_992, LARGE: 110_544}, instances=9408)[0] == LARGE


def test_rank_options_given_equal_logrows_prefers_fewer_rows():
    assert rank_options({SMALL: 6792, MIDDLE: 6080}, instances=296)[0] == MIDDLE


def test_rank_options_when_freivalds_halves_the_rows_prefers_the_direct_product():
    assert rank_options({MIDDLE: 8448, FREIVALDS: 6080}, instances=296)[0] == MIDDLE


def test_rank_options_when_freivalds_saves_a_factor_of_four_prefers_it():
    assert rank_options({MIDDLE: 40_000, FREIVALDS: 8000}, instances=296)[0] == FREIVALDS


def test_rank_options_when_freivalds_changes_nothing_prefers_the_direct_product():
    assert rank_options({FREIVALDS: 555, MIDDLE: 555}, instances=7)[0] == MIDDLE


def test_rank_options_when_all_else_is_equal_prefers_the_wider_span():
    wide = CircuitOptions(2048, 3)

    assert rank_options({MIDDLE: 3000, wide: 3000}, instances=7)[0] == wide


def test_rank_options_keeps_every_candidate():
    rows = dict.fromkeys(CANDIDATES, 100)

    assert set(rank_options(rows, instances=2)) == set(CANDIDATES)


def test_logrows_for_when_the_table_is_larger_than_the_circuit_counts_the_table():
    assert logrows_for(LARGE, rows=402, instances=7) == 15


def test_logrows_for_when_instances_are_more_than_rows_counts_instances():
    assert logrows_for(SMALL, rows=300, instances=5000) == 13


def test_logrows_for_when_rows_fill_a_power_of_two_leaves_room_for_blinding():
    assert logrows_for(SMALL, rows=8192, instances=1) == 14
