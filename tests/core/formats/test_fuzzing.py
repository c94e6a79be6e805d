from tests.core.formats.fuzzing import run


def test_broken_files_end_in_a_format_error_or_a_document():
    outcomes = run(600, seed=1)
    assert sum(outcomes.values()) == 600
    assert any(accepted for _, accepted in outcomes)
    assert any(not accepted for _, accepted in outcomes)
