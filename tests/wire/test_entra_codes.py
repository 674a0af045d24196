"""Result codes of Entra's sign-ins by class."""

import pytest

from sensor.wire.entra_codes import class_of, outcome_of, outcome_of_word


@pytest.mark.parametrize(
    ("codes", "expected_class", "expected_outcome"),
    [
        ((0, 50125, 50140, 50199), "success", "success"),
        ((500121, 50158), "mfa_failed", "failure"),
        ((50074, 50076, 50078, 50072, 50079, 50097), "mfa_needed", "interrupt"),
        ((50058, 65001, 50011, 50132, 50133, 50173, 50089, 70043, 70044, 90072), "noise", "interrupt"),
        ((16000, 16001, 16003, 16999), "noise", "interrupt"),
        ((50126, 50056, 50064, 50034, 50055, 50144, 7000215, 7000222), "failure", "failure"),
        ((50053, 50057, 53000, 53001, 53002, 53003, 53004, 530035, 50131), "failure", "failure"),
        ((15999, 17000, 1, 999999), "failure", "failure"),
    ],
)
def test_each_code_has_its_class_and_outcome(codes, expected_class, expected_outcome):
    """Only the success class is a success; steps of a sign-in and noise are interrupts; all else failed."""
    assert [(expected_class, expected_outcome)] * len(codes) == [(class_of(one), outcome_of(one)) for one in codes]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Success", "success"),
        ("FAILURE", "failure"),
        ("Interrupted", "interrupt"),
        ("None", "unknown"),
        (None, "unknown"),
    ],
)
def test_results_in_words_are_read(word, expected):
    """Where a record has no code, its words count; Azure's `None` says nothing."""
    assert expected == outcome_of_word(word)
