"""The description of a gateway."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.members import TimeoutOverrides
from gateway.config.schema import GatewayConfig, TimeoutsConfig

KEY = "sk-planted-9f8e7d6c5b4a"


def described(**changes: Any) -> dict[str, Any]:
    """A whole, valid document as a file would hold it."""
    return {
        "auth": {"api_keys": [KEY]},
        "pools": [{"name": "a", "deployments": [{"id": "a-1", "provider": "openai-custom", "api_key": KEY}]}],
        "default_pool": "a",
        **changes,
    }


def test_a_document_with_the_least_in_it_gets_every_default() -> None:
    config = GatewayConfig.model_validate(described())
    server, timeouts = config.server, config.timeouts
    assert (server.host, server.port, server.heartbeat_s, server.body_limit_bytes) == (
        "127.0.0.1",
        3000,
        15,
        33_554_432,
    )
    assert (server.header_timeout_s, server.body_timeout_s, server.drain_s) == (10, 30, 22)
    assert (server.accept_while_draining_s, server.max_in_flight, server.expose_headers) == (3, 1000, True)
    assert (timeouts.connect, timeouts.first_content, timeouts.idle) == (5, 300, 300)
    assert (timeouts.progress, timeouts.total, timeouts.non_stream) == (600, 3600, 600)
    assert (config.log.level, config.log.format) == ("info", "auto")


def test_no_secret_is_shown_by_repr_or_dump() -> None:
    config = GatewayConfig.model_validate(described())
    assert KEY not in repr(config)
    assert KEY not in config.model_dump_json()
    assert config.secrets == (KEY, KEY)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"serer": {}}, "serer"),
        ({"server": {"prot": 1}}, "prot"),
        ({"server": {"port": 70_000}}, "port"),
        ({"server": {"heartbeat_s": 0}}, "heartbeat_s"),
        ({"server": {"host": "http://x"}}, "host"),
        ({"timeouts": {"idle": float("inf")}}, "idle"),
        ({"log": {"level": "loud"}}, "level"),
        ({"default_pool": "b"}, "there is no pool b"),
        ({"pools": []}, "pools"),
        ({"pools": [{"name": "a", "deployments": []}]}, "deployments"),
        ({"server": {"body_limit_bytes": 2, "bodies_limit_bytes": 1}}, "not be less than body_limit_bytes"),
        ({"auth": {}}, "either give api_keys or say"),
        ({"auth": {"api_keys": [KEY], "open": True}}, "either give api_keys or say"),
        ({"auth": {"api_keys": ["changeme"]}}, "this is an example key"),
    ],
)
def test_a_wrong_document_is_refused_by_its_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        GatewayConfig.model_validate(described(**changes))


@pytest.mark.parametrize(
    ("deployments", "twin"),
    [
        ([["x"], ["x"]], "two deployments are called x"),
        ([["x", "x"]], "two deployments are called x"),
    ],
)
def test_two_deployments_never_share_an_id(deployments: list[list[str]], twin: str) -> None:
    pools = [
        {"name": f"p{n}", "deployments": [{"id": name, "provider": "demo"} for name in ids]}
        for n, ids in enumerate(deployments)
    ]
    with pytest.raises(ValidationError, match=twin):
        GatewayConfig.model_validate(described(pools=pools, default_pool="p0"))


def test_two_pools_never_share_a_name() -> None:
    pools = [{"name": "p", "deployments": [{"id": str(n), "provider": "demo"}]} for n in range(2)]
    with pytest.raises(ValidationError, match="two pools are called p"):
        GatewayConfig.model_validate(described(pools=pools, default_pool="p"))


def test_an_error_never_shows_what_was_written() -> None:
    wrong = described(pools=[{"name": "a", "deployments": [{"id": "a", "provider": "p", "api_kye": KEY}]}])
    with pytest.raises(ValidationError) as refusal:
        GatewayConfig.model_validate(wrong)
    assert KEY not in str(refusal.value)


def test_a_configuration_cannot_be_changed() -> None:
    config = GatewayConfig.model_validate(described())
    with pytest.raises(ValidationError, match="frozen"):
        config.server.port = 1


def test_overrides_change_only_the_figures_they_name() -> None:
    own = TimeoutsConfig(connect=1, idle=2)
    patient = own.overridden(TimeoutOverrides(idle=900))
    assert patient == TimeoutsConfig(connect=1, idle=900)
    assert own.overridden(TimeoutOverrides()) == own
