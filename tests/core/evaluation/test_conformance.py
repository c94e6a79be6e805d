"""Every reference case, within 1e-6 of the reference programs' figures."""

import json
import re

import pytest

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.average_precision import by_part
from jmpose_core.evaluation.box_hota import box_hota
from jmpose_core.evaluation.boxes import box_tracking, read_boxes
from jmpose_core.evaluation.oks import POSETRACK_SIGMAS, oks_figures
from jmpose_core.evaluation.report import evaluate, table
from jmpose_core.formats.coco import read_coco_results
from jmpose_core.formats.posetrack18 import read_posetrack18
from tests.core.formats.fixtures import CONFORMANCE, needs_conformance

pytestmark = needs_conformance

POSE_CASES = [
    "c01_perfect", "c02_jitter", "c03_miss_fp", "c04_id_switch", "c05_ignore_regions", "c06_no_prediction_frames",
    "c07_pt17", "c08_joint_without_gt", "c09_multi_seq", "c10_pt21", "c11_edges", "c12_no_scores",
    "c16_labelled_but_empty", "c17_flag_mismatch", "c18_crowd_duplicates",
]  # fmt: skip
REFUSED = {
    "e1_image_missing": (
        r"pred/900121_mpii_test\.json: images: 7 images, .* has 8 \(images/val/.*\.jpg is missing\)",
        "list every image",
    ),
    "e2_duplicate_track_id": (r"pred/900121_mpii_test\.json: annotations\[\d+\]\.track_id: 0 is also", "id of its own"),
    "e3_prediction_file_missing": (r"pred/900121_mpii_test\.json: no prediction file", "needs one"),
    "e4_track_id_absent": (r"pred/900121_mpii_test\.json: annotations\[0\]\.track_id: missing", "track the people"),
    "e5_single_labelled_frame": (r"gt/900121_mpii_test\.json: sequence .*: 1 image", "label another"),
    "e6_categories_absent": (r"pred/900121_mpii_test\.json: categories: missing", "add PoseTrack18's category"),
    "e7_track_id_too_large": (r"pred/900121_mpii_test\.json: annotations\[\d+\]\.track_id: 10000", "from 0"),
    "e8_foreign_folder_name": (r"gt/900121_mpii_test\.json: images\[0\]\.file_name: ", "rename the folder"),
    "e9_ignore_polygon_two_points": (r"gt/900121_mpii_test\.json: images\[\d+\]\.ignore_regions_x", "three corners"),
    "e10_gt_without_head_box": (r"gt/900121_mpii_test\.json: annotations\[\d+\]\.bbox_head: missing", "head box"),
    "e11_images_in_other_order": (r"pred/900121_mpii_test\.json: images\[0\]: ", "in the ground truth's order"),
}  # fmt: skip
WITHOUT_PREDICTIONS_SOMEWHERE = ["c06_no_prediction_frames"]  # where the kit's defect shows
REFUSED_BY_POSEVAL_ALONE = [
    "e5_single_labelled_frame", "e6_categories_absent", "e7_track_id_too_large", "e8_foreign_folder_name",
]  # fmt: skip


def expected(case):
    return json.loads((CONFORMANCE / case / "expected.json").read_bytes())


def report_of(case, metric, **options):
    return evaluate(CONFORMANCE / case / "gt", CONFORMANCE / case / "pred", metric, **options)


def assert_same(ours, reference, what):
    assert ours.keys() == reference.keys()
    for joint, value in reference.items():
        if value is None:
            assert ours[joint] is None, (what, joint)
        else:
            assert ours[joint] == pytest.approx(value, abs=1e-6), (what, joint)


@pytest.mark.parametrize("case", POSE_CASES)
def test_poseval(case):
    reference, report = expected(case)["poseval"], report_of(case, "posetrack")
    assert_same(report["precision"], reference["AP"]["pre"], "precision")
    assert_same(report["recall"], reference["AP"]["rec"], "recall")
    assert_same(report["mota"], reference["MOT"]["mota"], "mota")
    assert_same(report["motp"], reference["motp_matches_only"], "motp")
    assert_same(report["mot_precision"], reference["MOT"]["pre"], "mot_precision")
    assert_same(report["mot_recall"], reference["MOT"]["rec"], "mot_recall")
    assert_same(report["idf1"], reference["idf1_per_joint"], "idf1")
    bounds = expected(case).get("AP_bounds_over_tie_orders")
    if bounds is None:
        assert_same(report["ap"], reference["AP"]["ap"], "ap")
    else:
        for joint, (low, high) in bounds.items():
            assert low - 1e-6 <= report["ap"][joint] <= high + 1e-6
    for name, figures in reference["per_sequence"].items() if len(reference["per_sequence"]) > 1 else ():
        assert report["per_sequence"][name]["ap"]["total"] == pytest.approx(figures["AP_total"], abs=1e-6)
        assert report["per_sequence"][name]["mota"]["total"] == pytest.approx(figures["MOTA_total"], abs=1e-6)


@pytest.mark.parametrize("case", POSE_CASES)
def test_poseval_as_printed(case):
    reference, report = expected(case)["poseval"], report_of(case, "posetrack", as_reference=True)
    assert_same(report["motp"], reference["MOT"]["motp"], "motp")
    rows = {row[0]: [cell.replace("-", "nan") for cell in row[1:]] for row in table(report)}
    printed = {name: re.findall(r"[\d.]+|nan", text) for name, text in reference["printed"].items()}
    if case != "c12_no_scores":  # its AP depends on the order of ties
        assert rows["AP"] == printed["AP_row"]
    mot = [*rows["MOTA"], *(rows[name][-1] for name in ("MOTP", "MOT precision", "MOT recall"))]
    assert mot == printed["MOT_row"]


def kit_cases():
    cases = [(case, "posetrack21_kit_fixed", False) for case in ("c06_no_prediction_frames", "c16_labelled_but_empty")]
    plain = [case for case in POSE_CASES if case not in ("c07_pt17", "c16_labelled_but_empty")]
    cases += [(case, "posetrack21_kit", True) for case in plain]
    cases += [(case, "posetrack21_kit", False) for case in plain if case not in WITHOUT_PREDICTIONS_SOMEWHERE]
    return cases + [(f"errors/{case}", "posetrack21_kit", False) for case in REFUSED_BY_POSEVAL_ALONE]


@pytest.mark.parametrize(("case", "key", "as_reference"), kit_cases())
def test_posetrack21_kit(case, key, as_reference):
    reference, report = expected(case)[key], report_of(case, "posetrack21", as_reference=as_reference)
    for ours, theirs in (("hota", "HOTA"), ("deta", "DetA"), ("assa", "AssA")):
        assert_same(report[ours], reference["HOTA"][theirs], ours)
    if case != "c12_no_scores":
        assert_same(by_part(report["kit_ap"]) | {"Total": report["kit_ap"]["total"]}, reference["mAP"]["map"], "kit_ap")


def test_without_the_kits_defect_frames_without_predictions_count_once():
    as_is, fixed = (report_of("c06_no_prediction_frames", "posetrack21", as_reference=r) for r in (True, False))
    assert as_is["hota"]["total"] == pytest.approx(30.47, abs=0.01)
    assert fixed["hota"]["total"] == pytest.approx(59.05, abs=0.01)


@pytest.mark.parametrize("case", ["c13_oks_coco17", "c14_oks_posetrack"])
def test_oks(case):
    (gt,), (pred,) = ((CONFORMANCE / case / side).glob("*.json") for side in ("gt", "pred"))
    assert_same(evaluate(gt, pred, "oks")["oks"], expected(case)["oks_coco"]["stats"], "oks")


def test_oks_with_sigmas_for_the_heads_ends():
    case = CONFORMANCE / "c14_oks_posetrack"
    results = read_coco_results(case / "pred" / "keypoints_results.json")
    plain = [{"image_id": r.image_id, "keypoints": r.keypoints, "score": r.score} for r in results]
    figures = oks_figures(read_posetrack18(case / "gt" / "900118_mpii_test.json"), plain, sigmas=POSETRACK_SIGMAS)
    assert_same(figures, expected("c14_oks_posetrack")["oks_posetrack_pifpaf"]["stats"], "oks")


@pytest.fixture(scope="module")
def boxes():
    case = CONFORMANCE / "c15_mot_boxes"
    names = ("900119_mpii_test", "900120_mpii_test")
    return {name: read_boxes(case / "gt" / name, case / "pred" / f"{name}.txt") for name in names}


@pytest.mark.parametrize(("key", "ignore_regions"), [("with_ignore_regions", True), ("without_ignore_regions", False)])
def test_box_tracking(boxes, key, ignore_regions):
    ours = box_tracking(boxes, ignore_regions=ignore_regions)
    for name, figures in expected("c15_mot_boxes")["posetrack21_mot"][key].items():
        assert_same(ours[name], figures, name)


def test_box_tracking_of_the_command_line():
    case = CONFORMANCE / "c15_mot_boxes"
    report, reference = evaluate(case / "gt", case / "pred", "boxes"), expected("c15_mot_boxes")["posetrack21_mot"]
    for name, figures in reference["with_ignore_regions"].items():
        ours = report["boxes"][name]
        for ratio in ("mota", "idf1", "recall", "precision"):
            assert ours[ratio] == pytest.approx(100 * figures[ratio], abs=1e-4)
        assert ours["motp"] == pytest.approx(100 * (1 - figures["motp"]), abs=1e-4)
        assert ours["num_switches"] == figures["num_switches"]
    assert report["boxes"]["OVERALL"]["hota"] == pytest.approx(reference["HOTA_boxes"]["HOTA"], abs=1e-6)
    assert [row[0] for row in table(report)] == ["", "900119_mpii_test", "900120_mpii_test", "OVERALL"]
    alone = evaluate(case / "gt" / "900119_mpii_test", case / "pred" / "900119_mpii_test.txt", "boxes")
    assert alone["boxes"]["OVERALL"] == report["boxes"]["900119_mpii_test"]


def test_box_hota(boxes):
    assert_same(box_hota(list(boxes.values())), expected("c15_mot_boxes")["posetrack21_mot"]["HOTA_boxes"], "hota")


@pytest.mark.parametrize("case", list(REFUSED))
def test_bad_input_is_refused_with_file_place_and_cure(case):
    place, cure = REFUSED[case]
    with pytest.raises(FormatError, match=place) as caught:
        report_of(f"errors/{case}", "posetrack")
    assert cure in str(caught.value)


@pytest.mark.parametrize("case", [case for case in REFUSED if case not in REFUSED_BY_POSEVAL_ALONE])
def test_the_metric_of_posetrack21_refuses_the_same(case):
    with pytest.raises(FormatError, match=REFUSED[case][0]):
        report_of(f"errors/{case}", "posetrack21")


def test_a_report_is_json_and_a_perfect_one_is_a_hundred():
    for metric in ("posetrack", "posetrack21", "pck"):
        report = json.loads(json.dumps(report_of("c01_perfect", metric), allow_nan=False))
        assert all(
            report[name]["total"] == pytest.approx(100)
            for name in report
            if name not in ("metric", "images", "per_sequence", "remarks", "missing")
        )
        assert sorted(report["per_sequence"]) == ["900101_mpii_test", "900102_mpii_test"]
