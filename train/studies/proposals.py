"""How often proposals about tracks are right: faults put on purpose into people whose truth is known.

    python -m train.studies.proposals --data ../shared/data [--scenes N]

Scenes of six people: tracks of the truth of JHMDB's held-out films, moved to a place in one picture, so that poses and
motion are real and some people overlap. Each scene holds one fault of each kind, and one person who leaves while
another comes close by, which is no fault. The faults are made, so the figures say what is found of such faults, not how
often trackers make them; confidences are drawn, so the row of a skeleton on nobody says least.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from jmpose_core.annotations import Annotation, Origin
from jmpose_core.errors import JMPoseError
from jmpose_core.queue.proposals import Fault, Proposal, proposals
from train.motion.jhmdb import LabelledClip, read_clips

PEOPLE: Final = 6
_SIZE: Final = (900, 500)  # of the picture that clips of 320x240 are laid into
_NOISE: Final = 0.02  # of the size: what a network's poses are off
_GAPS: Final = (1, 12)  # frames lost where a track breaks

Tracks = dict[int, list[Annotation]]


def scene(clips: list[LabelledClip], rng: np.random.Generator) -> tuple[list[Annotation], list[Proposal]]:
    """People by frame, and the faults that are in them."""
    chosen = rng.choice(len(clips), PEOPLE, replace=False)
    tracks = {number: _track(clips[index], number, rng) for number, index in enumerate(chosen, 1)}
    faults = [
        _break(tracks, 1, 7, rng),
        _exchange(tracks, 2, 3, rng),
        _double(tracks, 4, 8, rng),
        _ghost(tracks, 9, rng),
    ]
    _relieve(tracks, 5, 6, rng)
    people = sorted(
        (one for track in tracks.values() for one in track), key=lambda one: (one.frame_index, one.track_id)
    )
    return people, faults


def _track(clip: LabelledClip, track_id: int, rng: np.random.Generator) -> list[Annotation]:
    shift = rng.uniform((0, 0), (_SIZE[0] - 320, _SIZE[1] - 240))
    found = []
    for frame in range(len(clip)):
        left, top, right, bottom = clip.box(frame)
        size = max(right - left, bottom - top)
        found.append(
            Annotation(
                frame,
                track_id,
                (left + shift[0], top + shift[1], right + shift[0], bottom + shift[1]),
                clip.keypoints[frame] + shift + rng.normal(0, _NOISE * size, (15, 2)),
                (2 * (clip.weight[frame] > 0)).astype(np.uint8),
                rng.uniform(0.6, 0.95, 15),
                np.full(15, Origin.PREDICTED, np.uint8),
            )
        )
    return found


def _break(tracks: Tracks, track_id: int, new: int, rng: np.random.Generator) -> Proposal:
    whole = tracks[track_id]
    at, gap = int(rng.integers(8, len(whole) - 15)), int(rng.integers(*_GAPS, endpoint=True))
    tracks[track_id], tracks[new] = whole[:at], [replace(one, track_id=new) for one in whole[at + gap - 1 :]]
    first, last = tracks[new][0].frame_index, len(whole)
    return Proposal(Fault.BROKEN, track_id, new, first, last, first, 1)


def _exchange(tracks: Tracks, first: int, second: int, rng: np.random.Generator) -> Proposal:
    """The second is moved beside the first, as trackers confuse people who are near."""
    at = int(rng.integers(6, min(len(tracks[first]), len(tracks[second])) - 6))
    one, two = tracks[first][at], tracks[second][at]
    beside = rng.uniform(0.1, 1.0) * _side(one)
    shift = np.array(one.bbox_xyxy[:2]) - two.bbox_xyxy[:2] + [beside, 0]
    near = [_moved(person, shift) for person in tracks[second]]
    a, b = tracks[first], near
    tracks[first] = a[:at] + [replace(person, track_id=first) for person in b[at:]]
    tracks[second] = b[:at] + [replace(person, track_id=second) for person in a[at:]]
    return Proposal(Fault.JUMP, first, second, at, max(len(a), len(b)), at, 1)


def _double(tracks: Tracks, track_id: int, new: int, rng: np.random.Generator) -> Proposal:
    start = int(rng.integers(2, 12))
    part = tracks[track_id][start : start + int(rng.integers(4, 16))]
    tracks[new] = [
        replace(one, track_id=new, keypoints=one.keypoints + rng.normal(0, 0.03 * _side(one), (15, 2))) for one in part
    ]
    return Proposal(Fault.TWICE, track_id, new, part[0].frame_index, part[-1].frame_index + 1, part[0].frame_index, 1)


def _ghost(tracks: Tracks, new: int, rng: np.random.Generator) -> Proposal:
    part = tracks[5][4 : 4 + int(rng.integers(4, 16))]
    shift = rng.uniform(-200, 200, 2)
    tracks[new] = [
        replace(_moved(one, shift), track_id=new, confidence=np.full(15, rng.uniform(0.1, 0.4))) for one in part
    ]
    return Proposal(Fault.NOBODY, new, None, part[0].frame_index, part[-1].frame_index + 1, part[0].frame_index, 1)


def _relieve(tracks: Tracks, leaving: int, coming: int, rng: np.random.Generator) -> None:
    """One leaves, and another comes within one and a half sizes of that place."""
    at, gap = int(rng.integers(15, 20)), int(rng.integers(*_GAPS, endpoint=True))
    last, first = tracks[leaving][at], tracks[coming][at + gap - 1]
    beside = rng.uniform(0.2, 1.5) * _side(last)
    shift = np.array(last.bbox_xyxy[:2]) - first.bbox_xyxy[:2] + [beside, 0]
    tracks[leaving] = tracks[leaving][:at]
    tracks[coming] = [_moved(one, shift) for one in tracks[coming][at + gap - 1 :]]


def _moved(person: Annotation, shift: np.ndarray) -> Annotation:
    left, top, right, bottom = np.array(person.bbox_xyxy) + np.tile(shift, 2)
    return replace(person, keypoints=person.keypoints + shift, bbox_xyxy=(left, top, right, bottom))


def _side(person: Annotation) -> float:
    left, top, right, bottom = person.bbox_xyxy
    return max(right - left, bottom - top)


def _is_found(one: Proposal, fault: Proposal) -> bool:
    """Whether a proposal says what is wrong: kind, tracks, and the frames, of a jump to within two."""
    if one.fault is not fault.fault or {one.track_id, one.other} != {fault.track_id, fault.other}:
        return False
    if fault.fault is Fault.JUMP:
        return abs(one.first - fault.first) <= 2
    return one.first < fault.last and fault.first < one.last


def figures(clips: list[LabelledClip], scenes: int) -> dict[str, dict[str, float]]:
    """Of each kind: faults, proposals, recall and precision (a fault that is told in two parts counts once)."""
    rng = np.random.default_rng(12)
    there, told, right, found = Counter[Fault](), Counter[Fault](), Counter[Fault](), Counter[Fault]()
    for _ in range(scenes):
        people, faults = scene(clips, rng)
        made = proposals(people)
        there.update(fault.fault for fault in faults)
        told.update(one.fault for one in made)
        right.update(one.fault for one in made if any(_is_found(one, fault) for fault in faults))
        found.update(fault.fault for fault in faults if any(_is_found(one, fault) for one in made))
    return {
        kind.value: {
            "faults": there[kind],
            "proposals": told[kind],
            "recall": round(found[kind] / there[kind], 3),
            "precision": round(right[kind] / max(told[kind], 1), 3),
        }
        for kind in Fault
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--scenes", type=int, default=200)
    arguments = parser.parse_args()
    try:
        clips = [
            clip for clip in read_clips(arguments.data / "videos" / "jhmdb") if clip.is_held_out and len(clip) > 30
        ]
    except JMPoseError as error:
        sys.exit(str(error))
    started = time.perf_counter()
    for kind, row in figures(clips, arguments.scenes).items():
        sys.stdout.write(json.dumps({"fault": kind, **row}) + "\n")
    sys.stdout.write(f"{(time.perf_counter() - started) / arguments.scenes * 1000:.0f} ms a scene\n")


if __name__ == "__main__":
    main()
