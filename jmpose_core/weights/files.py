"""Weights files: safetensors that say what they are.

One file is enough to rebuild a network: its metadata names the variant, the
crop, the joints, what it was trained on and the figures measured with it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import resources
from jmpose_core.app_folders import data_folder
from jmpose_core.errors import WeightsError
from jmpose_core.skeleton import JOINTS
from jmpose_core.whole_files import whole_file

_CARD: Final = "jmpose"


class WeightsCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a weights file says of itself."""

    variant: str  # the builder's name: "jmpose_lite", "raft_small", "detector", ...
    crop_size: tuple[int, int] = (0, 0)  # height, width of the input; 0 where any will do
    joints: tuple[str, ...] = JOINTS
    training_data: tuple[str, ...] = ()
    recipe: str = ""  # the command that made it
    figures: dict[str, float] = {}  # "PCK@0.2 LSP-Extended val": 0.71
    options: dict[str, bool | int | float | str] = {}  # builder arguments that differ from its defaults
    base: str = ""  # a bundled file that holds the tensors this one lacks; "" where the file is whole
    base_digest: str = ""  # of those tensors, so that a base that has changed is noticed


def save_weights(path: Path, state: Mapping[str, Tensor], card: WeightsCard) -> None:
    """Write a weights file whole or not at all.

    Raises:
        WeightsError: the folder cannot be written to, the disk is full, or a tensor holds NaN or infinity.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    check_finite(tensors, place=f"{path}: not written")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            save_file(tensors, part, metadata={_CARD: msgspec.json.encode(card).decode()})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: weights not written ({error}); choose a folder with space you may write to") from (
            error
        )


def read_weights(name_or_path: str | Path) -> tuple[dict[str, Tensor], WeightsCard]:
    """Tensors and card of a bundled name or of a file.

    Raises:
        WeightsError: no such file, a torn one, one that another program wrote, or one with NaN or infinity in it.
    """
    path = find_weights(name_or_path)
    with _opened(path) as file:
        card = _card(path, file.metadata())
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    check_finite(state, place=str(path))
    return state, card


def check_finite(state: Mapping[str, Tensor], *, place: str) -> None:
    """Refuse weights that a training left broken: a network with one NaN in it finds nobody, without a word.

    Raises:
        WeightsError: a tensor holds NaN or infinity; names the first.
    """
    for name in sorted(state):
        tensor = state[name]
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise WeightsError(f"{place}: {name} holds NaN or infinity; the training went wrong, take other weights")


def read_card(name_or_path: str | Path) -> WeightsCard:
    """The card alone, without reading the tensors."""
    path = find_weights(name_or_path)
    with _opened(path) as file:
        return _card(path, file.metadata())


def find_weights(name_or_path: str | Path) -> Path:
    """The file of a bundled name ("jmpose_lite"), of one in the user's data folder, or the path itself.

    Raises:
        WeightsError: none of these.
    """
    path = Path(name_or_path)
    if path.name == str(name_or_path):  # a name is no path
        for folder in (resources.WEIGHTS, user_weights()):
            if (named := folder / f"{name_or_path}.safetensors").is_file():
                return named
    if path.is_file():
        return path
    names = ", ".join(file.stem for file in installed_weights())
    raise WeightsError(
        f"{name_or_path}: no such weights file, nor one of the names that are here ({names}); "
        "`jmpose weights list` says what can be downloaded"
    )


def user_weights() -> Path:
    """Where downloaded and converted weights go: the user's data folder."""
    return data_folder() / "weights"


def installed_cards() -> tuple[dict[Path, WeightsCard], dict[Path, str]]:
    """The cards of `installed_weights`, and of the files that have none that can be read, what is wrong."""
    cards: dict[Path, WeightsCard] = {}
    faults: dict[Path, str] = {}
    for path in installed_weights():
        try:
            cards[path] = read_card(path)
        except WeightsError as error:  # one foreign or torn file must not hide all others
            faults[path] = str(error)
    return cards, faults


def installed_weights() -> list[Path]:
    """Files that can be named without their path: the bundled ones, then the user's own."""
    return [path for folder in (resources.WEIGHTS, user_weights()) for path in sorted(folder.glob("*.safetensors"))]


def named_cards() -> dict[str, WeightsCard]:
    """The cards of all weights that can be named without their path; a bundled name hides the user's own."""
    cards: dict[str, WeightsCard] = {}
    for path, card in installed_cards()[0].items():
        cards.setdefault(path.stem, card)
    return cards


def weights_of_variant(variant: str) -> str:
    """Name of a pose network's installed weights: those that bear its own name, else the only ones there are.

    Raises:
        WeightsError: none are installed, or several and none bears its name.
    """
    cards = named_cards()
    variants = {name: card.variant for name, card in cards.items() if card.crop_size != (0, 0)}
    found = [name for name in variants if variants[name] == variant]
    if variant in found:
        return variant
    if len(found) > 1:
        raise WeightsError(f"{variant}: several weights of it are installed; choose by --weights: {', '.join(found)}")
    if not found:
        here = ", ".join(dict.fromkeys(variants.values())) or "no pose network"
        raise WeightsError(
            f"{variant}: no weights of this variant are installed, only of {here}; "
            "get others with `jmpose weights download` (`jmpose weights list` names them) or `jmpose weights convert`"
        )
    return found[0]


def tensor_names(name_or_path: str | Path) -> list[str]:
    """Names of the tensors of a bundled name or of a file, which are not read."""
    with _opened(find_weights(name_or_path)) as file:
        return list(file.keys())


def load_into(network: nn.Module, state: Mapping[str, Tensor], *, place: str) -> None:
    """Load `state` with every key matched.

    Raises:
        WeightsError: a key is missing, left over, or of another shape; names the first of each.
    """
    own = network.state_dict()
    missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    misshapen = [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape]
    if missing or extra or misshapen:
        parts = [
            f"{len(names)} {what} (first: {min(names)})"
            for what, names in (("missing", missing), ("left over", extra), ("of another shape", misshapen))
            if names
        ]
        raise WeightsError(f"{place}: does not fit this network: {'; '.join(parts)}")
    network.load_state_dict(dict(state))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as safetensors reads it, which has no public type."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read as safetensors ({error}); copy the file again") from error


def _card(path: Path, metadata: Mapping[str, str] | None) -> WeightsCard:
    if not metadata or _CARD not in metadata:
        raise WeightsError(f"{path}: not a JM-Pose Studio weights file; bring it in with `jmpose weights convert`")
    try:
        return msgspec.json.decode(metadata[_CARD], type=WeightsCard)
    except msgspec.MsgspecError as error:
        raise WeightsError(f"{path}: its card cannot be read ({error}); it may come from a newer program") from error
