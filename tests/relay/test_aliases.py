"""Which of the operator's names a client's name is."""

from gateway.relay.aliases import Alias, Aliases, Destination


def leading(**pools: str) -> Aliases:
    """Aliases by the name of the pool to which each leads."""
    return Aliases({pattern: Alias([Destination(pool)]) for pool, pattern in pools.items()})


def whither(aliases: Aliases, name: str) -> list[str]:
    return [to.pool for to in aliases.of(name).destinations]


def test_an_exact_name_comes_before_every_pattern() -> None:
    aliases = leading(wide="gpt-*", narrow="gpt-4o")
    assert whither(aliases, "gpt-4o") == ["narrow"]


def test_of_patterns_the_first_that_means_the_name_counts() -> None:
    aliases = leading(first="keyword:mini", second="prefix:gpt", third="*")
    assert [whither(aliases, name) for name in ("gpt-4o-mini", "gpt-4o", "o3")] == [
        ["first"],
        ["second"],
        ["third"],
    ]


def test_an_excluded_name_is_left_to_the_patterns_behind() -> None:
    aliases = Aliases(
        {
            "gpt-*": Alias([Destination("main")], exclude=["keyword:audio"]),
            "*": Alias([Destination("rest")]),
        }
    )
    assert whither(aliases, "gpt-4o") == ["main"]
    assert whither(aliases, "gpt-4o-audio") == ["rest"]


def test_a_name_that_none_means_leads_nowhere() -> None:
    assert whither(leading(main="gpt-*"), "o3") == []
    assert whither(leading(main="gpt-*"), "prefix:gpt") == []
