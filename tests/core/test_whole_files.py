import stat

import pytest

from jmpose_core.whole_files import whole_file


def test_a_file_appears_when_it_is_whole_with_the_users_permissions(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as part:
        part.write_text("new")
        assert not path.exists() and part.parent == tmp_path
    assert path.read_text() == "new"
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["a.txt", "plain"]


def test_what_goes_wrong_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        part.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_found_out_before_anything_is_written(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "none" / "a.txt"):
        pytest.fail("the body must not run")
