"""Arrays of MATLAB files: what scipy writes comes back, and a broken file is an error, not a crash."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.io import savemat

from jmpose_core.errors import FormatError
from jmpose_core.formats.matlab import read_array

KINDS = ("f8", "f4", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "?")
EACH_IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@given(
    st.sampled_from(KINDS).flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=2, max_dims=4, max_side=5))
    ),
    st.booleans(),
)
@EACH_IN_ONE_FOLDER
def test_an_array_comes_back_as_it_was_written(tmp_path: Path, array: np.ndarray, compressed: bool) -> None:
    others = {"a": "text", "b": {"field": np.eye(2)}, "c": np.array([["cell", 1]], object)}
    savemat(tmp_path / "x.mat", others | {"wanted": array}, do_compression=compressed)
    back = read_array(tmp_path / "x.mat", "wanted", cure="")
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    np.testing.assert_array_equal(back.reshape(array.shape), array)


@given(st.integers(0, 2**32 - 1), st.booleans())
@EACH_IN_ONE_FOLDER
def test_a_broken_file_is_refused_or_read(tmp_path: Path, seed: int, compressed: bool) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "x.mat"
    savemat(path, {"wanted": rng.normal(size=(2, 15, 3))}, do_compression=compressed)
    data = bytearray(path.read_bytes())
    for place in rng.integers(120, min(len(data), 240), rng.integers(1, 4)):
        data[place] = rng.integers(0, 256)
    path.write_bytes(bytes(data[: rng.integers(100, len(data) + 1)]))
    try:
        assert read_array(path, "wanted", cure="copy it again").ndim >= 2
    except FormatError as error:
        assert str(error).startswith(f"{path}: ") and str(error).endswith("; copy it again")


@pytest.mark.parametrize("value", ["text", {"field": 1}])
def test_what_is_no_array_of_numbers_is_refused(tmp_path: Path, value: object) -> None:
    savemat(tmp_path / "x.mat", {"wanted": value})
    with pytest.raises(FormatError, match="wanted is no array of numbers"):
        read_array(tmp_path / "x.mat", "wanted", cure="")
