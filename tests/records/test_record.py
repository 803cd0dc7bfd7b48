"""What a record is: sealed text, refused when anything in it was changed."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.records import record, tables
from harness.records.reading import DamagedRecord
from tests.records.made_up import STUDY, made


def test_a_record_of_a_trial_that_has_not_run_tells_what_is_known():
    new = record.new_record(STUDY, 3)
    assert (new["workload"], new["optimizer"], new["study"]) == ("tiny", "sgd", STUDY.fingerprint)
    assert (new["trial"], new["status"], new["steps"]) == (3, "failed", 0)
    assert new["point"] == new["hyperparameters"] == STUDY.point(3)
    assert new["seeds"] == STUDY.seeds(3)
    assert record.from_text(record.to_text(new), ("tiny", "sgd", STUDY.fingerprint), 3)


def test_the_layout_of_the_text_is_not_sealed(folder):
    folder.write(made(0))
    whole = folder.read(0)
    folder.record_path(0).write_text(json.dumps(json.loads(folder.record_path(0).read_text())))
    assert folder.read(0) == whole


def test_a_record_of_schema_1_is_migrated(folder):
    """It had no checksum; it is read as if written today, and as a file left as it is."""
    old = json.loads(record.to_text(made(0))) | {"schema": 1}
    del old["run"]["checksum"]
    folder.record_path(0).write_text(json.dumps(old))
    found = folder.read(0)
    assert found["schema"] == record.SCHEMA
    assert found["val_error"] == 0.5
    assert json.loads(folder.record_path(0).read_text())["schema"] == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(key=st.sampled_from(sorted(made(0))), value=JSON, seal=st.booleans())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_fuzz_a_record_with_one_value_replaced_is_equal_or_refused(
    key, value, seal, folder, tmp_path
):
    """Sealed by somebody who knows how, too. What is read can be made a table of; the rest is named."""
    changed = {**made(0), key: value}
    try:
        text = record.to_text(changed) if seal else json.dumps({**made(0), "run": {}, key: value})
    except (TypeError, AttributeError):
        return  # not even sealed
    folder.record_path(0).write_text(text)
    try:
        trials, curves, _ = tables.read(tmp_path)
    except DamagedRecord as error:
        refusal = str(error)
        assert str(folder.record_path(0)) in refusal
        assert "\n" not in refusal
    else:
        assert trials["trial"].tolist() == [0]
        assert set(curves["trial"]) <= {0}
        assert seal


@given(content=st.binary(max_size=300), place=st.integers(0, 2000), cut=st.integers(0, 400))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_fuzz_bytes_overwritten_in_a_record_are_noticed(content, place, cut, folder):
    text = record.to_text(made(0)).encode()
    changed = text[:place] + content + text[place + cut :]
    folder.record_path(0).write_bytes(changed)
    try:
        found = folder.read(0)
    except DamagedRecord as error:
        refusal = str(error)
        assert "\n" not in refusal
    else:  # unchanged, but for the white space between its values
        assert found == json.loads(text)
