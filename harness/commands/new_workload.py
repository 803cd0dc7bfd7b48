"""The files of a workload that runs as it is: a module to be filled with one's own data and model."""

from __future__ import annotations

from pathlib import Path

from harness.config import shipped
from harness.errors import ConfigError

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
AS = "digits_cnn/broad"  # whose ranges are the paper's broad ones
TEMPLATES = Path(__file__).parent / "templates"


def files(name: str, folder: Path) -> dict[Path, str]:
    """The texts by path.

    Raises:
        ConfigError: a name that is taken.
    """
    if name in shipped.names("workload"):
        raise ConfigError(f"workload {name!r} is shipped; give yours a name of its own")
    if name in ("workloads", "harness", "torch", "numpy", "sklearn"):
        raise ConfigError(f"{name}.py would stand before the package of that name; give another")
    found = {
        Path(f"{name}.py"): _filled("workload.py.j2", name),
        folder / "workload" / f"{name}.yaml": _filled("workload.yaml.j2", name),
    }
    spaces = shipped.folder() / "search_space" / AS
    for optimizer in OPTIMIZERS:
        axes = [
            line
            for line in (spaces / f"{optimizer}.yaml").read_text(encoding="utf-8").splitlines()
            if not line.startswith("#")
        ]
        head = [
            "# Source: the broad first-stage ranges, after Choi et al., appendix D, the same for every workload.",
            "# No run of this project has narrowed them.",
        ]
        path = folder / "search_space" / name / f"{optimizer}.yaml"
        found[path] = "\n".join([*head, *axes]) + "\n"
    return found


def _filled(template: str, name: str) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(template).render(name=name)
