"""Counting tokens."""

from gateway.canonical.usage import Usage


def test_what_a_later_count_does_not_say_stays() -> None:
    usage = Usage(input_tokens=5, cache_read=2, service_tier="flex")
    usage.update(Usage(output_tokens=3, cache_read=0))
    assert usage == Usage(input_tokens=5, cache_read=0, output_tokens=3, service_tier="flex")


def test_a_count_that_was_measured_replaces_an_estimate() -> None:
    usage = Usage(input_tokens=5, estimated=True)
    usage.update(Usage(input_tokens=6))
    assert usage == Usage(input_tokens=6, estimated=False)


def test_the_extras_of_each_protocol_are_joined_without_touching_the_later_ones() -> None:
    usage = Usage(extras={"a": {"x": 1, "y": 1}})
    later = Usage(extras={"a": {"y": 2}, "b": {"z": 3}})
    usage.update(later)
    usage.update(Usage(extras={"b": {"z": 4}}))
    assert usage.extras == {"a": {"x": 1, "y": 2}, "b": {"z": 4}}
    assert later.extras == {"a": {"y": 2}, "b": {"z": 3}}
