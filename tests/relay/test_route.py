"""Where names go, as a table."""

from time import process_time
from timeit import timeit

import pytest

from gateway.auth.api_key import NoKey
from gateway.errors import ModelNotFound, NotFound
from gateway.pool.deployment import Deployment
from gateway.pool.pool import Pool
from gateway.pool.pools import Pools
from gateway.providers import PROVIDERS
from gateway.relay.aliases import Alias, Destination
from gateway.relay.route import Map, Router

Entries = dict[str, tuple[str, tuple[str, ...]]]

TWO: Entries = {"claude-custom": ("claude-custom", ()), "openai-custom": ("openai-custom", ())}
LISTED: Entries = {
    "main": ("openai-custom", ("gpt-4.1", "Qwen/Qwen3", "llama-*")),
    "spare": ("openai-custom", ("gpt-4.1", "mistral-large")),
    "claude": ("claude-custom", ("claude-*",)),
}
TARGETS = {
    "gpt-4": ("main/gpt-4.1", "claude/claude-sonnet-5-5"),
    "fast": ("spare",),
    "best-*": ("claude/claude-opus-5-5",),
    "best-cheap": ("spare/mistral-large",),
    "gpt-4.1": ("spare/gpt-4.1",),
    "gemini-*": ("main",),
    "prefix:o3": ("main/gpt-4.1",),
    "keyword:SONNET": ("claude",),
    "regex:^(haiku|opus)$": ("claude/claude-haiku-5-5", "spare"),
    "every-gpt": ("main/prefix:gpt", "spare/regex:^gpt|large$"),
}
ALIASES = {
    name: Alias([Destination(*target.partition("/")[::2]) for target in targets])
    for name, targets in TARGETS.items()
}


def router(entries: Entries, chart: Map, *, takes_unknown: tuple[str, ...] = ()) -> Router:
    pools = []
    for name, (provider, models) in entries.items():
        member = Deployment(
            id=f"{name}-1",
            pool=name,
            provider=PROVIDERS[provider],
            credential=NoKey(),
            transport=PROVIDERS["demo"].transport,  # type: ignore[arg-type]  # never called here
            base_url="http://127.0.0.1",
            models=models,
        )
        default = PROVIDERS[provider].default_model
        pools.append(Pool(name, [member], default_model=default, takes_unknown=name in takes_unknown))
    return Router(Pools(pools, lambda: 0.0), chart)


def way(found: Router, model: str, pool: str | None = None) -> list[str]:
    return [f"{hop.pool}:{hop.model}" for hop in found.route(model, pool)]


ENVIRONMENT = router(TWO, Map(default="claude-custom"), takes_unknown=("claude-custom", "openai-custom"))
FILES = router(LISTED, Map(models=ALIASES, default="main"))
CHAINED = router(
    LISTED,
    Map(chains={"claude": ("main",), "main": ("spare", "claude")}, default="spare"),
    takes_unknown=("spare",),
)
DEMO = router({"demo": ("demo", ())}, Map(default="demo"), takes_unknown=("demo",))

TABLE: list[tuple[Router, str, list[str]]] = [
    (ENVIRONMENT, "claude-opus-5", ["claude-custom:claude-opus-5"]),
    (ENVIRONMENT, "claude-probe-1", ["claude-custom:claude-probe-1"]),
    (ENVIRONMENT, "anthropic/claude-opus-5", ["claude-custom:anthropic/claude-opus-5"]),
    (ENVIRONMENT, "gpt-5.5", ["openai-custom:gpt-5.5"]),
    (ENVIRONMENT, "gpt-probe-1", ["openai-custom:gpt-probe-1"]),
    (ENVIRONMENT, "o3", ["openai-custom:o3"]),
    (ENVIRONMENT, "o4-mini", ["openai-custom:o4-mini"]),
    (ENVIRONMENT, "chatgpt-4o-latest", ["openai-custom:chatgpt-4o-latest"]),
    (ENVIRONMENT, "codex-mini-latest", ["openai-custom:codex-mini-latest"]),
    (ENVIRONMENT, "openai/gpt-5.5", ["openai-custom:openai/gpt-5.5"]),
    (ENVIRONMENT, "octopus", ["claude-custom:claude-sonnet-5-5"]),
    (ENVIRONMENT, "llama-4", ["claude-custom:claude-sonnet-5-5"]),
    (ENVIRONMENT, "Claude-Opus-5", ["claude-custom:claude-sonnet-5-5"]),
    (ENVIRONMENT, "openai-custom/gpt-5.5", ["openai-custom:gpt-5.5"]),
    (ENVIRONMENT, "openai-custom/llama-4", ["openai-custom:llama-4"]),
    (ENVIRONMENT, "claude-custom/gpt-5.5", ["claude-custom:gpt-5.5"]),
    (ENVIRONMENT, "openai-custom/org/model:free", ["openai-custom:org/model:free"]),
    (ENVIRONMENT, "openai-custom/", ["claude-custom:claude-sonnet-5-5"]),
    (ENVIRONMENT, "/gpt-5.5", ["claude-custom:claude-sonnet-5-5"]),
    (ENVIRONMENT, "Qwen/Qwen3", ["claude-custom:claude-sonnet-5-5"]),
    (DEMO, "anything", ["demo:anything"]),
    (DEMO, "demo", ["demo:demo"]),
    (DEMO, "demo/demo", ["demo:demo"]),
    (DEMO, "claude-opus-5", ["demo:claude-opus-5"]),
    (FILES, "gpt-4", ["main:gpt-4.1", "claude:claude-sonnet-5-5"]),
    (FILES, "gpt-4.1", ["spare:gpt-4.1"]),
    (FILES, "main/gpt-4.1", ["main:gpt-4.1"]),
    (FILES, "Qwen/Qwen3", ["main:Qwen/Qwen3"]),
    (FILES, "main/Qwen/Qwen3", ["main:Qwen/Qwen3"]),
    (FILES, "llama-4", ["main:llama-4"]),
    (FILES, "mistral-large", ["spare:mistral-large"]),
    (FILES, "claude-opus-5", ["claude:claude-opus-5"]),
    (FILES, "claude/claude-opus-5", ["claude:claude-opus-5"]),
    (FILES, "claude/gpt-4.1", ["claude:gpt-4.1"]),
    (FILES, "fast", ["spare:gpt-5.5"]),
    (FILES, "best-of-all", ["claude:claude-opus-5-5"]),
    (FILES, "best-", ["claude:claude-opus-5-5"]),
    (FILES, "best-cheap", ["spare:mistral-large"]),
    (FILES, "gemini-3-pro", ["main:gpt-5.5"]),
    (FILES, "spare/fast", ["spare:fast"]),
    (FILES, "o3-mini", ["main:gpt-4.1"]),
    (FILES, "my-sonnet-3", ["claude:claude-sonnet-5-5"]),
    (FILES, "opus", ["claude:claude-haiku-5-5", "spare:gpt-5.5"]),
    (FILES, "every-gpt", ["main:gpt-4.1", "spare:gpt-4.1", "spare:mistral-large"]),
    (CHAINED, "gpt-4.1", ["main:gpt-4.1", "spare:gpt-4.1", "claude:claude-sonnet-5-5"]),
    (CHAINED, "claude-opus-5", ["claude:claude-opus-5", "main:gpt-5.5"]),
    (CHAINED, "llama-4", ["main:llama-4", "spare:gpt-5.5", "claude:claude-sonnet-5-5"]),
    (CHAINED, "mistral-large", ["spare:mistral-large"]),
    (CHAINED, "unheard-of", ["spare:gpt-5.5"]),
    (CHAINED, "claude/claude-opus-5", ["claude:claude-opus-5", "main:gpt-5.5"]),
]

UNKNOWN: list[tuple[Router, str, str]] = [
    (FILES, "gpt-4.2", "gpt-4.1"),
    (FILES, "gpt4", "gpt-4"),
    (FILES, "GPT-4", "gpt-4"),
    (FILES, "gpt-5.5", "gpt-4"),
    (FILES, "fst", "fast"),
    (FILES, "Qwen3", "Qwen/Qwen3"),
    (FILES, "qwen/qwen3", "Qwen/Qwen3"),
    (FILES, "mistral-small", "mistral-large"),
    (FILES, "best", "best-cheap"),
    (FILES, "opus-5", "claude-opus-5"),
    (FILES, "clod-opus-5", "claude-opus-5"),
    (FILES, "nowhere/gpt-4.1", "gpt-4.1"),
    (FILES, "zzzzzzzz", "GET /v1/models"),
    (FILES, "", "GET /v1/models"),
    (FILES, "../../etc/passwd", "GET /v1/models"),
]

WITHIN: list[tuple[Router, str, str, list[str]]] = [
    (FILES, "main", "gpt-4.1", ["main:gpt-4.1"]),
    (FILES, "spare", "gpt-4.1", ["spare:gpt-4.1"]),
    (FILES, "main", "gpt-4", ["main:gpt-4.1"]),
    (FILES, "claude", "gpt-4", ["claude:claude-sonnet-5-5"]),
    (FILES, "claude", "best-of-all", ["claude:claude-opus-5-5"]),
    (FILES, "main", "main/gpt-4.1", ["main:gpt-4.1"]),
    (ENVIRONMENT, "openai-custom", "claude-opus-5", ["openai-custom:gpt-5.5"]),
    (ENVIRONMENT, "openai-custom", "gpt-5.5", ["openai-custom:gpt-5.5"]),
    (CHAINED, "main", "llama-4", ["main:llama-4", "spare:gpt-5.5", "claude:claude-sonnet-5-5"]),
]


@pytest.mark.parametrize(("found", "model", "hops"), TABLE, ids=lambda value: str(value)[:40])
def test_a_name_goes_its_way(found: Router, model: str, hops: list[str]) -> None:
    assert way(found, model) == hops


@pytest.mark.parametrize(("found", "model", "near"), UNKNOWN, ids=lambda value: str(value)[:40])
def test_a_name_that_nobody_serves_is_refused_with_the_nearest(found: Router, model: str, near: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        found.route(model)

    assert near in caught.value.message
    assert caught.value.param == "model"


@pytest.mark.parametrize(("found", "pool", "model", "hops"), WITHIN, ids=lambda value: str(value)[:40])
def test_a_pool_in_the_path_keeps_the_name_within_it(
    found: Router, pool: str, model: str, hops: list[str]
) -> None:
    assert way(found, model, pool) == hops


def test_a_pool_in_the_path_that_does_not_serve_the_name_refuses_it() -> None:
    with pytest.raises(ModelNotFound):
        FILES.route("gpt-4.1", "claude")


def test_a_pool_that_does_not_exist_is_refused_and_the_pools_are_named() -> None:
    with pytest.raises(NotFound, match="main, spare, claude"):
        FILES.route("gpt-4.1", "nowhere")


def test_the_list_holds_every_exact_name_once() -> None:
    names = [card.id for card in FILES.models()]

    assert len(names) == len(set(names))
    assert {"gpt-4", "fast", "best-cheap", "gpt-4.1", "Qwen/Qwen3", "mistral-large"} <= set(names)
    assert "claude-opus-5" in names
    assert not [name for name in names if "*" in name]


def test_one_model_is_shown_by_every_name_it_answers_to() -> None:
    assert FILES.model("gpt-4").id == "gpt-4"
    assert FILES.model("llama-4").owned_by == "main"
    with pytest.raises(ModelNotFound):
        FILES.model("gemini-3-pro")


def named(count: int) -> Router:
    """A router with so many aliases, half of them patterns."""
    aliases = {
        name: Alias([Destination("main", "gpt-4.1")])
        for place in range(count // 2)
        for name in (f"name-{place}", f"keyword:word-{place}-")
    }
    return router(LISTED, Map(models=aliases, default="main"))


def cost_of(found: Router) -> float:
    """Seconds of this process for ten thousand answers."""

    def asked() -> None:
        for name in ("name-3", "my-word-4-x", "llama-4", "gpt-4.1"):
            found.route(name)

    return timeit(asked, timer=process_time, number=2500)


@pytest.mark.slow
def test_a_thousand_aliases_cost_what_ten_do() -> None:
    few, many = named(10), named(1000)
    # By turns, as others use the machine as well.
    costs = [(cost_of(few), cost_of(many)) for _ in range(15)]
    assert min(cost for _, cost in costs) < 1.3 * min(cost for cost, _ in costs)


def test_names_beyond_those_remembered_still_find_their_way() -> None:
    found = named(10)
    for place in range(2500):
        assert way(found, f"llama-{place}") == [f"main:llama-{place}"]
    assert way(found, "llama-0") == ["main:llama-0"]
