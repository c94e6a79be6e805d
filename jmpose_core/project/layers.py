"""Merge the annotation layer over the layers below: predictions, and the fill over these.

The annotation layer holds the person *as shown*: whenever a prediction or the fill
changes beneath it, the joints and fields that the annotator does not own are
brought up to date there. Reading then takes the upper row and merges nothing, and a
person that a later prediction no longer finds keeps what was last shown.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from jmpose_core.annotations import Annotation, Origin

# Fields of the whole person that can be the annotator's, and their bits in the column `owned`.
FIELDS: Final[dict[str, int]] = {"bbox_xyxy": 1, "score": 2, "source": 4}
ALL_FIELDS: Final = sum(FIELDS.values())


def owned_joints(annotation: Annotation) -> npt.NDArray[np.bool_]:
    """(15,) bool: joints that no prediction and no fill replaces: corrected or verified."""
    return annotation.origin >= Origin.CORRECTED


def changed_fields(new: Annotation, shown: Annotation) -> int:
    """Bits of the person-level fields in which `new` differs from what was shown."""
    return sum(bit for name, bit in FIELDS.items() if getattr(new, name) != getattr(shown, name))


def merged(annotation: Annotation, owned_fields: int, below: Annotation) -> Annotation:
    """`annotation` where the annotator owns it, the layer below elsewhere."""
    own = owned_joints(annotation)
    followed = {name: getattr(below, name) for name, bit in FIELDS.items() if not owned_fields & bit}
    return replace(
        annotation,
        keypoints=np.where(own[:, None], annotation.keypoints, below.keypoints),
        visibility=np.where(own, annotation.visibility, below.visibility),
        confidence=np.where(own, annotation.confidence, below.confidence),
        origin=np.where(own, annotation.origin, below.origin),
        **followed,
    )


def with_confidence_of_model(annotation: Annotation, prediction: Annotation) -> Annotation:
    """`annotation` with the prediction's confidence in the joints that the annotator owns."""
    own = owned_joints(annotation)
    return replace(annotation, confidence=np.where(own, prediction.confidence, annotation.confidence))


def as_predictions(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The prediction alone; joints that were given to the model as evidence count as its own."""
    own = int(Origin.PREDICTED)
    return [
        annotation
        if max(annotation.origin.tobytes()) <= own
        else replace(annotation, origin=np.minimum(annotation.origin, own).astype(np.uint8))
        for annotation in annotations
    ]
