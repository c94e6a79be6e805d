"""Random documents, of every shape a file can have."""

import numpy as np
from hypothesis import strategies as st

from jmpose_core.formats.document import Category, ImageRecord, PersonRecord, PoseTrackDocument
from jmpose_core.formats.joint_sets import COCO17
from jmpose_core.formats.posetrack17 import Frame17, Person17, Point17, PoseTrack17Document
from jmpose_core.skeleton import JOINTS, POSETRACK18_SLOTS

coordinates = st.floats(-5000, 5000, allow_nan=False).map(lambda value: round(value, 3) + 0.0)
whole = st.integers(0, 2**53)
fractions = st.floats(0, 1).map(lambda value: round(value, 6))
flags = st.booleans()
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), min_size=1, max_size=12)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=5).map(tuple)
json_values = st.recursive(st.none() | flags | st.integers(-9, 9) | names, lambda inner: st.lists(inner, max_size=2))


def unknown_keys():
    return st.dictionaries(names.map(lambda name: "x_" + name), json_values, max_size=2)


def maybe(strategy):
    return st.none() | strategy


@st.composite
def keypoints(draw, joints):
    """(K, 3): absent joints are all zero, the others have a position off the corner."""
    points = np.zeros((len(joints), 3))
    for slot in range(len(joints)):
        value = draw(st.sampled_from(["absent", 0.0, 1.0]))
        if value != "absent":
            points[slot] = (draw(coordinates), draw(coordinates), value)
            if value == 0 and not points[slot].any():
                points[slot, 0] = 1
    return points


def images(image_id):
    return st.builds(
        ImageRecord,
        id=st.just(image_id),
        file_name=names,
        frame_id=maybe(whole),
        nframes=maybe(whole),
        vid_id=maybe(names | st.integers(0, 99)),
        is_labeled=maybe(flags),
        has_labeled_person=maybe(flags),
        has_no_densepose=maybe(flags),
        ignore_regions=maybe(st.lists(polygons, max_size=2).map(tuple)),
        width=maybe(st.integers(1, 5000)),
        height=maybe(st.integers(1, 5000)),
        extra=unknown_keys(),
    )


def people(image_ids, joints):
    return st.builds(
        PersonRecord,
        image_id=st.sampled_from(image_ids),
        keypoints=maybe(keypoints(joints)),
        track_id=maybe(st.integers(0, 5)),
        id=maybe(whole),
        bbox_xywh=maybe(boxes),
        bbox_head_xywh=maybe(boxes),
        category_id=maybe(st.just(1)),
        scores=maybe(st.just(()) | st.tuples(*[fractions] * len(joints))),
        score=maybe(fractions),
        person_id=maybe(whole),
        iscrowd=maybe(flags | st.integers(0, 1)),
        area=maybe(coordinates),
        num_keypoints=maybe(st.integers(0, 17)),
        extra=unknown_keys(),
    )


@st.composite
def documents(draw, joint_sets=(POSETRACK18_SLOTS, JOINTS, COCO17), min_images=0):
    joints = draw(st.sampled_from(joint_sets))
    ids = draw(st.lists(whole, min_size=min_images, max_size=4, unique=True))
    return PoseTrackDocument(
        images=[draw(images(image_id)) for image_id in ids],
        people=draw(st.lists(people(ids, joints), max_size=4)) if ids else [],
        categories=[draw(st.builds(Category, keypoints=st.just(joints), extra=unknown_keys()))],
        extra=draw(unknown_keys()),
    )


@st.composite
def documents17(draw):
    point = st.builds(
        Point17,
        id=st.just(0),
        x=coordinates,
        y=coordinates,
        is_visible=maybe(st.sampled_from([0.0, 1.0])),
        score=maybe(fractions),
        extra=unknown_keys(),
    )

    def numbered(points):
        for index, entry in enumerate(points):
            entry.id = (index * 7) % 15
        return points

    person = st.builds(
        Person17,
        track_id=maybe(st.integers(0, 99)),
        head_xyxy=maybe(boxes),
        score=maybe(fractions),
        points=maybe(st.lists(point, max_size=5).map(numbered)),
        extra=unknown_keys(),
    )
    frame = st.builds(
        Frame17,
        image_name=names,
        imgnum=maybe(st.integers(1, 9999)),
        is_labeled=maybe(flags),
        people=st.lists(person, max_size=3),
        ignore_regions=maybe(st.lists(polygons, max_size=2).map(tuple)),
        extra=unknown_keys(),
    )
    return PoseTrack17Document(draw(st.lists(frame, max_size=3)), draw(unknown_keys()))
