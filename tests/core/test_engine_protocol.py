import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.engine.protocol import (
    INLINE_BYTES,
    DrawnBox,
    People,
    Predict,
    ProbeResult,
    decode_reply,
    decode_request,
    encode,
    read_message,
    shared_folder,
    write_message,
)
from jmpose_core.errors import EngineError
from jmpose_core.estimation.options import EstimateOptions


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_frames_come_back_as_they_went(payloads: list[bytes]) -> None:
    stream = io.BytesIO()
    for payload in payloads:
        write_message(stream, payload)
    stream.seek(0)
    assert [read_message(stream) for _ in payloads] == payloads
    assert read_message(stream) is None


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_torn_frame_is_an_error(payload: bytes, data: st.DataObject) -> None:
    stream = io.BytesIO()
    write_message(stream, payload)
    whole = stream.getvalue()
    torn = io.BytesIO(whole[: data.draw(st.integers(1, len(whole) - 1))])
    with pytest.raises(EngineError):
        read_message(torn)


def test_people_come_back_equal(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    person = Annotation(
        12,
        3,
        (1.5, 2.0, 30.25, 40.0),
        keypoints=rng.random((15, 2)) * 100,
        visibility=rng.integers(0, 3, 15).astype(np.uint8),
        confidence=rng.random(15),
        origin=np.full(15, Origin.PREDICTED, np.uint8),
        score=0.5,
        source="jmpose_lite",
    )
    reply = decode_reply(encode(People(request_id=4, annotations=[person]), tmp_path))
    assert isinstance(reply, People)
    assert reply.request_id == 4
    assert reply.annotations == [person]


def test_requests_come_back_equal(tmp_path: Path) -> None:
    request = Predict(
        video_path="a b.mp4",
        first=0,
        last=9,
        visible_frame=4,
        boxes={1: {0: (1.0, 2.0, 3.0, 4.0)}},
        seeds=[DrawnBox(2, 3, (0.0, 0.0, 1.0, 1.0))],
        options=EstimateOptions(stage="initial", exact=True, frame_flow=True, reach=4),
    )
    back = decode_request(encode(request, tmp_path))
    assert repr(back) == repr(request)


@pytest.mark.parametrize("side", [4, 400])
def test_arrays_come_back_equal_and_leave_no_file(tmp_path: Path, side: int) -> None:
    maps = np.random.default_rng(1).random((3, side, side)).astype(np.float32)
    result = ProbeResult(
        crop_rgb=np.zeros((side, side, 3), np.uint8),
        initial=maps,
        flow=maps[::2],
        refined=maps,
        crop_from_image=np.eye(3)[:2],
    )
    payload = encode(result, tmp_path)
    assert bool(list(tmp_path.iterdir())) == (maps.nbytes > INLINE_BYTES)
    back = decode_reply(payload)
    assert isinstance(back, ProbeResult)
    assert np.array_equal(back.refined, maps)
    assert np.array_equal(back.flow, maps[::2])
    assert not list(tmp_path.iterdir())


def test_bytes_of_another_version_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="not a message"):
        decode_reply(b"\x93\x01\x02\x03")
    with pytest.raises(EngineError, match="not a message"):
        decode_request(encode(People(annotations=[]), tmp_path))


def test_the_shared_folder_is_new_and_private() -> None:
    first, second = shared_folder(), shared_folder()
    assert first != second
    assert first.stat().st_mode & 0o077 == 0
    first.rmdir()
    second.rmdir()
