"""Signs of life for those who look from outside."""

from sensor.store.alive import EVERY_S, FILE, Alive, age_s


def test_the_last_sign_of_life_has_an_age(tmp_path):
    """Not more often than each few seconds; in order it ends without one."""
    one = Alive(tmp_path)
    assert age_s(tmp_path, 5.0) is None
    one.beat(100.0)
    one.beat(100.0 + EVERY_S / 2)
    assert 1.0 == age_s(tmp_path, 101.0)
    one.beat(100.0 + EVERY_S)
    assert 0.5 == age_s(tmp_path, 100.5 + EVERY_S)
    one.end()
    assert age_s(tmp_path, 200.0) is None
    Alive(tmp_path).beat(300.0006)
    assert 0.0 == age_s(tmp_path, 300.0006)


def test_one_of_before_the_machine_started_anew_is_none(tmp_path):
    """The steady clock begins at nothing then."""
    Alive(tmp_path).beat(1000.0)
    assert age_s(tmp_path, 30.0) is None
    (tmp_path / FILE).write_text("no number")
    assert age_s(tmp_path, 2000.0) is None
