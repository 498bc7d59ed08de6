"""A user's own network is what its function returns, and what is wrong with it is told with file and line."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from demeanour.errors import EvidenceError, NotMeasuredError
from demeanour.models.description import Request
from demeanour.models.load import load
from demeanour.models.python_source import PythonNetwork
from demeanour.views.geometry import Preprocessing

NET = '''
import torch
from torch import nn

PIXELS = {"resize": 20, "crop": 16, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 6, 3)
        self.head = nn.Linear(6, 4)

    def forward(self, pixels):
        return self.head(self.body(pixels).relu().mean(dim=(2, 3)))


def make():
    return Net(), PIXELS


def alone():
    return Net()


def owning():
    net = Net()
    net.preprocessing = PIXELS
    return net


def softmaxed():
    return nn.Sequential(Net(), nn.Softmax(dim=1)), PIXELS


def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), PIXELS


def headless():
    return nn.Sequential(nn.Conv2d(3, 4, 16), nn.Flatten()), PIXELS


def broken():
    raise RuntimeError("no luck")


class Failing(Net):
    def forward(self, pixels):
        return self.head(pixels)


def failing():
    return Failing(), PIXELS


class Damaged(Net):
    def forward(self, pixels):
        return super().forward(pixels) / 0


def damaged():
    return Damaged(), PIXELS


class Several(Net):
    def forward(self, pixels):
        return {"logits": super().forward(pixels)}


def several():
    return Several(), PIXELS


class Dense(Net):
    def forward(self, pixels):
        return self.body(pixels)


def dense():
    return Dense(), PIXELS


def number():
    return 3


def odd():
    return Net(), {"size": 16}
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my@net.py"
    path.write_text(NET)
    return path


def loaded(source: str, **asked: object) -> PythonNetwork:
    network = load(Request(source, **asked))  # type: ignore[arg-type]
    assert isinstance(network, PythonNetwork)
    return network


def refused(source: str, **asked: object) -> str:
    with pytest.raises(EvidenceError) as error:
        loaded(source, **asked)
    return str(error.value)


def pixels(side: int = 16, n: int = 3) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


def line_of(text: str) -> int:
    return NET.splitlines().index(text) + 1


def net(seed: int = 5) -> nn.Module:
    """The same network, built here."""
    namespace: dict[str, object] = {}
    exec(NET, namespace)
    torch.manual_seed(seed)
    return namespace["Net"]().eval()  # type: ignore[operator]


def test_a_function_in_a_file_with_a_checkpoint(file: Path, tmp_path: Path) -> None:
    weights = tmp_path / "w@1.pth"
    torch.save({"state_dict": {"module." + key: value for key, value in net().state_dict().items()}}, weights)
    network = loaded(f"python:{file}:make@{weights}")
    with torch.no_grad():
        torch.testing.assert_close(network.logits(pixels()), net()(pixels()), rtol=0, atol=0)
    found = network.description
    assert (found.classes, found.family, found.parameters) == (4, "supervised", 6 * 27 + 6 + 28)
    assert found.native == Preprocessing(20, "bicubic", 16, (0.5,) * 3, (0.2,) * 3)
    assert [path for path, *_ in found.files] == [str(weights), str(file)]


def test_a_function_in_a_module(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "network_of_tests.py").write_text(NET)
    monkeypatch.syspath_prepend(file.parent)
    network = loaded("python:network_of_tests:make")
    assert network.description.identity == loaded(f"python:{file}:make").description.identity
    assert str(file.parent / "network_of_tests.py") in {path for path, *_ in network.description.files}


def test_a_module_beside_the_file_can_be_imported_and_is_part_of_the_identity(tmp_path: Path) -> None:
    (tmp_path / "layers_of_tests.py").write_text(NET)
    (tmp_path / "main.py").write_text("from layers_of_tests import make\n")
    before = list(sys.path)
    found = loaded(f"python:{tmp_path / 'main.py'}:make").description
    assert sys.path == before
    assert {Path(path).name for path, *_ in found.files} == {"main.py", "layers_of_tests.py"}


def test_identity_follows_code_weights_and_function(file: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 6)):
        save_file(net(seed).state_dict(), tmp_path / f"{name}.safetensors")
    torch.save(net(5).state_dict(), tmp_path / "a.pth")

    def identity(factory: str, weights: str = "") -> str:
        return loaded(f"python:{file}:{factory}{weights and f'@{tmp_path / weights}'}").description.identity

    first = identity("make", "a.safetensors")
    assert identity("make", "a.pth") == first
    assert len({first, identity("make", "b.safetensors"), identity("owning", "a.pth"), identity("make")}) == 4
    assert identity("make") == identity("make")   # without a checkpoint the weights are from one seed
    file.write_text(NET.replace(".relu()", ".tanh()"))   # of the same length, in the same second
    assert identity("make", "a.pth") != first
    with torch.no_grad():
        assert not torch.equal(loaded(f"python:{file}:make@{tmp_path / 'a.pth'}").logits(pixels()), net(5)(pixels()))


def test_the_state_of_random_numbers_is_left_alone(file: Path) -> None:
    before = torch.get_rng_state()
    loaded(f"python:{file}:make")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_cards_preprocessing_comes_first_then_the_pairs_then_the_modules(file: Path) -> None:
    own = Preprocessing(None, "bilinear", 18, (0.1,) * 3, (0.3,) * 3)
    assert loaded(f"python:{file}:make", preprocessing=own).description.native == own
    assert loaded(f"python:{file}:alone", preprocessing=own).description.native == own
    assert loaded(f"python:{file}:owning").description.native.resize == 20
    message = refused(f"python:{file}:alone")
    assert "how pictures are prepared for it is not known: say `preprocessing` in the card" in message


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ('{"size": 16}', "no 'size' in a preprocessing; did you mean 'resize'?"),
        ('{"crop": 16, "mean": [0.5, 0.5, 0.5]}', "std is None"),
        ('{"crop": 16, "mean": [0.5], "std": [1, 1, 1]}', "mean is [0.5]"),
        ('{"crop": 16, "mean": [0.5, 0.5, 0.5], "std": [0, 1, 1]}', "std is [0, 1, 1]"),
        ('{"crop": 0, "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1]}', "crop is 0"),
        ('{"crop": 16, "interpolation": "area", "mean": [0, 0, 0], "std": [1, 1, 1]}', "interpolation is 'area'"),
        ('{"crop": 16, "resize": "20", "mean": [0, 0, 0], "std": [1, 1, 1]}', "resize is '20'"),
        ('"imagenet"', "the preprocessing is a str"),
    ],
)
def test_a_preprocessing_that_cannot_be_meant(stated: str, told: str, file: Path) -> None:
    file.write_text(NET + f"\n\ndef stating():\n    return Net(), {stated}\n")
    assert told in refused(f"python:{file}:stating")


def test_features_are_what_the_last_linear_layer_is_fed_with(file: Path) -> None:
    network = loaded(f"python:{file}:make")
    both = network.answers(pixels(), features=True)
    with torch.no_grad():
        torch.testing.assert_close(network.module.head(both["pooled"].clone()), both["logits"], rtol=0, atol=0)
    torch.testing.assert_close(network.features(pixels())["pooled"], both["pooled"], rtol=0, atol=0)
    assert both["pooled"].shape == (3, 6)
    with pytest.raises(NotMeasuredError, match="come out of no linear layer"):
        loaded(f"python:{file}:headless").features(pixels())


def test_features_of_passes_in_several_threads_are_not_mixed_up(file: Path) -> None:
    network = loaded(f"python:{file}:make")
    batches = [pixels(16, n) + n for n in range(1, 30)]
    alone = [network.features(batch)["pooled"] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda batch: network.features(batch)["pooled"], batches))
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_other_sides_where_the_network_takes_them(file: Path) -> None:
    network = loaded(f"python:{file}:make")
    assert network.at(24) is network
    assert network.logits(pixels(24)).shape == (3, 4)
    with pytest.raises(NotMeasuredError, match="does not take pictures of 24×24"):
        loaded(f"python:{file}:flat").at(24)


def test_a_timm_network_of_a_function_is_resized_as_timm_does(tmp_path: Path) -> None:
    path = tmp_path / "timms.py"
    path.write_text(
        "import timm\n\nPIXELS = {'crop': 32, 'mean': (0, 0, 0), 'std': (1, 1, 1)}\n\n\n"
        "def make():\n    return timm.create_model('vit_tiny_patch16_224', img_size=32, num_classes=4), PIXELS\n"
    )
    network = loaded(f"python:{path}:make")
    pooled = network.features(pixels(32))["pooled"]
    other = network.at(64)
    assert other.features(pixels(64))["pooled"].shape == pooled.shape == (3, 192)
    torch.testing.assert_close(network.features(pixels(32))["pooled"], pooled, rtol=0, atol=0)
    expected = network.module
    expected.set_input_size(img_size=(64, 64))
    with torch.no_grad():
        torch.testing.assert_close(other.logits(pixels(64)), expected(pixels(64)), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        ("maker", "there is no function 'maker'; did you mean 'make'?"),
        ("PIXELS", "there is no function 'PIXELS'"),
        ("number", "it returns a int; expected a torch module"),
        ("several", "it answers with a dict; expected a tensor of logits"),
        ("dense", "it answers (2, 6, 14, 14) to two pictures; expected (2, classes)"),
        ("damaged", "it answers NaN or infinite"),
        ("softmaxed", "it answers probabilities; let it return logits"),
        ("odd", "no 'size' in a preprocessing"),
    ],
)
def test_functions_that_return_something_else(factory: str, told: str, file: Path) -> None:
    message = refused(f"python:{file}:{factory}")
    assert told in message
    assert f"python:{file}:{factory}" in message


@pytest.mark.parametrize(
    ("factory", "line", "error"),
    [("broken", '    raise RuntimeError("no luck")', "RuntimeError: no luck"),
     ("failing", "        return self.head(pixels)", "RuntimeError: ")],
)  # fmt: skip
def test_errors_of_the_users_code_come_with_file_and_line(factory: str, line: str, error: str, file: Path) -> None:
    assert f"{file}:{line_of(line)}: {error}" in refused(f"python:{file}:{factory}")


def test_code_that_cannot_be_imported(file: Path, tmp_path: Path) -> None:
    file.write_text("import torch\n\ndef make(:\n    pass\n")
    assert f"{file}:3: SyntaxError" in refused(f"python:{file}:make")
    file.write_text("import torch\nimport no_such_package_of_tests\n")
    assert f"{file}:2: ModuleNotFoundError" in refused(f"python:{file}:make")
    with pytest.raises(NotMeasuredError, match=r"none\.py is missing"):
        loaded(f"python:{tmp_path / 'none.py'}:make")
    assert "'no_such_package_of_tests' cannot be imported" in refused("python:no_such_package_of_tests:make")


def test_a_wrong_number_of_classes_and_weights_that_do_not_fit(file: Path, tmp_path: Path) -> None:
    assert "it has 4 classes, not 1000" in refused(f"python:{file}:make", classes=1000)
    state = net().state_dict()
    del state["head.bias"]
    save_file(state, tmp_path / "w.safetensors")
    assert "1 missing (head.bias)" in refused(f"python:{file}:make@{tmp_path / 'w.safetensors'}")


def test_a_network_in_half_precision_is_computed_in_float32(file: Path) -> None:
    file.write_text(NET + "\n\ndef halved():\n    return Net().half(), PIXELS\n")
    assert loaded(f"python:{file}:halved").logits(pixels()).dtype == torch.float32
