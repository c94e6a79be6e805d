"""Foreign checkpoints become weights files of this program, completely or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from jmpose_core.checkpoints.dcpose import DCPOSE
from jmpose_core.checkpoints.hrnet_mmpose import HRNET_MMPOSE
from jmpose_core.checkpoints.hrnet_official import HRNET_OFFICIAL
from jmpose_core.checkpoints.hrnet_timm import HRNET_TIMM
from jmpose_core.checkpoints.joint_rows import rows_for
from jmpose_core.checkpoints.layout import Layout, Tensors, Translated, translate
from jmpose_core.checkpoints.matching import matched
from jmpose_core.checkpoints.own import OWN
from jmpose_core.checkpoints.raft_princeton import RAFT_PRINCETON
from jmpose_core.checkpoints.raft_torchvision import RAFT_TORCHVISION
from jmpose_core.checkpoints.reading import Checkpoint, read_checkpoint
from jmpose_core.checkpoints.variants import RAFTS, check_variant
from jmpose_core.errors import WeightsError
from jmpose_core.formats.joint_sets import JOINT_SETS
from jmpose_core.model.systems import POSE_NETWORKS
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS
from jmpose_core.weights.files import WeightsCard

LAYOUTS: Final[tuple[Layout, ...]] = (
    HRNET_OFFICIAL, HRNET_TIMM, HRNET_MMPOSE, RAFT_TORCHVISION, RAFT_PRINCETON, DCPOSE, OWN,
)  # fmt: skip
_RAFT: Final = "flow.raft."
_HEAD: Final = "backbone.final_layer."
_PARTS: Final = ("backbone", "flow", "refiner")
_SEED: Final = 0  # of what no checkpoint has
_SLOTTED: Final = "dcpose_w48"  # the variant that can be built for PoseTrack18's slots: see checkpoints/dcpose.py

_Value = TypeVar("_Value")
Options: TypeAlias = dict[str, bool | int | float | str]  # of a variant's builder, as on a card


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    matched: name in the state -> its name there, also of what was folded into another tensor.
    left_out: its name -> why.
    dropped_joints: rows of its head that are not ours.
    """

    file: Path
    layout: str
    matched: dict[str, str]
    left_out: dict[str, str]
    dropped_joints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conversion:
    """A complete state of the card's variant, and where each tensor is from.

    new: our name -> how what no file has was made.
    """

    state: Tensors
    card: WeightsCard
    files: tuple[FileReport, ...]
    new: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Source:
    """One file in the names of this program; others: its entries that are no weights."""

    file: Path
    layout: Layout
    others: tuple[str, ...]
    translated: Translated


@dataclass(frozen=True, slots=True)
class _Target:
    """The variant to fill: shapes by name in a `PoseNetwork`; rows: what those of its head detect."""

    variant: str
    shapes: dict[str, torch.Size]
    crop_size: tuple[int, int] = (0, 0)
    rows: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)

    def of(self, part: str) -> dict[str, torch.Size]:
        return {name: shape for name, shape in self.shapes.items() if name.startswith(f"{part}.")}


def convert(
    files: Sequence[Path], variant: str, *, joints: str | None = None, training_data: tuple[str, ...] = ()
) -> Conversion:
    """Fill a variant from the checkpoints of its parts; a refiner that no file has keeps its seeded start.

    Args:
        joints: joint set of a 17-row head, a name in `joint_sets.JOINT_SETS`; None trusts the layout, and
            PoseTrack18's slots where the file's name says posetrack.
        training_data: for the card.

    Raises:
        WeightsError: an unknown variant, layout or joint set, a half match, or a part that no file has.
    """
    check_variant(variant)
    sources = [_read(file) for file in files]
    slotted = variant == _SLOTTED and any(_is_slotted(source, joints) for source in sources)
    target = _target(variant, slotted=slotted)
    state: Tensors = {}
    new: dict[str, str] = {}
    reports = []
    for source in sources:
        tensors, report, made = _place(source, target, joints)
        if twice := state.keys() & tensors.keys():
            raise WeightsError(f"{source.file}: another file has {min(twice)} already; give one file a part")
        state |= tensors
        new |= made
        reports.append(report)
    new |= _fill_refiner(state, target)
    if variant in RAFTS:
        state, new = _bare(state), _bare(new)
        reports = [replace(report, matched=_bare(report.matched)) for report in reports]
    command = " ".join(file.name for file in files)
    card = WeightsCard(
        variant=variant,
        crop_size=target.crop_size,
        joints=() if variant in RAFTS else JOINTS,
        training_data=training_data or tuple(f"as published: {file.name}" for file in files),
        recipe=f"jmpose weights convert {command} --variant {variant}",
        options=target.options,
    )
    return Conversion(state, card, tuple(reports), new)


def _bare(named: Mapping[str, _Value]) -> dict[str, _Value]:
    """By the names of a RAFT alone, outside a `PoseNetwork`."""
    return {name.removeprefix(_RAFT): value for name, value in named.items()}


def _read(file: Path) -> _Source:
    checkpoint = read_checkpoint(file)
    layout = _layout_of(file, checkpoint)
    return _Source(file, layout, checkpoint.others, translate(layout, checkpoint.tensors))


def _layout_of(file: Path, checkpoint: Checkpoint) -> Layout:
    for layout in LAYOUTS:
        if layout.recognises(checkpoint.tensors.keys()):
            return layout
    first = ", ".join(list(checkpoint.tensors)[:3])
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise WeightsError(f"{file}: its names ({first}, ...) are of no known layout ({known}); convert one of these")


def _is_slotted(source: _Source, joints: str | None) -> bool:
    """Whether the file has a temporal part for PoseTrack18's 17 slots."""
    tensors = source.translated.tensors
    if _HEAD + "bias" not in tensors or not any(_part(name) == "refiner" for name in tensors):
        return False
    return _joints_of(source, len(tensors[_HEAD + "bias"]), joints) == POSETRACK18_SLOTS


@cache
def _target(variant: str, *, slotted: bool) -> _Target:
    """The variant as its builder makes it, or with PoseTrack18's slots inside."""
    options: Options = {"joints": len(POSETRACK18_SLOTS)} if slotted else {}
    with torch.device("meta"):
        if variant in RAFTS:
            raft = RAFTS[variant]()
            return _Target(variant, {_RAFT + name: tensor.shape for name, tensor in raft.state_dict().items()})
        network = POSE_NETWORKS[variant](**options)
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    return _Target(variant, shapes, network.crop_size, POSETRACK18_SLOTS if slotted else JOINTS, options)


def _place(source: _Source, target: _Target, joints: str | None) -> tuple[Tensors, FileReport, dict[str, str]]:
    """The tensors of a file that the variant takes, and how what its parts lack was made."""
    file, layout, translated = source.file, source.layout, source.translated
    unwanted = _unwanted_parts(source, target)
    left_out = dict.fromkeys(source.others, "no weights") | translated.left_out
    names = {}
    for ours, theirs in translated.sources.items():
        if why := unwanted.get(_part(ours)):
            left_out[theirs] = why
        else:
            names[ours] = theirs
    tensors = {name: tensor for name, tensor in translated.tensors.items() if name in names}
    if not tensors:
        has = " and ".join(part for part in _PARTS if target.of(part))
        raise WeightsError(f"{file}: {layout.name} has nothing for {target.variant}, which has {has}; name its variant")
    tensors, new, dropped = _with_joints(source, tensors, target, joints)
    expected = {name: shape for part in {_part(name) for name in tensors} for name, shape in target.of(part).items()}
    placed, filled = matched(tensors, expected, place=f"{file} ({layout.name})")
    new |= dict.fromkeys(filled, "0: a batch norm's counter, which inference does not read")
    return placed, FileReport(file, layout.name, names, left_out, dropped), new


def _unwanted_parts(source: _Source, target: _Target) -> dict[str, str]:
    """Parts of a file that the variant has no use for, and why."""
    unwanted = {part: f"{target.variant} has no {part}" for part in _PARTS if not target.of(part)}
    name, system = source.layout.name, source.layout.system
    bias, maps = source.translated.tensors.get(_HEAD + "bias"), len(target.rows)
    if system and not target.variant.startswith(system):
        unwanted["refiner"] = f"{name}'s own temporal part; {target.variant} has another"
    elif system and bias is not None and len(bias) != maps:
        unwanted["refiner"] = f"{name}'s temporal part mixes its {len(bias)} maps; {target.variant} has {maps}"
    return unwanted


def _part(name: str) -> str:
    return name.split(".", 1)[0]


def _with_joints(
    source: _Source, tensors: Tensors, target: _Target, joints: str | None
) -> tuple[Tensors, dict[str, str], tuple[str, ...]]:
    """The head's rows for the target's joints, how new ones were made, and the joints that were dropped."""
    if not any(name.startswith("backbone.") for name in tensors):
        return tensors, {}, ()
    weight, bias = _head_of(source, target)
    rows = rows_for(target.rows, _joints_of(source, len(weight), joints), weight, bias)
    why = f"head: rows N(0, 0.001) for {', '.join(rows.new)}, untrained"
    new = {_HEAD + "weight": why} if rows.new else {}
    return tensors | {_HEAD + "weight": rows.weight, _HEAD + "bias": rows.bias}, new, rows.dropped


def _head_of(source: _Source, target: _Target) -> tuple[Tensor, Tensor]:
    """Weight (K, C, 1, 1) and bias (K,) of the file's head; of no rows where its layout is of files without one."""
    tensors = source.translated.tensors
    lacking = [name for name in (_HEAD + "weight", _HEAD + "bias") if name not in tensors]
    if not lacking:
        return tensors[_HEAD + "weight"], tensors[_HEAD + "bias"]
    if len(lacking) == 2 and source.layout.headless:
        shape = target.shapes[_HEAD + "weight"]
        return torch.empty(0, *shape[1:]), torch.empty(0)
    has = [name for ours, name in source.translated.sources.items() if ours.startswith(_HEAD)]
    raise WeightsError(
        f"{source.file} ({source.layout.name}): half a match, refused: {len(lacking)} missing of its head "
        f"({', '.join(lacking)}), of which it has {', '.join(has) or 'nothing'}. "
        "It is likely torn or of a changed network: get it again from its publisher"
    )


def _joints_of(source: _Source, rows: int, joints: str | None) -> tuple[str, ...]:
    """What the rows of a head detect: 17 may be COCO's or PoseTrack18's, which no tensor tells."""
    file = source.file
    if rows == 0:
        return ()
    if joints is None and rows == len(JOINTS):
        joints = "posetrack15"
    elif joints is None:
        joints = "posetrack18" if "posetrack" in file.name.lower() else source.layout.joints
    if joints not in JOINT_SETS:
        raise WeightsError(f"{joints}: no such joint set; there are {', '.join(JOINT_SETS)}")
    if len(JOINT_SETS[joints]) != rows:
        wanted = len(JOINT_SETS[joints])
        raise WeightsError(f"{file}: its head has {rows} joints, {joints} has {wanted}; name another with --joints")
    return JOINT_SETS[joints]


def _fill_refiner(state: Tensors, target: _Target) -> dict[str, str]:
    """Add the refiner's seeded start where no file had one; other parts must come from files."""
    missing = target.shapes.keys() - state.keys()
    for part, cure in (("backbone", "an HRNet checkpoint"), ("flow", "a RAFT checkpoint")):
        if any(name.startswith(f"{part}.") for name in missing):
            raise WeightsError(f"{target.variant}: no file has its {part}; give {cure} as well")
    if missing:
        start = _seeded(target).state_dict()
        state |= {name: start[name] for name in missing}
    return dict.fromkeys(sorted(missing), "refiner: its seeded start, untrained")


def _seeded(target: _Target) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return POSE_NETWORKS[target.variant](**target.options)


def grouped(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Names by the reason they share, in the order in which the reasons first come."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name)
    return groups
