"""PCK in torsos, heads and person sizes: on JHMDB and HiEve, and where only some people have a head box."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.annotations import Annotation
from jmpose_core.cli.evaluate import evaluate_files
from jmpose_core.errors import FormatError
from jmpose_core.evaluation.matching import Source
from jmpose_core.evaluation.report import evaluate, evaluate_documents, table
from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.hieve import read_hieve
from jmpose_core.formats.jhmdb import read_jhmdb
from jmpose_core.formats.people import annotations_of, document_from
from jmpose_core.formats.posetrack18 import write_posetrack18
from jmpose_core.skeleton import JOINT_INDEX, JOINTS
from tests.builders.hieve_folder import hieve_object, write_hieve
from tests.builders.jhmdb_folder import write_jhmdb

WIDTH_OF_SILHOUETTE = 200  # pixels
WIDTH_OF_JOINTS = 140  # neck to left ankle


def moved(person: Annotation, shifts: dict[str, float]) -> Annotation:
    for joint, pixels in shifts.items():
        x, y = person.keypoints[JOINT_INDEX[joint]]
        person = person.with_joint(JOINT_INDEX[joint], xy=(float(x) + pixels, float(y)))
    return person


def write_predictions(folder: Path, clip: Path, shifts: dict[str, float]) -> None:
    """VIDEO.json: the labels of a clip with joints moved to the right, and somebody else in each frame."""
    people = annotations_of(read_jhmdb(clip))
    bystanders = [replace(person, track_id=1, keypoints=person.keypoints + np.array([900.0, 0.0])) for person in people]
    names = [f"{frame + 1:05d}.png" for frame in range(len(people))]
    folder.mkdir(exist_ok=True)
    document = document_from([*bystanders, *(moved(person, shifts) for person in people)], names)
    write_posetrack18(document, folder / f"{clip.parent.name}.json")


@pytest.fixture
def released(tmp_path: Path) -> tuple[Path, Path]:
    """Two clips with silhouettes, and their predictions: wrists and an ankle of the first clip are off."""
    clips = [write_jhmdb(tmp_path / "jhmdb", video=video, masks=3) for video in ("a_catch_1", "b_catch_2")]
    off = {
        "left_wrist": 0.1 * WIDTH_OF_SILHOUETTE - 0.01,
        "right_wrist": 0.1 * WIDTH_OF_SILHOUETTE + 0.01,
        "left_ankle": 0.2 * WIDTH_OF_SILHOUETTE + 0.01,
    }
    write_predictions(tmp_path / "found", clips[0], off)
    write_predictions(tmp_path / "found", clips[1], {})
    return tmp_path / "jhmdb", tmp_path / "found"


def test_jhmdbs_released_form_is_measured_in_the_silhouettes_longer_side(released: tuple[Path, Path]) -> None:
    report = evaluate(*released, "pck")
    wide, strict = report["pck_person"], report["pck_person_strict"]
    assert [strict[joint] for joint in ("left_wrist", "right_wrist", "left_ankle")] == [100, 50, 50]
    assert [wide[joint] for joint in ("left_wrist", "right_wrist", "left_ankle")] == [100, 100, 50]
    assert wide["total"] == pytest.approx(100 * 25 / 26) and strict["total"] == pytest.approx(100 * 24 / 26)
    assert wide["nose"] is None
    assert report["per_sequence"]["b_catch_2"]["pck_person_strict"]["total"] == 100
    assert report["images"][0]["gt"] == "a_catch_1"


def test_a_folder_of_links_to_some_clips_is_a_split(released: tuple[Path, Path], tmp_path: Path) -> None:
    root, found = released
    (tmp_path / "split").mkdir()
    (tmp_path / "split" / "b").symlink_to(root / "joint_positions" / "catch" / "b_catch_2")
    report = evaluate(tmp_path / "split", found, "pck")
    assert [said["gt"] for said in report["images"]] == ["b_catch_2"]
    assert report["remarks"][0].endswith("the ground truth's box (3 of 3 people)")


def test_the_table_says_which_figure_needs_a_head_box(
    released: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_files(*released, metric="pck") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "PCKh@0.5 (no head boxes) - - - - - - - -" in printed
    assert "the person's size is the longer side of the ground truth's box (6 of 6 people)" in printed
    assert "not labelled in the ground truth, so in no figure: nose, head_top" in printed


def test_hieves_folders_are_measured_in_their_boxes(tmp_path: Path) -> None:
    """Two videos; in the first, one of two people is never found."""
    for video, people in (("1", ("P-1", "P-2")), ("2", ("P-1",))):
        frames = {
            frame: [_apart(hieve_object(name), 400 * place) for place, name in enumerate(people)] for frame in (0, 1)
        }
        found = annotations_of(read_hieve(write_hieve(tmp_path / "labels" / video, frames)))
        document = document_from([person for person in found if person.track_id == 1], ["0.jpg", "1.jpg"])
        write_posetrack18(document, tmp_path / f"{video}.json")
    report = evaluate(tmp_path / "labels", tmp_path, "pck")
    assert report["pck_person"]["total"] == pytest.approx(100 * 2 / 3)
    assert [report["per_sequence"][video]["pck_person"]["nose"] for video in ("1", "2")] == [50, 100]
    assert report["remarks"][0].endswith("the ground truth's box (6 of 6 people)")
    assert evaluate(tmp_path / "labels" / "2", tmp_path / "2.json", "pck")["pck_person_strict"]["total"] == 100


def _apart(person: dict[str, Any], pixels: int) -> dict[str, Any]:
    """The person moved to the right."""
    box = dict(person["bndbox"])
    for name, value in box.items():
        x, *rest = value.split(",")
        if not name.startswith("y"):
            box[name] = ",".join([str(int(x) + pixels), *rest])
    return person | {"bndbox": box}


def test_without_silhouettes_the_labelled_joints_make_the_box(tmp_path: Path) -> None:
    clip = write_jhmdb(tmp_path)
    for pixels, share in ((0.2 * WIDTH_OF_JOINTS - 0.01, 100), (0.2 * WIDTH_OF_JOINTS + 0.01, 0)):
        write_predictions(tmp_path, clip, {"left_wrist": pixels})
        report = evaluate(clip, tmp_path / "a_catch_1.json", "pck")
        assert report["pck_person"]["left_wrist"] == share
    assert "the box about the labelled joints (3 of 3 people)" in report["remarks"][0]


def test_figures_that_need_a_head_refuse_jhmdb_and_name_the_metric_that_does_not(released: tuple[Path, Path]) -> None:
    for metric, what in (("posetrack21", "bbox_head: missing"), ("posetrack", "no nose")):
        with pytest.raises(FormatError, match=rf"joint_positions\.mat: .*{what}.*the metric pck"):
            evaluate(*released, metric)


def test_two_videos_of_one_name_are_refused(released: tuple[Path, Path]) -> None:
    write_jhmdb(released[0], action="throw", video="b_catch_2")
    with pytest.raises(FormatError, match="is a video of that name too"):
        evaluate(*released, "pck")


def one_frame(points: np.ndarray, heads: list[bool]) -> Source:
    """A document of one frame; points (N, 15, 2) pixels."""
    people = [
        PersonRecord(
            image_id=1,
            keypoints=np.column_stack([joints, np.ones(len(JOINTS))]),
            track_id=track,
            bbox_head_xywh=(0.0, 0.0, 30.0, 40.0) if head else None,
        )
        for track, (joints, head) in enumerate(zip(points, heads, strict=True))
    ]
    return Source(
        PoseTrackDocument([ImageRecord(id=1, file_name="1.jpg")], people, [Category(keypoints=JOINTS)]), Path("x")
    )


@given(st.integers(0, 2**32 - 1), st.floats(0.2, 8.0), st.tuples(st.booleans(), st.booleans()))
def test_shares_are_those_of_plain_counting_at_any_scale(seed: int, scale: float, heads: tuple[bool, bool]) -> None:
    """Two people far apart, each found with an error of its own in every joint."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 100, (2, len(JOINTS), 2)) + np.array([0, 900])[:, None, None]
    truth[:, 0], truth[:, 1] = truth[:, 2], truth[:, 2] + 100  # 100 pixels at least; and two joints exactly found
    found = truth + rng.normal(0, 15, truth.shape) * (np.arange(len(JOINTS)) > 1)[:, None]
    report = evaluate_documents([(one_frame(truth * scale, list(heads)), one_frame(found * scale, [False] * 2))], "pck")
    sizes = np.ptp(truth, axis=1).max(axis=1)
    off = np.linalg.norm(found - truth, axis=2) / sizes[:, None]
    for name, threshold in (("pck_person", 0.2), ("pck_person_strict", 0.1)):
        assert report[name]["total"] == pytest.approx(100 * (off <= threshold).mean())
    known = [index for index, head in enumerate(heads) if head]
    near = np.linalg.norm(found - truth, axis=2)[known] * scale <= 0.5 * 30
    assert report["pckh"]["total"] == (pytest.approx(100 * near.mean()) if known else None)
    assert table(report)[2][0] == {
        0: "PCKh@0.5 (no head boxes)", 1: "PCKh@0.5 (no head boxes of 1 of 2 people)", 2: "PCKh@0.5"
    }[len(known)]  # fmt: skip
