"""What holds for every workload: the module's functions and its Task (workloads/task.py)."""

import importlib
import json
import math
import subprocess
import sys

import pytest
import torch

from workloads import cifar10_resnet32, digits_cnn, python_docs_lstm, war_and_peace_lstm
from workloads.data import cifar10
from workloads.task import DataError

LSTM = {"hidden_size": 16, "layers": 2, "dropout": 0.2, "sequence_length": 20}
MODEL = {
    "digits_cnn": {"width": 4},
    "python_docs_lstm": LSTM,
    "war_and_peace_lstm": LSTM,
    "cifar10_resnet32": {"depth": 8, "width": 4},
}


@pytest.fixture(params=MODEL)
def workload(request, tmp_path, small_cifar):
    """(module, its `data:` node with made data where it needs any)."""
    module = importlib.import_module(f"workloads.{request.param}")
    data = {}
    if request.param == "war_and_peace_lstm":
        path = tmp_path / "text.txt"
        path.write_bytes(b"Well, Prince, so Genoa and Lucca are now just family estates.\r\n" * 300)
        data = {"file": str(path), "any_edition": True}
    elif request.param == "cifar10_resnet32":
        data = {"root": str(small_cifar.write_tree()), "format": "image_folder"}
    return module, data, MODEL[request.param]


@pytest.fixture
def task(workload):
    module, data, model = workload
    module.prepare(data)
    return module.load(data, model, 8, "cpu")


def test_the_description_can_be_stored(task):
    description = json.loads(json.dumps(task.data_description))
    assert description == task.data_description
    assert len(description["sha256"]) == 64
    assert all(description[split] > 0 for split in ("train", "validation", "test"))
    assert isinstance(description["label"], str)


def test_the_digest_told_beforehand_is_that_of_the_task(workload, task):
    module, data, _ = workload
    assert module.prepare(data) == task.data_description["sha256"]


def test_the_model_is_drawn_from_the_global_generator(task):
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in task.model().parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_convolutions_are_channels_last(task):
    for module in task.model().modules():
        if isinstance(module, torch.nn.Conv2d):
            assert module.weight.is_contiguous(memory_format=torch.channels_last)


def test_an_untrained_model_guesses(task):
    torch.manual_seed(0)
    model = task.model()
    uniform = math.log(len(list(model.parameters())[-1]))  # the last bias: one a class
    loss, _ = task.train_loss(model, 0, 0, None)
    assert loss.item() == pytest.approx(uniform, rel=0.25)
    error_rate, loss = task.evaluate(model, "validation")
    assert 0.5 < error_rate <= 1
    assert loss == pytest.approx(uniform, rel=0.25)


def test_a_few_steps_lower_the_loss(task):
    torch.manual_seed(0)
    model = task.model()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    losses, carry = [], None
    for step in range(60):
        loss, carry = task.train_loss(model, step, 0, carry)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])


def test_two_workers_compute_the_same_bits(workload):
    module, data, model = workload

    def losses() -> list[float]:
        task = module.load(data, model, 8, "cpu")
        torch.manual_seed(3)
        net, carry, found = task.model(), None, []
        for step in range(3):
            loss, carry = task.train_loss(net, step, 11, carry)
            loss.backward()
            found.append(loss.item())
        return [*found, *task.evaluate(net, "test")]

    module.prepare(data)
    assert losses() == losses()


def test_bfloat16_autocast_agrees_and_gives_a_float32_loss(task):
    def loss(enabled: bool) -> torch.Tensor:
        torch.manual_seed(0)
        model = task.model()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss, carry = task.train_loss(model, 0, 0, None)
            loss, _ = task.train_loss(model, 1, 0, carry)
            evaluated = task.evaluate(model, "validation")[1]
        loss.backward()
        return torch.stack([loss.detach(), torch.tensor(evaluated)])

    exact, rounded = loss(False), loss(True)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.02)


def test_float64_models_are_trained_in_float64(task):
    model = task.model().double()
    loss, _ = task.train_loss(model, 0, 0, None)
    assert loss.dtype == torch.float64


def test_a_mistyped_setting_names_the_known_ones(workload):
    module, data, model = workload
    message = (
        r"model\.wdith is not a setting of this workload: (width|depth, width|hidden_size, .*)"
    )
    with pytest.raises(DataError, match=message):
        module.check_model(model | {"wdith": 3})
    with pytest.raises(DataError, match=message):
        module.load(data, model | {"wdith": 3}, 8, "cpu")
    with pytest.raises(DataError, match=r"data\.rooot is not a setting of this workload: root"):
        module.prepare(data | {"rooot": "."})
    module.check_model(model)


@pytest.mark.parametrize("name", ["war_and_peace_lstm", "cifar10_resnet32"])
def test_a_missing_folder_is_reported_before_torch_is_imported(name):
    """Importing torch takes seconds, a typo should not."""
    program = f"""
import sys
from workloads import {name}
from workloads.task import DataError
try:
    {name}.prepare({{"root": "/no/such/folder", "format": "image_folder"}}
                   if {name!r}.startswith("cifar") else {{"root": "/no/such/folder"}})
except DataError as error:
    print(error)
try:
    {name}.check_model({{"depth": 9}})
except DataError as error:
    print(error)
print([module for module in ("torch", "numpy", "PIL") if module in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    missing, wrong, imported = run.stdout.splitlines()
    assert missing.startswith("data.root=/no/such/folder does not exist")
    assert wrong.startswith("model.")
    assert imported == "[]"


def modules_after_preparing(module, data: dict) -> tuple[str, set[str]]:
    """What `prepare` returns in a process of its own, and the large modules it imported."""
    program = f"""
import sys
from workloads.data import cifar10
cifar10.SIZES = {cifar10.SIZES}
import {module.__name__} as workload
print(workload.prepare({data}))
print(*{{"torch", "torchvision", "sklearn", "scipy", "harness"}} & sys.modules.keys())
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    digest, imported = run.stdout.splitlines()
    return digest, set(imported.split())


def test_preparing_imports_no_torch(workload):
    module, data, _ = workload
    assert modules_after_preparing(module, data) == (module.prepare(data), set())


def test_bundled_data_needs_no_home_folder(no_home):
    for module in (digits_cnn, python_docs_lstm):
        assert len(module.prepare({})) == 64


def test_cifar10_is_split_as_described_and_tests_on_the_test_images(small_cifar):
    data = {"root": str(small_cifar.write_tree()), "format": "image_folder"}
    task = cifar10_resnet32.load(data, MODEL["cifar10_resnet32"], 8, "cpu")
    sizes = {name: len(part) for name, part in task._splits.items()}
    assert sizes == {"train": 30, "validation": 10, "test": 20}
    assert sizes == {name: task.data_description[name] for name in sizes}
    assert task._splits["test"].tolist() == list(range(40, 60))
    assert torch.equal(task._labels[task._splits["validation"]], torch.arange(10))


def test_the_digits_are_split_as_documented():
    task = digits_cnn.load({}, {"width": 2}, 64, "cpu")
    assert task.data_description["train"] == 1077
    assert sum(task.data_description[part] for part in ("train", "validation", "test")) == 1797
    for part in task._splits.values():
        share = torch.bincount(task._labels[part]) / len(part)
        assert (share - 0.1).abs().max() < 0.01
    pixels = task._images[task._splits["train"]].float()
    assert abs(pixels.mean() - 4.9) < 0.1
    assert abs(pixels.std() - 6.0) < 0.1


def test_war_and_peace_has_940_steps_an_epoch(real_data):
    data = {"root": str(real_data("war_and_peace.txt").parent)}
    model = {"hidden_size": 128, "layers": 2, "dropout": 0.2, "sequence_length": 50}
    task = war_and_peace_lstm.load(data, model, 50, "cpu")
    parts = [task.data_description[part] for part in ("train", "validation", "test")]
    assert parts == [2_351_654, 261_294, 653_237]
    assert task.num_classes == 83
    assert task.steps_per_epoch == 940
    torch.manual_seed(0)
    net = task.model()
    assert sum(p.numel() for p in net.parameters() if p.requires_grad) == 284_499
    loss, _ = task.train_loss(net, 0, 0, None)
    assert loss.item() == pytest.approx(math.log(83), abs=0.05)


def test_a_python_without_its_reference_text_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)  # what a failed import leaves
    with pytest.raises(DataError, match=r"without pydoc_data\.topics.*: install"):
        python_docs_lstm.prepare({})
