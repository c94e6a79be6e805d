"""Results as other programs write them: joints under other names, several classes, boxes, an id twice in a frame."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.effort_report import effort_report
from jmpose_core.evaluation.oks import FIGURES
from jmpose_core.evaluation.report import evaluate
from jmpose_core.formats.document import ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.skeleton import POSETRACK18_SLOTS
from tests.builders.foreign_files import coco_person, coco_values, write_json


def posetrack_file(path: Path, *, shift: float = 0.0) -> Path:
    """Three frames of two people."""
    images, people = [], []
    for frame in range(3):
        name = f"images/val/000001_mpii_test/{frame:06d}.jpg"
        image = ImageRecord(id=10000010000 + frame, file_name=name, is_labeled=True, ignore_regions=())
        images.append(image)
        for track in range(2):
            points = np.zeros((17, 3))
            places = np.arange(17)
            points[:, 0], points[:, 1], points[:, 2] = 100 + 200 * track + 3 * places + shift, 50 + 9 * places, 1
            points[3:5] = 0
            people.append(
                PersonRecord(
                    image_id=image.id,
                    keypoints=points,
                    track_id=track,
                    bbox_head_xywh=(100.0 + 200 * track, 50.0, 20.0, 30.0),
                    bbox_xywh=(90.0 + 200 * track, 40.0, 80.0, 180.0),
                    scores=(0.5,) * 17,
                )
            )
    write_posetrack18(PoseTrackDocument(images, people), path)
    return path


@pytest.mark.parametrize(
    "names",
    [
        {"head_bottom": "neck", "head_top": "top_head"},
        {"head_bottom": "upper_neck"},
        {name: name.replace("_", " ").title() for name in POSETRACK18_SLOTS},
        {name: name.replace("left_", "l_").replace("right_", "R-") for name in POSETRACK18_SLOTS},
    ],
)
@pytest.mark.parametrize("metric", ["posetrack", "posetrack21", "pck", "oks"])
def test_joints_under_other_names_count(tmp_path: Path, names: dict[str, str], metric: str) -> None:
    truth, found = posetrack_file(tmp_path / "gt.json"), posetrack_file(tmp_path / "pr.json", shift=1)
    expected = evaluate(truth, found, metric)
    for renamed in ([truth], [found], [truth, found]):
        for path in renamed:
            values = json.loads(path.read_text())
            joints = values["categories"][0]["keypoints"]
            values["categories"][0]["keypoints"] = [names.get(name, name) for name in joints]
            path.write_text(json.dumps(values))
        report = evaluate(truth, found, metric)
        assert {key: report[key] for key in report if key != "images"} == {
            key: expected[key] for key in expected if key != "images"
        }
        assert effort_report(truth, found)["edits"] == {}


def results_of(people: list[dict[str, Any]], rng: np.random.Generator, **keys: Any) -> list[dict[str, Any]]:
    noisy = []
    for person in people:
        points = np.array(person["keypoints"], float).reshape(-1, 3)
        points[:, :2] += rng.normal(0, 6, (len(points), 2))
        points[:, 2] = 1
        result = {"image_id": person["image_id"], "category_id": person["category_id"]}
        noisy.append(result | {"keypoints": points.ravel().tolist(), "score": float(rng.random())} | keys)
    return noisy


def pycocotools_figures(truth: Path, found: Path) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO(str(truth))
        evaluation = COCOeval(annotated, annotated.loadRes(str(found)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(FIGURES, (float(value) for value in evaluation.stats), strict=True))


@pytest.mark.parametrize("boxes", ["none", "all"])
@pytest.mark.parametrize("person_id", [1, 3])
def test_oks_of_results_of_several_classes_is_that_of_pycocotools(tmp_path: Path, boxes: str, person_id: int) -> None:
    rng = np.random.default_rng(0)
    people = [
        coco_person(image, 17, id=image + 1, category_id=person_id, area=area, bbox=[280, 40, 60, area / 60])
        for image, area in enumerate((2000, 5000, 20000, 30000))
    ]
    values = coco_values([f"{i}.jpg" for i in range(4)], people, COCO17)
    values["categories"][0]["id"] = person_id
    results = results_of(people, rng) + results_of(people, rng)
    dogs = [result | {"category_id": 2, "score": 0.99} for result in results_of(people, rng)]
    mixed: list[dict[str, Any]] = [*dogs, *results]
    if boxes == "all":  # small ones, so that the areas of boxes and of joints fall into different classes
        mixed = [result | {"bbox": [280, 40, 20, 30]} for result in mixed]
    truth, found = write_json(tmp_path / "gt.json", values), write_json(tmp_path / "pr.json", mixed)
    report = evaluate(truth, found, "oks")
    expected = pycocotools_figures(truth, found)
    assert report["oks"] == pytest.approx(expected)
    assert 0.1 < expected["AP"] < 1
    assert report["images"][0]["other_categories"] == 4


def test_results_of_which_only_some_have_a_box_go_by_their_joints(tmp_path: Path) -> None:
    people = [coco_person(image, 17, id=image + 1) for image in range(4)]
    truth = write_json(tmp_path / "gt.json", coco_values([f"{i}.jpg" for i in range(4)], people, COCO17))
    results = results_of(people, np.random.default_rng(1))
    expected = evaluate(truth, write_json(tmp_path / "pr.json", results), "oks")["oks"]
    results[0]["bbox"] = [1, 2, 3, 4]
    assert evaluate(truth, write_json(tmp_path / "pr.json", results), "oks")["oks"] == expected


def mot_sequence(folder: Path, truth: str, found: str) -> tuple[Path, Path]:
    sequence = folder / "gt" / "000001_a"
    (sequence / "gt").mkdir(parents=True)
    write_json(sequence / "image_info.json", [{"frame_index": 1}, {"frame_index": 2}])
    (sequence / "gt" / "gt.txt").write_text(truth)
    (folder / "pred").mkdir()
    (folder / "pred" / "000001_a.txt").write_text(found)
    return folder / "gt", folder / "pred"


TRUTH = "1,1,10,10,50,100,1,-1,-1,-1\n2,1,12,10,50,100,1,-1,-1,-1\n"


@pytest.mark.parametrize(
    ("found", "line", "words"),
    [
        (TRUTH + "2,1,300,10,50,100,1,-1,-1,-1\n", 3, "id 1 is in frame 2 already, on line 2"),
        ("1,-1,10,10,50,100,0.9\n1,-1,300,10,50,100,0.8\n", 2, "id -1 is in frame 1 already, on line 1"),  # no ids
    ],
)
def test_an_id_twice_in_a_frame_is_refused_with_its_line(tmp_path: Path, found: str, line: int, words: str) -> None:
    truth, pred = mot_sequence(tmp_path, TRUTH, found)
    with pytest.raises(FormatError, match=rf"000001_a\.txt: line {line}: {words}"):
        evaluate(truth, pred, "boxes")
    swapped = mot_sequence(tmp_path / "swapped", found, TRUTH)
    with pytest.raises(FormatError, match=rf"gt\.txt: line {line}: {words}"):
        evaluate(*swapped, "boxes")


def test_results_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    truth, pred = mot_sequence(tmp_path, TRUTH, "\ufeff" + TRUTH.replace("\n", "\r\n"))
    assert evaluate(truth, pred, "boxes")["boxes"]["OVERALL"]["idf1"] == 100
