import pytest

from workloads.settings import FLAG, PATH, POSITIVE, PROBABILITY, one_of, read
from workloads.task import DataError


def test_settings_are_attributes_and_absent_ones_null():
    settings = read("data", {"root": "x"}, root=PATH, download=FLAG)
    assert (settings.root, settings.download) == ("x", None)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"dpeth": 8}, r"model\.dpeth is not a setting of this workload: depth, width"),
        ({"depth": 9, "width": 1}, r"model\.depth must be one of 8, 14, not 9"),
        ({"width": 1}, r"model\.depth must be one of 8, 14, not null"),
        ({"depth": 8, "width": -1}, r"model\.width must be a whole number of at least 1, not -1"),
        ({"depth": 8, "width": True}, r"model\.width must be a whole number .*, not True"),
        ({"depth": 8, "width": 1.5}, r"model\.width must be a whole number .*, not 1\.5"),
        ({"depth": 8.0, "width": 1}, r"model\.depth must be one of 8, 14, not 8\.0"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(node, message):
    with pytest.raises(DataError, match=message):
        read("model", node, depth=one_of(8, 14), width=POSITIVE)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (PROBABILITY, [0, 0.0, 0.999], [1, 1.0, -0.1, None, "0.2", float("nan"), True]),
        (FLAG, [None, True, False], [0, 1, "true"]),
        (PATH, [None, "a/b"], ["", 3]),
        (POSITIVE, [1, 10**6], [0, -1, 2.0, None, "2"]),
    ],
)
def test_rules(rule, good, bad):
    assert [value for value in good if not rule.holds(value)] == []
    assert [value for value in bad if rule.holds(value)] == []
