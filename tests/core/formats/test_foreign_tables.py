"""CSV as pandas and spreadsheets save it, and SLEAP files as SLEAP's users make them."""

import tracemalloc
from pathlib import Path

import pandas
import pytest
import sleap_io

from jmpose_core.annotations import Origin
from jmpose_core.errors import FormatError
from jmpose_core.formats.csv_table import read_csv, write_csv
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.slp import read_slp, write_slp
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS
from tests.builders.foreign_files import NOSE, noses
from tests.core.formats.fuzzing import seed_document

HEAD = "frame,file_name,track_id,bbox_x,bbox_y,bbox_w,bbox_h,score,nose_x,nose_y,nose_v,nose_score\n"


def table(path: Path, *rows: str) -> Path:
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


def test_what_pandas_reads_and_saves_again_is_the_same(tmp_path: Path) -> None:
    document = seed_document()
    document.people[1].track_id = None  # so that pandas makes the column one of floats
    write_csv(document, tmp_path / "a.csv")
    pandas.read_csv(tmp_path / "a.csv").to_csv(tmp_path / "b.csv")  # with the index as a column without name
    before, after = read_csv(tmp_path / "a.csv"), read_csv(tmp_path / "b.csv")
    assert "0.0" in (tmp_path / "b.csv").read_text()
    assert [person.track_id for person in after.people] == [person.track_id for person in before.people] == [0, 2, None]
    assert after == before


@pytest.mark.parametrize(
    ("delimiter", "decimal", "encoding", "newline"),
    [
        (",", ".", "utf-8-sig", "\r\n"),
        (";", ",", "utf-8-sig", "\r\n"),  # a spreadsheet where the comma is decimal
        ("\t", ".", "utf-16", "\r\n"),  # "Unicode text"
        (",", ".", "utf-8", "\n"),
    ],
)
def test_what_a_spreadsheet_saves_is_read(
    tmp_path: Path, delimiter: str, decimal: str, encoding: str, newline: str
) -> None:
    text = HEAD + "3,a.jpg,0,280,40,100,300,,300.5,60,1,\n"
    text = text.replace(",", delimiter).replace("300.5", f"300{decimal}5").replace("\n", newline)
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    document = read_csv(tmp_path / "a.csv")
    assert noses(document) == [("a.jpg", 300.5)] and document.images[0].frame_index == 3


def test_a_frame_number_that_cannot_be_costs_no_memory(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "9999999,,0,280,40,100,300,,300,60,1,")
    tracemalloc.start()
    try:
        document = read_csv(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert [image.frame_index for image in document.images] == [9999999] and document.names_made_up
    with pytest.raises(FormatError, match="line 2: column frame is not a whole number from 0"):
        read_csv(table(path, "99999999,,0,280,40,100,300,,300,60,1,"))


def sleap_labels(*frames: tuple[int, list[object]], video: str = "walk.mp4") -> sleap_io.Labels:
    source = sleap_io.Video(filename=video, open_backend=False, backend_metadata={"shape": (30, 360, 640, 3)})
    return sleap_io.Labels(
        labeled_frames=[sleap_io.LabeledFrame(video=source, frame_idx=i, instances=people) for i, people in frames]
    )


SKELETON = sleap_io.Skeleton(nodes=list(JOINTS), name="person")
TRACK = sleap_io.Track(name="0")


def points(x: float) -> list[list[float]]:
    return [[x + 5 * index, 60 + 12 * index] for index in range(15)]


def predicted(x: float, track: sleap_io.Track | None = TRACK) -> sleap_io.PredictedInstance:
    return sleap_io.PredictedInstance.from_numpy(points(x), SKELETON, point_scores=[0.5] * 15, score=0.5, track=track)


def test_a_correction_takes_the_place_of_its_prediction(tmp_path: Path) -> None:
    first, second, third, alone = predicted(300), predicted(310), predicted(320, None), predicted(400, None)
    instance = sleap_io.Instance
    frames = (
        (3, [first, instance.from_numpy(points(305), SKELETON, track=TRACK, from_predicted=first)]),
        (4, [second, instance.from_numpy(points(315), SKELETON, track=TRACK)]),  # of the same track
        (5, [third, instance.from_numpy(points(325), SKELETON, from_predicted=third), alone]),
    )
    sleap_io.save_slp(sleap_labels(*frames), str(tmp_path / "a.slp"), embed=False, verbose=False)
    document = read_slp(tmp_path / "a.slp")
    people = [(document.images[p.frame_index].frame_index, p.keypoints[NOSE, 0]) for p in annotations_of(document)]
    assert people == [(3, 370), (4, 380), (5, 390), (5, 465)]
    assert [int(p.origin.max()) for p in annotations_of(document)] == [3, 3, 3, Origin.PREDICTED]
    assert document.notes == ["predictions that were corrected, left out beneath their corrections (3)"]


def test_a_correction_without_track_has_its_predictions(tmp_path: Path) -> None:
    first = predicted(300)
    user = sleap_io.Instance.from_numpy(points(305), SKELETON, from_predicted=first)
    sleap_io.save_slp(sleap_labels((3, [first, user])), str(tmp_path / "a.slp"), embed=False, verbose=False)
    assert [person.track_id for person in read_slp(tmp_path / "a.slp").people] == [0]


def test_frames_of_a_video_are_listed_where_they_are_labelled(tmp_path: Path) -> None:
    labels = sleap_labels((9_000_000, [predicted(300)]))
    sleap_io.save_slp(labels, str(tmp_path / "a.slp"), embed=False, verbose=False)
    document = read_slp(tmp_path / "a.slp")
    assert [image.frame_index for image in document.images] == [0, 9_000_000]
    assert document.names_made_up


def test_people_without_scores_are_instances_that_sleap_trains_on(tmp_path: Path) -> None:
    document = seed_document()
    assert [bool(person.scores) for person in document.people] == [False, True, True]
    write_slp(document, tmp_path / "a.slp")
    frames = sleap_io.load_slp(str(tmp_path / "a.slp"), open_videos=False).user_labeled_frames
    assert [len(frame.user_instances) for frame in frames] == [1]
    assert tuple(frames[0].instances[0].skeleton.node_names) == POSETRACK18_SLOTS
