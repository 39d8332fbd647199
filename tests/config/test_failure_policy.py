"""What follows from failures, as operators write it."""

from math import inf
from pathlib import Path

import pytest

from gateway.cli.kinds import kinds
from gateway.config.errors import ConfigError
from gateway.config.load import load
from gateway.config.schema import GatewayConfig
from gateway.fleet import pools_of
from gateway.pool.policy import Policy, Scope, Verdict
from gateway.pool.presets import preset
from tests.pool.test_rests import NOWHERE

CONFIG = """
max_attempts: 5
failure_policy:
  timeout: {{rest: 90s, scope: credential}}
  network: {{rest: 7}}
pools:
  strict:
    failure_policy: reference
    deployments:
      - {{uuid: strict, provider: demo}}
      - {{uuid: changed, provider: demo, failure_policy: {{rate_limit: {{rest: reset}}}}}}
  mild:
    deployments:
      - {{uuid: mild, provider: demo}}
      - uuid: milder
        provider: demo
        check_model: demo
        check_prompt: How are you?
        check_expect: fine
        failure_policy:
          network: {{verdict: next_pool}}
          {row}
"""


def loaded(tmp_path: Path, row: str = "model: {rest: 0}") -> GatewayConfig:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(row=row), "utf-8")
    return load(path, kinds(), {})


@pytest.fixture
def policies(tmp_path: Path) -> dict[str, Policy]:
    pools = pools_of(loaded(tmp_path), NOWHERE.transport)
    return {member.id: member.policy for pool in pools for member in pool.members}


def test_where_nothing_is_said_the_gateways_own_changes_hold(policies: dict[str, Policy]) -> None:
    timeout, network = policies["mild"].rows["timeout"].rest, policies["mild"].rows["network"].rest
    assert timeout is not None
    assert network is not None
    assert (timeout.first_s, timeout.scope, timeout.after) == (90, Scope.CREDENTIAL, 3)
    assert (network.first_s, network.scope) == (7, Scope.MODEL)
    assert policies["mild"].rows["overloaded"] == preset().rows["overloaded"]


def test_who_names_a_preset_begins_anew_with_it(policies: dict[str, Policy]) -> None:
    assert policies["strict"].rows == preset("reference").rows


def test_a_deployment_changes_what_its_pool_says(policies: dict[str, Policy]) -> None:
    rest = policies["changed"].rows["rate_limit"].rest
    assert rest is not None
    assert (rest.first_s, rest.factor) == (inf, 2)
    assert policies["changed"].rows["timeout"] == preset("reference").rows["timeout"]


def test_a_deployment_changes_what_the_gateway_says(policies: dict[str, Policy]) -> None:
    network, model = policies["milder"].rows["network"], policies["milder"].rows["model"]
    assert network.verdict is Verdict.NEXT_POOL
    assert network.rest is not None
    assert network.rest.first_s == 7
    assert model.rest is None


def test_attempts_and_probes_are_as_they_are_written(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    member = config.pools[1].deployments[1]
    assert config.max_attempts == 5
    assert (member.check_prompt, member.check_expect) == ("How are you?", "fine")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("preset: adaptiv", "failure_policy.preset: one of these is required: 'adaptive' or 'reference'"),
        ("timeuot: {rest: 5}", "failure_policy.timeuot: unknown key; did you mean timeout?"),
        ("timeout: {rests: 5}", "failure_policy.timeout.rests: unknown key; did you mean rest?"),
        ("timeout: {rest: soon}", "failure_policy.timeout.rest: a time is required"),
        ("timeout: {after: 0}", "failure_policy.timeout.after: more than 0 is required"),
        ("timeout: {scope: key}", "failure_policy.timeout.scope: one of these is required: 'model' or"),
        ("timeout: {within: 2m}", "failure_policy.timeout.within: at most 60 is required"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_the_remedy(tmp_path: Path, row: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, row)
    assert f"pools.mild.deployments[1].{told}" in str(caught.value)
