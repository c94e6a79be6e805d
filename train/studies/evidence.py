"""What the refiner makes of labels that it is given, beside the fill, on people who were never learnt from.

    python -m train.studies.evidence --data ../shared/data [--clips N] [--refiner FILE] [--json FILE]

JHMDB's held-out films, boxes of the ground truth. In three frames of each clip joints are labelled, at the truth but
for a hand's noise of a tenth of the tolerance: those that are predicted wrong ("corrected"), or all ("whole pose").
Judged are the frames up to eight away: the prediction, the label carried there along the flow and nothing else, the
mean of both in which the label loses 0.2 of its weight with each frame, the fill, and the refiner with the label of
that weight in its supporting frames' heatmaps (jmpose_core.model.given_labels).

Right: share of labelled joints within 0.2 of the torso (JHMDB labels no head). Harmed: joints of the person that were
right and became wrong, labelled or not, for a hundred labelled ones. Intervals: 95 % of a bootstrap over films.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import torch
from safetensors.torch import load_file

from jmpose_core import geometry
from jmpose_core.engine.session import Session
from jmpose_core.errors import JMPoseError
from jmpose_core.evaluation.labelling import Tracklet
from jmpose_core.fill.carried_labels import CarriedLabels
from jmpose_core.fill.fill import fill_track
from jmpose_core.fill.track_frames import BoolArray, FloatArray, IntArray, TrackFrames
from jmpose_core.model.clip_maps import Refiner
from jmpose_core.model.heatmaps import decode
from jmpose_core.model.systems import load_pose_network
from train.motion.given_labels import labelled_maps
from train.motion.jhmdb import read_clips
from train.motion.measures import Totals, figure
from train.motion.refiner_inputs import SeenPerson, seen_person

DISTANCES: Final = ((1, 1), (2, 2), (3, 4), (5, 8))  # frames from the label, first and last
LABELLED: Final = ("corrected", "whole pose")
FILL: Final = "fill"
_FRAMES: Final = 3  # labelled in each clip, evenly spread
_NOISE: Final = 0.1  # of the tolerance
_BATCH: Final = 16
_SEED: Final = 12

Key: TypeAlias = tuple[str, tuple[int, int], str]  # which joints are labelled, distance, way
Counts: TypeAlias = dict[Key, dict[int, FloatArray]]  # by film: joints right, harmed, labelled


def labelled_tracks(tracklet: Tracklet, rng: np.random.Generator) -> Iterator[tuple[str, int, TrackFrames]]:
    """Which joints are labelled, the row in which they are, and the track with these labels."""
    track = tracklet.track
    count = len(track)
    for row in np.unique(np.linspace(0, count - 1, _FRAMES + 2)[1:-1].round().astype(int)).tolist():
        labels = tracklet.truth + rng.normal(0, _NOISE, tracklet.truth.shape) * tracklet.tolerance[:, None, None]
        for which in LABELLED:
            mask = np.zeros(tracklet.judged.shape, bool)
            mask[row] = tracklet.judged[row]
            if which == "corrected":
                mask[row] &= wrong(tracklet, track.predicted)[row]
            if mask.any():
                yield which, row, replace(track, labelled=mask, labels=labels)


def wrong(tracklet: Tracklet, points: FloatArray) -> BoolArray:
    """(N, 15) joints out of tolerance."""
    return np.linalg.norm(points - tracklet.truth, axis=2) > tracklet.tolerance[:, None]


@torch.inference_mode()
def refined(person: SeenPerson, rows: IntArray, carried: CarriedLabels, refiner: Refiner) -> FloatArray:
    """Joints (R, 15, 2) of some frames in image pixels, by the refiner with labels in its heatmaps."""
    found = []
    for part in np.split(rows, range(_BATCH, len(rows), _BATCH)):
        cells, _ = decode(refiner(labelled_maps(person, part, carried)).refined, blur_sigma=1.0)
        for row, own in zip(part, cells.double().numpy(), strict=True):
            found.append(geometry.apply(geometry.inverse(person.cells_from_image[row]), own))
    return np.stack(found)


def count(person: SeenPerson, refiners: Mapping[str, Refiner], rng: np.random.Generator, into: Counts) -> None:
    """Add what becomes of one person's joints in each way."""
    tracklet = person.tracklet
    predicted = tracklet.track.predicted
    was_right = tracklet.judged & ~wrong(tracklet, predicted)
    for which, labelled_row, track in labelled_tracks(tracklet, rng):
        away = np.abs(np.arange(len(track)) - labelled_row)
        rows = np.flatnonzero((away > 0) & (away <= DISTANCES[-1][1]))
        carried = CarriedLabels.of(track)
        there = np.isfinite(carried.distance)[..., None]
        places = np.where(there, carried.points, predicted)
        ways = {
            "prediction": predicted,
            "carried": places,
            "carried, fading": predicted + carried.weight[..., None] * (places - predicted),
            FILL: fill_track(track).points,
        }
        for name, refiner in refiners.items():
            ways[name] = predicted.copy()
            ways[name][rows] = refined(person, rows, carried, refiner)
        for name, points in ways.items():
            off = wrong(tracklet, points)
            for distance in DISTANCES:
                near = (away >= distance[0]) & (away <= distance[1])
                judged = tracklet.judged[near] & track.labelled[labelled_row]
                own = into.setdefault((which, distance, name), {}).setdefault(person.film, np.zeros(3))
                own += (judged & ~off[near]).sum(), (was_right & off)[near].sum(), judged.sum()


def table(counts: Counts) -> str:
    """Markdown: a row for each way at each distance."""
    lines = ["| labelled | frames away | joints | way | right | right, less the fill | harmed |", "|---" * 7 + "|"]
    for (which, distance, name), films in counts.items():
        right, harmed = _totals(films, 0), _totals(films, 1)
        of_fill = _totals(counts[which, distance, FILL], 0)
        away = "-".join(str(frames) for frames in dict.fromkeys(distance))
        gain = "" if name == FILL else str(figure(right, of_fill))
        lines.append(
            f"| {which} | {away} | {right[1].sum():.0f} | {name} | {figure(right)} | {gain} | {figure(harmed)} |"
        )
    return "\n".join(lines) + "\n"


def _totals(films: Mapping[int, FloatArray], column: int) -> Totals:
    found = np.stack([films[film] for film in sorted(films)])
    return 100 * found[:, column], found[:, 2]


def as_json(counts: Counts) -> str:
    """Every figure of joints right and harmed, with its interval."""
    rows = [
        {"labelled": which, "frames": distance, "way": name, "joints": int(_totals(films, 0)[1].sum())}
        | {
            measure: [one.mean, one.low, one.high]
            for column, measure in enumerate(("right", "harmed"))
            for one in [figure(_totals(films, column))]
        }
        for (which, distance, name), films in counts.items()
    ]
    return json.dumps(rows, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/jhmdb/")
    parser.add_argument("--clips", type=int, help="of the held-out ones, for a trial")
    parser.add_argument("--refiner", type=Path, help="safetensors of a refiner that learnt with labels given")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    counts: Counts = {}
    try:
        refiners = {"refiner": load_pose_network("jmpose_lite").eval().refiner}
        if arguments.refiner:
            learnt = load_pose_network("jmpose_lite").eval().refiner
            learnt.load_state_dict({name: value.float() for name, value in load_file(arguments.refiner).items()})
            refiners["refiner that learnt"] = learnt
        session = Session("cpu")
        clips = [clip for clip in read_clips(arguments.data / "videos" / "jhmdb") if clip.is_held_out]
        for index, clip in enumerate(clips[: arguments.clips]):
            count(seen_person(session, clip), refiners, np.random.default_rng([_SEED, index]), counts)
    except JMPoseError as error:
        sys.exit(str(error))
    sys.stdout.write(table(counts))
    if arguments.json:
        arguments.json.write_text(as_json(counts))


if __name__ == "__main__":
    main()
