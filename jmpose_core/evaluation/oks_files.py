"""OKS of files: several are measured as one data set, and result lists are taken as well as documents."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jmpose_core.evaluation.files import read_truth
from jmpose_core.evaluation.matching import Match, Source, match_images
from jmpose_core.evaluation.oks import oks_figures, results_of
from jmpose_core.formats.any_json import read_json_annotations
from jmpose_core.formats.coco import read_coco_results
from jmpose_core.formats.document import PoseTrackDocument
from jmpose_core.formats.files import fault, read_json
from jmpose_core.formats.joint_sets import COCO_SIGMAS


def oks_of_files(
    pairs: Sequence[tuple[Path, Path]], match: Match = "auto"
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """COCO's ten figures, and what the images of each pair were matched by; image ids are made unique over files.

    Raises:
        FormatError: a file breaks its format, or its images do not match.
    """
    merged = PoseTrackDocument([], [])
    results: list[dict[str, Any]] = []
    statements = []
    for truth_path, predicted_path in pairs:
        truth = read_truth(truth_path)
        if len(truth.document.joint_names) != len(COCO_SIGMAS):
            what = f"{len(truth.document.joint_names)} joints"
            raise fault(truth_path, "categories[0].keypoints", what, cure="OKS is defined for COCO's 17 places")
        found, statement = _results(truth, predicted_path, match)
        statements.append(statement)
        first = len(merged.images)
        new_id = {image.id: first + index for index, image in enumerate(truth.document.images)}
        results += [{**result, "image_id": new_id[result["image_id"]]} for result in found]
        _append(merged, truth.document, new_id)
    return oks_figures(merged, results), statements


def _append(merged: PoseTrackDocument, truth: PoseTrackDocument, new_id: dict[int, int]) -> None:
    for image in truth.images:
        image.id = new_id[image.id]
    for person in truth.people:
        person.image_id = new_id[person.image_id]
    merged.images += truth.images
    merged.people += truth.people
    merged.categories = truth.categories


def _results(truth: Source, path: Path, match: Match) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Results with the image ids of `truth`. A list of results has nothing but image ids to match by."""
    if isinstance(read_json(path), list):
        results, others = _listed(truth, path)
        statement = {
            "gt": truth.path.name,
            "pred": path.name,
            "images": len(truth.document.images),
            "by": "image id",
        }
        return results, statement | ({"other_categories": others} if others else {})
    predicted = Source(read_json_annotations(path), path)
    results = results_of(predicted.document, truth.document.joint_names)
    known = {image.id for image in truth.document.images}
    if match == "auto" and all(image.id in known for image in predicted.document.images):
        return results, {"gt": truth.path.name, "pred": path.name, "images": len(known), "by": "image id"}
    matched = match_images(truth, predicted, match)
    ours = {
        predicted.document.images[position].id: image.id
        for position, image in zip(matched.positions, truth.document.images, strict=True)
    }
    kept = [{**result, "image_id": ours[result["image_id"]]} for result in results if result["image_id"] in ours]
    return kept, matched.statement(truth, predicted)


def _listed(truth: Source, path: Path) -> tuple[list[dict[str, Any]], int]:
    """The results of the truth's category, and how many are of others: these do not count, as in pycocotools."""
    known = {image.id for image in truth.document.images}
    size = 3 * len(truth.document.joint_names)
    person = truth.document.categories[0].id if truth.document.categories else 1
    kept: list[dict[str, Any]] = []
    results = read_coco_results(path)
    for index, result in enumerate(results):
        if result.category_id not in (None, person):
            continue
        if result.image_id not in known:
            what = f"the ground truth has no image {result.image_id}"
            raise fault(path, f"results[{index}].image_id", what, cure="keep its image ids")
        if len(result.keypoints) != size:
            raise fault(path, f"results[{index}].keypoints", f"{len(result.keypoints)} numbers, {size} expected")
        box = {} if result.bbox is None else {"bbox": result.bbox}
        kept.append({"image_id": result.image_id, "keypoints": result.keypoints, "score": result.score, **box})
    return kept, len(results) - len(kept)
