"""Pictures are shown as players show them: turned and mirrored by the display matrix, one way for the whole video."""

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from jmpose_core.video import open_video
from jmpose_core.video.orientation import Orientation
from tests.builders.numbered_clips import HEIGHT, WIDTH, with_display_matrix, write_clip

# What FFmpeg 5.1 (-i) shows of a track with this matrix a b / c d, compared once by hand: all eight agree.
SHOWN = {
    "upright": ((1, 0, 0, 1), lambda rgb: rgb),
    "mirrored left to right": ((-1, 0, 0, 1), lambda rgb: rgb[:, ::-1]),
    "upside down, mirrored": ((1, 0, 0, -1), lambda rgb: rgb[::-1]),
    "turned by 180 degrees": ((-1, 0, 0, -1), lambda rgb: rgb[::-1, ::-1]),
    "turned clockwise": ((0, 1, -1, 0), lambda rgb: np.rot90(rgb, -1)),
    "turned counterclockwise": ((0, -1, 1, 0), np.rot90),
    "rows and columns exchanged": ((0, 1, 1, 0), lambda rgb: rgb.transpose(1, 0, 2)),
    "turned and mirrored": ((0, -1, -1, 0), lambda rgb: np.rot90(rgb, 2).transpose(1, 0, 2)),
}


@pytest.mark.parametrize("situation", SHOWN)
def test_a_display_matrix_turns_and_mirrors_the_picture(tmp_path, situation):
    matrix, shown = SHOWN[situation]
    write_clip(tmp_path / "upright.mp4", range(3))
    content = (tmp_path / "upright.mp4").read_bytes()
    (tmp_path / "marked.mp4").write_bytes(with_display_matrix(content, *matrix))
    with open_video(tmp_path / "upright.mp4") as upright, open_video(tmp_path / "marked.mp4") as marked:
        assert (marked.height, marked.width, 3) == marked.frame(2).shape
        np.testing.assert_array_equal(marked.frame(2), shown(upright.frame(2)))


@pytest.mark.parametrize("matrix", [(0, 0, 0, 0), (1, 0, 0, 1)])
def test_a_matrix_that_says_nothing_changes_nothing(tmp_path, matrix):
    write_clip(tmp_path / "upright.mp4", range(3))
    (tmp_path / "marked.mp4").write_bytes(with_display_matrix((tmp_path / "upright.mp4").read_bytes(), *matrix))
    with open_video(tmp_path / "upright.mp4") as upright, open_video(tmp_path / "marked.mp4") as marked:
        np.testing.assert_array_equal(marked.frame(2), upright.frame(2))


@pytest.mark.parametrize(
    ("options", "shape"),
    [("rotate=90", (WIDTH, HEIGHT)), ("flip=horizontal", (HEIGHT, WIDTH))],
    ids=["turned", "mirrored"],
)
def test_an_orientation_message_at_key_frames_holds_for_all_frames(tmp_path, options, shape):
    write_clip(tmp_path / "plain.mp4", range(30), options={"bf": "2"})
    with av.open(str(tmp_path / "plain.mp4")) as reading, av.open(str(tmp_path / "sei.mkv"), "w") as writing:
        source = reading.streams.video[0]
        stream = writing.add_stream_from_template(source)
        mark = BitStreamFilterContext(f"h264_metadata=display_orientation=insert:{options}", source, stream)
        for packet in [*(p for p in reading.demux(source) if p.size), None]:
            for marked in mark.filter(packet):
                marked.stream = stream
                writing.mux(marked)
    with open_video(tmp_path / "sei.mkv") as video, open_video(tmp_path / "plain.mp4") as plain:
        assert (video.height, video.width) == shape
        assert {rgb.shape for _, rgb in video.frames()} == {(*shape, 3)}
        turned = np.rot90(plain.frame(5)) if options == "rotate=90" else plain.frame(5)[:, ::-1]
        np.testing.assert_array_equal(video.frame(5), turned)


def test_an_angle_between_quarter_turns_becomes_the_nearest():
    cos, sin = (round(value * 65536) for value in (np.cos(np.radians(80)), np.sin(np.radians(80))))
    assert Orientation.of_display_matrix(np.array([cos, sin, 0, -sin, cos, 0, 0, 0, 1 << 30], np.int32)) == Orientation(
        True, True, False
    )
