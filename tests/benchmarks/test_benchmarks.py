"""The benchmarks run; how fast they are is for `make bench` to say."""

from tests.benchmarks.checks import bodies, judge, measure


def test_what_is_measured_passes_the_checks():
    assert [judge(body, name).model for body, name in bodies()] == [name for _, name in bodies()]


def test_a_short_run_says_its_ratio():
    found = measure(rounds=3, times=20)

    assert found["ratio"] > 1
    assert found["bare_parse"] > 0
