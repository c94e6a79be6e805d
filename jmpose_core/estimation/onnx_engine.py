"""Networks of convolutions through onnxruntime, which runs them on a CPU in half of torch's time, to the same digits.

The graph is exported from the torch module the first time that its weights are used, offline, in a second or two,
and kept in the user's cache folder under a digest of weights and code. Whatever fails on the way, torch itself answers.
"""

import hashlib
import inspect
import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from jmpose_core.app_folders import cache_folder
from jmpose_core.model.blocks import BackboneOutput
from jmpose_core.model.compact import CompactBackbone
from jmpose_core.model.detector import PersonNet
from jmpose_core.model.network import PoseNetwork
from jmpose_core.model.prior import PRIOR_CHANNELS
from jmpose_core.whole_files import whole_file

_OPSET: Final = 17
_STRIDE: Final = 4  # of the maps beside the crop
_log = logging.getLogger(__name__)


def speed_up_backbone(network: PoseNetwork) -> bool:
    """Let onnxruntime answer for the compact backbone of a network on the CPU.

    Returns:
        False where torch still does: another backbone, or onnxruntime cannot be used (the log says why).
    """
    backbone = network.backbone
    if not isinstance(backbone, CompactBackbone):
        return False
    height, width = network.crop_size
    inputs = {"crops": torch.zeros(1, 3, height, width)}
    if backbone.prior is not None:
        inputs["priors"] = torch.zeros(1, PRIOR_CHANNELS, height // _STRIDE, width // _STRIDE)
    session = _session(_BackboneTensors(backbone).eval(), inputs, ("heatmaps", "logits", "features"), "backbone")
    if session is None:
        return False
    network.backbone = _OnnxBackbone(session, backbone)
    return True


def speed_up_detector(network: PersonNet) -> "OnnxDetector | None":
    """The detector's dense part through onnxruntime; None where it cannot be used (the log says why)."""
    inputs = {"frames": torch.zeros(1, 3, 288, 384)}
    names = ("features", "center", "size", "offset")
    session = _session(_DetectorTensors(network).eval(), inputs, names, "detector", any_size=True)
    return None if session is None else OnnxDetector(session)


class OnnxDetector:
    """Frames (B, 3, H, W) -> the decoder's features and `PersonNet.heads` of them."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, frames: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        features, center, size, offset = _answers(self._session, frames=frames)
        return features, (center, size, offset)


class _OnnxBackbone(nn.Module):
    """In place of a CompactBackbone."""

    def __init__(self, session: Any, eager: CompactBackbone) -> None:
        super().__init__()
        self._session = session
        self.prior = eager.prior  # that it takes one is asked of the backbone

    def forward(self, x: Tensor, prior: Tensor | None = None) -> BackboneOutput:
        inputs = {"crops": x}
        if self.prior is not None:
            size = (len(x), PRIOR_CHANNELS, x.shape[-2] // _STRIDE, x.shape[-1] // _STRIDE)
            inputs["priors"] = x.new_zeros(size) if prior is None else prior  # zeros add exactly nothing
        heatmaps, logits, features = _answers(self._session, **inputs)
        return BackboneOutput(heatmaps=heatmaps, logits=logits, features=(features,))


class _BackboneTensors(nn.Module):
    def __init__(self, backbone: CompactBackbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, crops: Tensor, priors: Tensor | None = None) -> tuple[Tensor, ...]:
        found = self.backbone(crops, priors)
        return found.heatmaps, found.logits, *found.features


class _DetectorTensors(nn.Module):
    def __init__(self, network: PersonNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        features = self.network.decoded(frames)
        return features, *self.network.heads(features)


def _answers(session: Any, **inputs: Tensor) -> list[Tensor]:
    arrays = {name: tensor.detach().float().contiguous().numpy() for name, tensor in inputs.items()}
    return [torch.from_numpy(array) for array in session.run(None, arrays)]


def _session(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: tuple[str, ...], name: str, *, any_size: bool = False
) -> Any | None:
    """An onnxruntime session of a module on the CPU."""
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # torch needs the cores in between
        options.log_severity_level = 3

        def opened(graph: bytes) -> Any:
            return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

        path = engine_cache() / f"{name}-{_digest(module, any_size=any_size)}.onnx"
        try:
            return opened(path.read_bytes())
        except FileNotFoundError:
            pass
        except Exception as error:  # onnxruntime has an exception of its own for each way that a file can be torn
            _log.warning("%s: cannot be used (%s); it is exported anew", path, error)
        graph = _exported(module, inputs, outputs, any_size=any_size)
        _keep(graph, path)
        return opened(graph)
    except Exception as error:  # an exporter or a runtime of another version may raise anything: torch can do the work
        _log.warning("%s: onnxruntime is not used (%s: %s); torch is slower", name, type(error).__name__, error)
        return None


def _keep(graph: bytes, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(graph)
    except OSError as error:
        _log.warning("%s: not kept (%s); it is exported anew each time", path, error)


def engine_cache() -> Path:
    """Where exported graphs are kept: they can be deleted at any time."""
    return cache_folder() / "onnx"


def _exported(module: nn.Module, inputs: Mapping[str, Tensor], outputs: tuple[str, ...], *, any_size: bool) -> bytes:
    free = {0: "count", 2: "height", 3: "width"} if any_size else {0: "count"}
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that the exporter through TorchScript is the older one
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            file,  # type: ignore[arg-type] - a path to the newer exporter, a stream to this one
            dynamo=False,  # the newer exporter needs another package and ten times as long
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=dict.fromkeys((*inputs, *outputs), free),
            opset_version=_OPSET,
            do_constant_folding=False,  # onnxruntime does it
        )
    return file.getvalue()


def _digest(module: nn.Module, *, any_size: bool) -> str:
    """Of all that the graph depends on: the weights, the modules' code, the exporter."""
    digest = hashlib.sha256(f"{torch.__version__} {_OPSET} {any_size} {module}".encode())
    for kind in dict.fromkeys(type(part) for part in module.modules()):
        if kind.__module__.startswith("jmpose_core"):
            digest.update(inspect.getsource(kind).encode())
    for key, tensor in module.state_dict().items():
        digest.update(f"{key} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]
