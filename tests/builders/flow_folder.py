"""A data folder of a few plain pictures, laid out as flow training expects it."""

from pathlib import Path

import cv2
import numpy as np


def write_picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((60, 80, 3), value, np.uint8))


def write_data(root: Path) -> None:
    """Three COCO and two LSP-Extended pictures, three DAVIS sequences of three frames with person masks."""
    for name, ids in (("coco", (4, 5, 6)), ("lspet", (19, 20))):
        entries = []
        for image_id in ids:
            write_picture(root / name / f"images/{image_id}.png", image_id)
            entries.append(f'{{"id": {image_id}, "file_name": "images/{image_id}.png"}}')
        (root / name / "annotations.json").write_text(f'{{"images": [{", ".join(entries)}]}}')
    for sequence in ("a", "b", "c"):
        folder = root / "flow/davis_people" / sequence
        mask = np.zeros((60, 80), np.uint8)
        mask[10:50, 20:60] = 255
        for frame in range(3):
            write_picture(folder / f"{frame:05d}.jpg", 90)
            assert cv2.imwrite(str(folder / f"{frame:05d}_mask.png"), mask)
