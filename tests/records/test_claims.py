"""Which trials run now: a claim excludes others until its holder dies."""

import subprocess
import sys

from harness.records.claims import Claims, claimed

HOLDER = """
import sys, time
from pathlib import Path
from harness.records.claims import Claims
mine = Claims(Path(sys.argv[1]))
print([mine.take(trial) for trial in (0, 1, 2)], flush=True)
time.sleep(60)
"""


def test_a_claim_excludes_others_until_its_holder_dies(folder):
    ours = Claims(folder.claims)
    assert ours.take(1)
    assert not ours.take(1)  # another study of this command that is the same
    command = [sys.executable, "-c", HOLDER, str(folder.claims)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "[True, False, True]\n"
            assert not ours.take(0)
            assert claimed(folder.claims, range(5)) == {0, 2}  # ours do not count as another's
        finally:
            other.kill()
            other.wait()
    assert ours.take(0)
    assert claimed(folder.claims, range(5)) == set()
    ours.release(1)
    assert ours.take(1)
    ours.close()


def test_without_locks_every_claim_is_granted(tmp_path):
    assert Claims(tmp_path / "no such folder" / "claims").take(3)
    assert claimed(tmp_path / "nothing", [1]) == set()
