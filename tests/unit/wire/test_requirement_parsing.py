import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RequirementError
from tallystick.wire.requirements import KEYS, Clause, Requirements, parse_requirements
from tallystick.wire.requirements.parsing import MAX_TEXT

EXAMPLE = "gpu>=1 vram>=16GiB cc>=8.0 ezkl>=23 region=eu|us"


def test_parse_requirements_given_the_example_gives_each_clause() -> None:
    assert parse_requirements(EXAMPLE) == Requirements(
        (
            Clause("gpu", ">=", (1,)),
            Clause("vram", ">=", (16 * 2**30,)),
            Clause("cc", ">=", ((8, 0),)),
            Clause("ezkl", ">=", ((23,),)),
            Clause("region", "=", ("eu", "us")),
        )
    )


@pytest.mark.parametrize("text", ["", " ", "   \t\n"])
def test_parse_requirements_given_nothing_requires_nothing(text: str) -> None:
    assert parse_requirements(text) == Requirements()


@pytest.mark.parametrize("operator", [">=", "<=", ">", "<", "=", "!="])
def test_parse_requirements_given_each_operator_keeps_it(operator: str) -> None:
    assert parse_requirements(f"cpu{operator}8").clauses[0].operator == operator


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (EXAMPLE, EXAMPLE),
        ("  gpu>=1   cpu>=2 ", "gpu>=1 cpu>=2"),
        ("gpu>=1\n\tcpu>=2", "gpu>=1 cpu>=2"),
        ("GPU>=1 Region=EU|Us", "gpu>=1 region=eu|us"),
        ("cpu>=0008", "cpu>=8"),
        ("mem>=1.5GiB", "mem>=1536MiB"),
        ("mem>=1024MiB", "mem>=1GiB"),
        ("disk>=16gb", "disk>=16GB"),
        ("disk>=0TiB", "disk>=0B"),
        ("gpu.model=H100|A100**", "gpu.model=h100|a100*"),
        ("region=eu|eu|us", "region=eu|us"),
        ("vram>=8GiB vram<24GiB", "vram>=8GiB vram<24GiB"),
    ],
)
def test_str_given_parsed_requirements_is_the_canonical_text(text: str, canonical: str) -> None:
    assert str(parse_requirements(text)) == canonical


@pytest.mark.parametrize(
    ("text", "column", "what", "remedy"),
    [
        ("cpu>=1 regoin=eu", 7, "'regoin' is nothing that can be required", "Did you mean region?"),
        ("vam>=1GiB", 0, "'vam' is nothing", "Did you mean vram?"),
        ("gpu_model=H100", 0, "'gpu_model' is nothing", "Did you mean gpu.model?"),
        ("zzzzz=1", 0, "'zzzzz' is nothing", "Known are gpu, gpu.model, vram"),
        ("price<=5", 0, "'price' is nothing", "part of the job's terms"),
        ("cpu>=1 region>=eu", 13, "region cannot be compared by >=", "region=eu|us"),
        ("gpu.model>H100", 9, "gpu.model cannot be compared by >", "gpu.model=H100|A100*"),
        ("vram>=", 6, "A value is missing behind 'vram>='", "vram>=16GiB"),
        ("vram>= cpu>=1", 6, "A value is missing behind 'vram>='", "vram>=16GiB"),
        ("region=eu|", 10, "A value is missing behind 'region=eu|'", "region=eu|us"),
        ("region=|eu", 7, "A value is missing behind 'region='", "region=eu|us"),
        ("region=eu||us", 10, "A value is missing behind 'region=eu|'", "region=eu|us"),
        ("region==eu", 7, "A value is missing behind 'region='", "The operators are >= <= > < = !="),
        ("gpu=>1", 4, "A value is missing behind 'gpu='", "The operators are >= <= > < = !="),
        ("gpu", 3, "'gpu' needs an operator", "gpu>=1"),
        ("cpu>=1 gpu", 10, "'gpu' needs an operator", "gpu>=1"),
        ("cpu >= 1", 3, "'cpu' needs an operator", "cpu>=8"),
        ("gpu!1", 3, "'gpu' needs an operator", "gpu>=1"),
        (">=1", 0, "not with '>='", "Known are"),
        ("gpu>=1 8", 7, "not with '8'", "Known are"),
        ("gpu>=1,vram>=16GiB", 11, "'>=' cannot follow 'gpu>=1,vram'", "Put a space between requirements"),
        ("gpu>=1|2", 6, "Alternatives do not go with >=", "gpu=1|2"),
        ("cpu>=1 vram>=16", 13, "16 has no unit", "write 16GiB"),
        ("mem>=16G", 5, "mem takes a size such as 16GiB, not '16G'", "mem>=32GiB"),
        ("mem>=99999999TiB", 5, "more than any machine has", "mem>=32GiB"),
        ("gpu>=one", 5, "gpu takes a whole number, not 'one'", "gpu>=1"),
        ("gpu>=1.5", 5, "gpu takes a whole number, not '1.5'", "gpu>=1"),
        ("gpu>=-1", 5, "gpu takes a whole number, not '-1'", "gpu>=1"),
        ("gpu>=\u0661", 5, "gpu takes a whole number", "gpu>=1"),
        ("cpu>=9999999999", 5, "cpu takes a whole number", "cpu>=8"),
        ("cc>=8.0.1", 4, "cc takes a compute capability such as 8.0", "cc>=8.0"),
        ("ezkl>=v23", 6, "ezkl takes a version such as 23.0, not 'v23'", "ezkl>=23"),
        ("region=eu|u_s", 10, "region takes a word such as eu", "region=eu|us"),
        ("region=e*", 7, "region takes a word such as eu", "region=eu|us"),
        ("gpu.model=???", 10, "gpu.model takes a model's name", "A100*"),
        ("cpu>=1\nvram>=", 13, "A value is missing", "vram>=16GiB"),
    ],
)
def test_parse_requirements_given_a_mistake_points_at_the_place(text: str, column: int, what: str, remedy: str) -> None:
    with pytest.raises(RequirementError) as caught:
        parse_requirements(text)

    assert caught.value.column == column
    assert what in caught.value.what
    assert remedy in str(caught.value)


def test_parse_requirements_given_a_mistake_draws_a_caret_below_it() -> None:
    with pytest.raises(RequirementError) as caught:
        parse_requirements("cpu>=1 region>=eu")

    _, shown, caret, *_ = str(caught.value).splitlines()
    assert shown.strip() == "cpu>=1 region>=eu"
    assert shown[caret.index("^") :].startswith(">=eu")


def test_parse_requirements_given_a_mistake_on_a_second_line_shows_one_line() -> None:
    with pytest.raises(RequirementError) as caught:
        parse_requirements("cpu>=1\nregion>=eu")

    assert caught.value.text == "cpu>=1 region>=eu"


def test_parse_requirements_given_too_long_a_text_is_refused() -> None:
    with pytest.raises(RequirementError, match=f"{MAX_TEXT + 1} characters"):
        parse_requirements("x" * (MAX_TEXT + 1))


@pytest.mark.parametrize("key", list(KEYS.values()), ids=list(KEYS))
def test_parse_requirements_given_the_example_of_a_key_gives_that_key(key) -> None:
    assert parse_requirements(key.example).clauses[0].key == key.name


def values_of(name: str) -> st.SearchStrategy[str]:
    digits = st.integers(0, 10**9 - 1)
    if name in ("gpu", "cpu"):
        return digits.map(str)
    if name in ("vram", "mem", "disk"):
        units = st.sampled_from(["B", "KB", "KiB", "MB", "MiB", "GB", "GiB"])
        return st.builds(lambda number, unit: f"{number}{unit}", digits, units)
    if name == "gpu.model":
        return st.from_regex(r"\A[A-Za-z0-9*][A-Za-z0-9._*+/()-]{0,40}\Z")
    if name in ("region", "os"):
        return st.from_regex(r"\A[a-zA-Z0-9]{1,10}(-[a-z0-9]{1,5}){0,3}\Z")
    parts = 2 if name == "cc" else 4
    return st.lists(digits, min_size=1, max_size=parts).map(lambda numbers: ".".join(map(str, numbers)))


@st.composite
def terms(draw) -> str:
    key = draw(st.sampled_from(list(KEYS.values())))
    operators = [">=", "<=", ">", "<", "=", "!="] if key.kind.ordered else ["=", "!="]
    operator = draw(st.sampled_from(operators))
    most = 3 if operator in ("=", "!=") else 1
    return f"{key.name}{operator}{'|'.join(draw(st.lists(values_of(key.name), min_size=1, max_size=most)))}"


@given(st.lists(terms(), max_size=4).map(" ".join))
def test_parse_requirements_given_the_canonical_text_of_any_requirements_gives_them_back(text: str) -> None:
    requirements = parse_requirements(text)

    assert parse_requirements(str(requirements)) == requirements


@given(st.text(alphabet="gpuvramregionezkl.<>=!| 0123456789GiBeu*-é\n", max_size=60))
def test_parse_requirements_given_any_text_parses_or_points_into_it(text: str) -> None:
    try:
        parse_requirements(text)
    except RequirementError as error:
        assert 0 <= error.column <= len(error.text)
