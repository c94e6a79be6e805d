r"""Put a backbone, a flow and a refiner that were trained apart into one weights file: the bundled jmpose_lite.

    python -m train.recipes.assembly --base runs/backbone/backbone.safetensors --flow runs/flow/raft_lite.safetensors \
        --refiner runs/motion/refiner.safetensors --out FILE

BASE is the weights file of a backbone, or of a network with one, as jmpose_lite; its card goes into the new one's. FLOW
and REFINER are the plain safetensors that train.recipes.flow and train.motion.command leave. The calibration of the
refined stage goes, since it was another refiner's: fit it with python -m train.studies.film_calibration.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import msgspec
import torch
from safetensors.torch import load_file
from torch import Tensor

from jmpose_core.errors import JMPoseError
from jmpose_core.model.calibration import without_calibrations
from jmpose_core.model.compact import backbone_of, has_prior
from jmpose_core.model.jmpose import BUNDLED
from jmpose_core.model.systems import jmpose_lite
from jmpose_core.weights.files import WeightsCard, load_into, read_weights, save_weights

DATA: Final = (
    "JHMDB clips with a label in every frame (ICCV 2013), source films not divisible by 5",
    "clips made from the backbone's stills by random motion of camera and limbs (train/people/clips.py)",
)


def assembled(
    base: str, flow: Path | None, kind: str, refiner: Path, recipe: str
) -> tuple[dict[str, Tensor], WeightsCard]:
    """Tensors and card of the whole.

    Args:
        base: name or file that the backbone is taken from: that of a backbone alone, or of a whole network.
        flow: weights of the flow; None where it has none.
        kind: of the flow, as `jmpose_lite` names it.
        refiner: its weights.
        recipe: how flow and refiner were made, for the card.

    Raises:
        WeightsError: a part does not fit.
    """
    state, card = read_weights(base)
    backbone = backbone_of(without_calibrations(state))
    options = {**BUNDLED, "prior": has_prior(backbone), "flow": kind}
    network = jmpose_lite(**options)
    parts = {"backbone.": backbone, "refiner.": load_file(refiner)}
    if flow is not None:
        parts["flow.raft."] = load_file(flow)
    whole = {prefix + name: value for prefix, own in parts.items() for name, value in own.items()}
    load_into(network, whole, place=f"{base}, {flow}, {refiner}")
    halves = {name: _half(value) for name, value in network.state_dict().items()}
    told = {name: value for name, value in card.figures.items() if "refined" not in name and "clips" not in name}
    return halves, msgspec.structs.replace(
        card,
        variant="jmpose_lite",
        crop_size=network.crop_size,
        training_data=tuple(dict.fromkeys((*card.training_data, *DATA))),
        recipe=f"{card.recipe}; {recipe}",
        figures=told,
        options=options,
    )


def _half(value: Tensor) -> Tensor:
    return value.to(torch.float16) if value.dtype.is_floating_point else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="jmpose_lite", help="name or file of a backbone, or of a network with one")
    parser.add_argument("--flow", type=Path)
    parser.add_argument("--kind", default="guided_lite", help="of the flow")
    parser.add_argument("--refiner", type=Path, required=True)
    parser.add_argument("--recipe", default="python -m train.motion.command", help="for the card")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        state, card = assembled(
            arguments.base, arguments.flow, arguments.kind, arguments.refiner, recipe=arguments.recipe
        )
        save_weights(arguments.out, state, card)
    except JMPoseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
