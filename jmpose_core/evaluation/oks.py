"""COCO's OKS average precision and recall, by pycocotools."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from jmpose_core.annotations import Visibility
from jmpose_core.formats.document import PersonRecord, PoseTrackDocument
from jmpose_core.formats.joint_sets import COCO_SIGMAS, our_names
from jmpose_core.formats.people import BBOX_OF_KEYPOINTS, visibility_of, xywh_of
from jmpose_core.geometry import bbox_of_points

FIGURES: Final = ("AP", "AP50", "AP75", "AP_M", "AP_L", "AR", "AR50", "AR75", "AR_M", "AR_L")
# openpifpaf's: head_bottom and head_top stand in the slots of COCO's eyes, but are not as small as eyes.
POSETRACK_SIGMAS: Final[tuple[float, ...]] = (COCO_SIGMAS[0], 0.08, 0.06, *COCO_SIGMAS[3:])
_CATEGORY: Final = 1


def oks_figures(
    truth: PoseTrackDocument, results: Sequence[Mapping[str, Any]], *, sigmas: Sequence[float] = COCO_SIGMAS
) -> dict[str, float]:
    """COCO's ten figures as fractions; NaN where there is nothing to measure, as for medium people when all are large.

    Labelled joints count, hidden ones too, as COCO has it. A true person without `area` has that of the box. As in
    pycocotools, the area of a prediction is that of its `bbox` where the first result has one, else of its joints.

    Args:
        truth: whose joints are as many as `sigmas`.
        results: image_id, keypoints (3K numbers in truth's order), score and perhaps bbox of each predicted person.
    """
    if len(sigmas) != len(truth.joint_names):
        raise ValueError(f"{len(sigmas)} sigmas for {len(truth.joint_names)} joints")
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        annotated = _coco([_truth(person, index) for index, person in enumerate(truth.people)], truth)
        evaluation = COCOeval(annotated, _predicted(annotated, results, truth), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    figures = [float(value) if value >= 0 else float("nan") for value in evaluation.stats]
    return dict(zip(FIGURES, figures, strict=True))


def results_of(document: PoseTrackDocument, joint_names: Sequence[str]) -> list[dict[str, Any]]:
    """Predictions of a document as COCO results, joints in the order of `joint_names` (zeros for those not predicted).

    A person without `score` has the mean of its joints' scores, or 1.
    """
    ours = our_names(document.joint_names)
    pairs = [(target, ours.index(name)) for target, name in enumerate(our_names(joint_names)) if name in ours]
    targets, slots = [target for target, _ in pairs], [slot for _, slot in pairs]
    results = []
    for person in document.people:
        if person.keypoints is None:
            continue
        keypoints = np.zeros((len(joint_names), 3))
        keypoints[targets] = person.keypoints[slots]
        score = _score(person, person.keypoints)
        results.append({"image_id": person.image_id, "keypoints": keypoints.ravel().tolist(), "score": score})
    return results


def _score(person: PersonRecord, keypoints: np.ndarray) -> float:
    if person.score is not None:
        return person.score
    present = keypoints.any(axis=1)
    return float(np.mean(np.array(person.scores)[present])) if person.scores and present.any() else 1.0


def _coco(annotations: list[dict[str, Any]], truth: PoseTrackDocument) -> COCO:
    coco = COCO()
    dataset: Any = {  # of a type that pycocotools keeps to itself
        "images": [{"id": image.id} for image in truth.images],
        "annotations": annotations,
        "categories": [{"id": _CATEGORY, "name": "person"}],
    }
    coco.dataset = dataset
    coco.createIndex()
    return coco


def _truth(person: PersonRecord, index: int) -> dict[str, Any]:
    keypoints = np.zeros((0, 3)) if person.keypoints is None else person.keypoints
    visibility = visibility_of(keypoints)
    present = visibility != Visibility.ABSENT
    bbox = person.bbox_xywh
    if bbox is None:
        points = keypoints[present, :2]
        bbox = xywh_of(bbox_of_points(points, enlarge=BBOX_OF_KEYPOINTS)) if len(points) else (0.0, 0.0, 0.0, 0.0)
    return {
        "id": index + 1,  # pycocotools takes 0 for "no match"
        "image_id": person.image_id,
        "category_id": _CATEGORY,
        "keypoints": np.column_stack([keypoints[:, :2], visibility]).ravel().tolist(),
        "num_keypoints": int(present.sum()) if person.num_keypoints is None else person.num_keypoints,
        "iscrowd": int(person.iscrowd or 0),
        "bbox": list(bbox),
        "area": max(0.0, bbox[2] * bbox[3] if person.area is None else person.area),
    }


def _predicted(annotated: COCO, results: Sequence[Mapping[str, Any]], truth: PoseTrackDocument) -> COCO:
    if not results:
        return _coco([], truth)  # pycocotools cannot load an empty list
    boxes = all(result.get("bbox") for result in results)  # pycocotools fails where only some have one
    kept = ("image_id", "keypoints", "score", *(("bbox",) if boxes else ()))
    entries: Any = [{key: result[key] for key in kept} | {"category_id": _CATEGORY} for result in results]
    return annotated.loadRes(entries)  # takes lists as well as paths
