"""Broken files by the thousand: each must end in a FormatError or in a document that can be used and written.

python -m tests.core.formats.fuzzing --count 10000
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from jmpose_core.errors import FormatError
from jmpose_core.evaluation.effort_report import effort_report
from jmpose_core.evaluation.report import evaluate
from jmpose_core.formats.document import ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.people import annotations_of
from jmpose_core.formats.posetrack18 import read_posetrack18, write_posetrack18
from jmpose_core.formats.table import read_document, write_document

ODD_VALUES = (
    None, True, -1, 0, 1, 2, 1.5, 1e308, -1e308, 2**63, 2**70, "", "person", "\u2028", [], [0], [1, 2, 3, 4], {},
    {"a": 1}, [[1, 2]], [[]], "images/val/000001_mpii/000000.jpg", [0.5] * 17, [0] * 51, [1e-320] * 51,
)  # fmt: skip
ODD_TEXTS = (b"NaN", b"1e999", b"-", b"{", b"]", b'"', b"\xff", b"\x00", b",", b"null", b"<", b"&x;", b"9" * 40, b"\n")
KINDS = {
    "posetrack17": ".json",
    "posetrack18": ".json",
    "posetrack21": ".json",
    "coco": ".json",
    "cvat": ".xml",
    "csv": ".csv",
}


def seed_document():
    """Two frames of three people, with every kind of field."""
    rng = np.random.default_rng(0)
    images = [
        ImageRecord(
            id=10000010000 + index,
            file_name=f"images/val/000001_mpii_test/{index:06d}.jpg",
            frame_id=10000010000 + index,
            nframes=2,
            vid_id="000001",
            is_labeled=True,
            ignore_regions=(((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)),),
            width=640,
            height=360,
        )
        for index in range(2)
    ]
    people = []
    for index in range(3):
        keypoints = np.round(rng.uniform(1, 300, (17, 3)), 2)
        keypoints[:, 2] = rng.integers(0, 2, 17)
        keypoints[3:5] = 0
        people.append(
            PersonRecord(
                image_id=images[index % 2].id,
                keypoints=keypoints,
                track_id=index,
                id=index + 1,
                bbox_xywh=(1.0, 2.0, 30.0, 40.0),
                bbox_head_xywh=(1.0, 2.0, 3.0, 4.0),
                category_id=1,
                scores=tuple(np.round(rng.uniform(0, 1, 17), 3).tolist()) if index else (),
                score=0.5 if index else None,
                person_id=index,
            )
        )
    return PoseTrackDocument(images, people)


def seeds(folder):
    """The seed document's bytes in each kind of file."""
    files = {}
    for kind, suffix in KINDS.items():
        path = folder / f"seed_{kind}{suffix}"
        write_document(seed_document(), path, kind)
        files[kind] = path.read_bytes()
    return files


def mutated(data, suffix, rng):
    """The file with one to three faults, in its bytes or, for JSON, in its structure."""
    if suffix == ".json" and rng.random() < 0.6:
        value = json.loads(data)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            value = _with_odd_node(value, rng)
        return json.dumps(value).encode("utf-8", "surrogatepass")
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        data = _with_odd_bytes(data, rng)
    return data


def check(path, out):
    """Read, use and write back; anything but a FormatError goes through to the caller.

    Returns whether the file was accepted.
    """
    try:
        document = read_document(path)
    except FormatError as error:
        if path.name not in str(error):
            raise AssertionError(f"the message does not name the file: {error}") from error
        return False
    annotations_of(document)
    write_posetrack18(document, out)
    for person in document.people:
        person.synthesised = ()  # says what was derived, and is never written
    if read_posetrack18(out) != document:
        raise AssertionError("what was read is not what is written and read again")
    if path.suffix == ".json":
        for metric in ("posetrack21", "pck", "oks", "boxes"):
            with contextlib.suppress(FormatError):
                evaluate(path, path, metric)
        with contextlib.suppress(FormatError):
            effort_report(path, path)
    return True


def run(count, seed=0):
    """Counts of accepted and refused files."""
    rng = random.Random(seed)
    outcomes = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = seeds(folder)
        for _ in range(count):
            kind = rng.choice(list(KINDS))
            path = folder / f"mutated{KINDS[kind]}"
            data = mutated(files[kind], KINDS[kind], rng)
            path.write_bytes(data)
            try:
                outcomes[kind, check(path, folder / "out.json")] += 1
            except Exception as error:
                error.add_note(f"the {kind} file was {data!r}")
                raise
    return outcomes


def _with_odd_node(value, rng):
    """A copy in which one random node is replaced, removed or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {name: entry for name, entry in value.items() if name != key}
        return value | {key: _with_odd_node(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        index = rng.randrange(len(value))
        if rng.random() < 0.15:
            return value[:index] + value[index + 1 :]
        if rng.random() < 0.1:
            return [*value, value[index]]
        return [*value[:index], _with_odd_node(value[index], rng), *value[index + 1 :]]
    return rng.choice(ODD_VALUES)


def _with_odd_bytes(data, rng):
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice([0, 1, 1, 2, 8, 200]))
    if rng.random() < 0.05:
        return data[:start]
    other = rng.randrange(len(data) + 1)
    filler = rng.choice([*ODD_TEXTS, data[other : other + 20], b"", bytes([rng.randrange(256)])])
    return data[:start] + filler + data[end:]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for (kind, accepted), number in sorted(run(options.count, options.seed).items()):
        sys.stdout.write(f"{kind:12} {'accepted' if accepted else 'refused'} {number}\n")
