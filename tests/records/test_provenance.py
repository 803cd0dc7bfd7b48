"""The processor that a record names."""

import platform

import pytest

from harness.records import provenance

CPUINFO = "processor\t: 0\nmodel name\t: Abacus 9\nflags\t\t: fpu {}\nbugs\t\t: none\n\nprocessor\t: 1\nmodel name\t: Abacus 9\n"


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What is named for such contents of /proc/cpuinfo; None for no such file."""

    def named(text):
        path = tmp_path / "cpuinfo"
        if text is not None:
            path.write_text(text)
        monkeypatch.setattr(provenance, "CPUINFO", path)
        return provenance.processor()

    for limit in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(limit, raising=False)
    return named


@pytest.mark.parametrize(
    ("flags", "instructions"),
    [
        ("avx2 avx512bw avx512_bf16 amx_bf16", ", AMX"),
        ("avx2 avx512bw avx512_bf16", ", AVX-512 with bfloat16"),
        ("avx2 avx512bw", ", AVX-512"),
        ("avx2 avx512_bf16_of_tomorrow", ", AVX2"),
        ("sse2", ""),
    ],
)
def test_it_is_named_with_its_widest_instructions(told, flags, instructions):
    assert told(CPUINFO.format(flags)) == "Abacus 9" + instructions


def test_a_limit_set_for_onednn_is_named(told, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert told(CPUINFO.format("avx2 amx_bf16")) == "Abacus 9, AMX, at most AVX2"


@pytest.mark.parametrize("text", [None, "", "Features : fp asimd\n"])
def test_where_linux_tells_nothing_python_does(told, text):
    assert told(text) == (platform.processor() or platform.machine())
