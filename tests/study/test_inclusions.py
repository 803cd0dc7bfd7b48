"""For an inclusion to show, the general optimizer's search space must hold the special one's image."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from harness.study.inclusions import EDGES, gaps
from harness.study.space import parse

CONF = Path(__file__).parents[2] / "conf" / "search_space"
FOLDERS = sorted(
    {path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")} - {"defaults"}
)
WORKLOADS = {path.stem: OmegaConf.load(path) for path in (CONF.parent / "workload").glob("*.yaml")}


def is_nested(folder):
    """In lr_only and deepobs the learning rate alone is searched; landscapes are not compared on."""
    module = WORKLOADS[folder.partition("/")[0]].workload.module
    return not folder.endswith(("/lr_only", "/deepobs")) and module != "workloads.landscape"


NESTED = [folder for folder in FOLDERS if is_nested(folder)]

# The broad first-stage ranges leave out, on purpose, momenta above 0.999 and effective learning
# rates lr/(1 - momentum) below 1e-2 or above 1e4: the corners of a wide box, not its good region.
BROAD_GAPS = {
    ("momentum", "rmsprop"): ["one_minus_momentum needs [0.0001, 1], has [0.001, 1]"],
    ("momentum", "adam"): [
        "lr_over_eps needs [0.0001, 1e+06], has [0.01, 10000]",
        "one_minus_beta1 needs [0.0001, 1], has [0.001, 1]",
    ],
}
BROAD_GAPS["nesterov", "nadam"] = BROAD_GAPS["momentum", "adam"]


def space(folder, optimizer):
    return parse(OmegaConf.to_container(OmegaConf.load(CONF / folder / f"{optimizer}.yaml")))


def is_broad(folder):
    """The first-stage spaces, and the workloads whose spaces no run has narrowed yet."""
    return folder.endswith("/broad") or "no run of this project has narrowed" in (
        CONF / folder / "sgd.yaml"
    ).read_text().replace("\n# ", " ")


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: f"{edge.special}<={edge.general}")
@pytest.mark.parametrize("folder", NESTED)
def test_the_general_space_holds_the_image_of_the_special_one(folder, edge):
    found = gaps(edge, space(folder, edge.special), space(folder, edge.general))
    expected = BROAD_GAPS.get((edge.special, edge.general), []) if is_broad(folder) else []
    assert found == expected


@pytest.mark.parametrize(
    "path", sorted(CONF.rglob("*.yaml")), ids=lambda p: str(p.relative_to(CONF))
)
def test_every_search_space_says_where_its_ranges_come_from(path):
    assert path.read_text().startswith("# Source: ")


def axes(**nodes):
    """A space of such axes: (low, high) on a log scale, or as YAML has them."""
    return parse(
        {n: {"low": v[0], "high": v[1]} if type(v) is tuple else v for n, v in nodes.items()}
    )


def test_gaps_name_what_is_missing():
    edge = next(edge for edge in EDGES if edge.general == "adam")
    momentum = axes(lr=(1e-3, 1.0), one_minus_momentum=(1e-2, 1.0))
    adam = axes(lr_over_eps=(1e-3, 1e2), one_minus_beta1=(1e-2, 1.0), one_minus_beta2=(1e-4, 1.0),
                eps=(1e-8, 1e2))  # fmt: skip
    assert gaps(edge, momentum, adam) == []
    assert gaps(edge, momentum, adam | axes(eps=(1e-8, 1e-2))) == [
        "eps needs a value of 1 or more, has [1e-08, 0.01]"
    ]
    assert gaps(edge, momentum, adam | axes(lr_over_eps=(1e-3, 50.0), eps=(1e-8, 1e2))) == [
        "lr_over_eps needs [0.001, 100], has [0.001, 50]"
    ]
    without = {name: axis for name, axis in adam.items() if name != "one_minus_beta1"}
    assert gaps(edge, momentum, without) == ["one_minus_beta1 needs [0.01, 1], has no such axis"]


def test_shared_axes_count_too():
    sgd = axes(lr=0.1, end_factor={"choices": [1e-3, 1e-1]})
    momentum = axes(lr=0.1, one_minus_momentum=1.0, end_factor=1e-1)
    assert gaps(EDGES[0], sgd, momentum) == ["end_factor needs [0.001, 0.1], has [0.1, 0.1]"]


def test_hyperparameters_searched_by_their_own_name_count_as_well():
    to_momentum, *_, to_adam, _ = EDGES
    assert (to_momentum.general, to_adam.general) == ("momentum", "adam")
    sgd, searched = axes(lr=0.1), {"low": 0.0, "high": 0.99, "scale": "linear"}
    assert gaps(to_momentum, sgd, axes(lr=0.1, momentum=searched)) == []
    assert gaps(to_momentum, sgd, axes(lr=0.1, momentum=0.9)) == [
        "one_minus_momentum needs [1, 1], has [0.1, 0.1]"
    ]
    adam = axes(lr_over_eps=1.0, beta1=0.9, one_minus_beta2=0.01, eps=1.0)
    assert gaps(to_adam, axes(lr=0.1, momentum=0.9), adam) == []
    assert gaps(to_adam, axes(lr=0.1, momentum=1.0), adam) == [
        "lr_over_eps needs [inf, inf], has [1, 1]",
        "one_minus_beta1 needs [0, 0], has [0.1, 0.1]",
    ]


def edge_to(special, general):
    return next(edge for edge in EDGES if (edge.special, edge.general) == (special, general))


def test_an_effective_rate_is_its_own_image():
    momentum = axes(effective_lr=(0.1, 1.0), one_minus_momentum=(1e-2, 1.0))
    adam = axes(
        effective_lr=(0.1, 1.0), one_minus_beta1=(1e-2, 1.0), one_minus_beta2=0.1, eps=(1e-8, 1.0)
    )
    assert gaps(edge_to("momentum", "adam"), momentum, adam) == []
    narrower = adam | axes(effective_lr=(0.2, 1.0))
    assert gaps(edge_to("momentum", "adam"), momentum, narrower) == [
        "effective_lr needs [0.1, 1], has [0.2, 1]"
    ]
    rmsprop = axes(
        effective_lr=(0.1, 1.0), one_minus_momentum=(1e-2, 1.0), one_minus_rho=0.1, eps=(1e-8, 1.0)
    )
    assert gaps(edge_to("momentum", "rmsprop"), momentum, rmsprop) == []


@pytest.mark.parametrize(("special", "general"), [("lr", "effective_lr"), ("effective_lr", "lr")])
def test_sgds_effective_rate_is_its_learning_rate(special, general):
    momentum = axes(**{general: (0.1, 1.0)}, one_minus_momentum=1.0)
    assert gaps(EDGES[0], axes(**{special: (0.1, 1.0)}), momentum) == []
    assert gaps(EDGES[0], axes(**{special: (0.1, 2.0)}), momentum) == [
        f"{general} needs [0.1, 2], has [0.1, 1]"
    ]


def test_rates_in_different_coordinates_are_not_compared():
    momentum = axes(effective_lr=(0.1, 1.0), one_minus_momentum=(1e-2, 1.0))
    adam = axes(
        lr_over_eps=(0.1, 1.0), one_minus_beta1=(0.1, 1.0), one_minus_beta2=0.1, eps=(1e-8, 1.0)
    )
    assert gaps(edge_to("momentum", "adam"), momentum, adam) == [
        "lr_over_eps is not compared with momentum's effective_lr: other coordinates",
        "one_minus_beta1 needs [0.01, 1], has [0.1, 1]",
    ]
