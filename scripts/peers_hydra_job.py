"""One trial as a Hydra job: what a user of the joblib launcher writes around a training script."""

from __future__ import annotations

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig
from peers_training import Setting, draw, train

ConfigStore.instance().store("trial", {"setting": "???", "seed": 0})


@hydra.main(config_name="trial", config_path=None, version_base="1.3")
def main(config: DictConfig) -> None:
    setting = Setting.read(config.setting)
    train(setting, draw(setting.axes, config.seed), config.seed)


if __name__ == "__main__":
    main()
