import json
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from jmpose_core.errors import FormatError
from train.loop.schedule import Schedule
from train.loop.training import Training
from train.report.chart import line_chart
from train.report.writing import Chart, is_reported, line_of, read_log, write_report

SVG = "{http://www.w3.org/2000/svg}"


def test_a_report_is_a_folder_that_needs_nothing_else(tmp_path):
    entries = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}, {"step": 2, "PCK": 0.5}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    network = nn.Linear(1, 1)
    training = Training(network, torch.optim.AdamW(network.parameters()), Schedule(), 1.0, step=2)
    training.elapsed_secs = 125.0
    charts = (Chart("Loss", ("loss",)), Chart("Held-out", ("PCK",)), Chart("Nothing of this", ("absent",)))
    samples = {"crops": np.full((20, 30, 3), 90, np.uint8)}
    assert not is_reported(tmp_path)
    command = "python -m train.recipes.backbone --minutes 3"
    write_report(tmp_path, command, ("stills",), training, {"PCK@0.2": 0.75}, charts, samples)

    assert is_reported(tmp_path)
    files = {path.name for path in (tmp_path / "report").iterdir()}
    assert files == {"report.md", "chart-1.svg", "chart-2.svg", "samples-1.jpg"}
    text = (tmp_path / "report" / "report.md").read_text()
    for part in ("# Backbone", command, "2 steps, 2 min 5 s of learning", "- stills", "| PCK@0.2 | 0.75 |", "## crops"):
        assert part in text
    assert all(f"]({name})" in text for name in files - {"report.md"})
    assert str(tmp_path) not in text
    assert cv2.imread(str(tmp_path / "report" / "samples-1.jpg")).shape == (20, 30, 3)


def test_the_later_word_on_a_step_counts_and_what_is_not_finite_is_left_out():
    log = [{"step": 1, "loss": 9.0}, {"step": 2, "loss": float("nan")}, {"loss": 5.0}, {"step": 1, "loss": 4.0}]
    assert line_of(log, "loss") == [(1, 4.0)]


def test_a_torn_log_is_named(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 1}\n{"st')
    with pytest.raises(FormatError, match=r"log\.jsonl"):
        read_log(tmp_path / "log.jsonl")


@pytest.mark.parametrize(
    "points",
    [
        [(0, 1.0)],
        [(0, 0.0), (1, 0.0)],
        [(50, 5.7), (100, 5.2), (5000, 4.1)],
        [(1, -3e-5), (2, 4e-5)],
        [(1, 1e9), (7, -2)],
    ],
)
def test_a_chart_keeps_its_lines_inside_the_axes(points):
    root = ElementTree.fromstring(line_chart("A & B <loss>", {"train": points, "held out": points}, x_label="step"))
    _, _, width, height = (float(side) for side in root.attrib["viewBox"].split())
    drawn = root.findall(f"{SVG}polyline")
    assert len(drawn) == 2
    places = [tuple(map(float, place.split(","))) for place in drawn[0].attrib["points"].split()]
    assert len(places) == len(points)
    assert all(0 < x < width and 60 < y < height for x, y in places)
    rows = [y for _, y in places]
    order = np.argsort([value for _, value in points], kind="stable")
    assert (np.diff(np.array(rows)[order]) <= 0).all()  # larger values lie higher
    assert "A & B <loss>" in [text.text for text in root.findall(f"{SVG}text")]
