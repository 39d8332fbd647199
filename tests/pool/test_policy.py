"""Every row of both presets, and the faults that are nobody's."""

from dataclasses import fields
from math import inf

import pytest
from pydantic import ValidationError

from gateway import errors
from gateway.config.failure_policy import FailurePolicyConfig, RowConfig
from gateway.pool.policy import KINDS, Consequence, Rest, Scope, Until, Verdict
from gateway.pool.presets import Row, policy, preset, presets

STUMBLES = Rest(first_s=30, factor=2, longest_s=300, jitter=0.1, after=3, share=0.5, of=20, within_s=30)
STUMBLES_AND_SAYS = Rest(
    first_s=30, factor=2, longest_s=300, jitter=0.1, after=3, share=0.5, of=20, within_s=30, obeys=True
)
LIMITED = Rest(first_s=5, factor=2, longest_s=60, jitter=0.1, obeys=True, counts=False)
BREAKS = Rest(first_s=300, factor=2, longest_s=4800)
SILENT = Rest(first_s=120, scope=Scope.CREDENTIAL, factor=2, longest_s=1920)
FOR_GOOD = Rest(first_s=inf, scope=Scope.CREDENTIAL)

ROWS = [
    (errors.UpstreamFailed, STUMBLES, BREAKS),
    (errors.Overloaded, STUMBLES_AND_SAYS, BREAKS),
    (errors.UpstreamTimeout, STUMBLES, SILENT),
    (errors.Unreachable, STUMBLES, SILENT),
    (errors.BadUpstreamReply, STUMBLES, BREAKS),
    (errors.BrokenOff, STUMBLES, BREAKS),
    (errors.UpstreamError, STUMBLES, BREAKS),
    (errors.RateLimited, LIMITED, Rest(first_s=60, factor=2, longest_s=960)),
    (errors.CredentialRejected, FOR_GOOD, FOR_GOOD),
    (
        errors.QuotaExhausted,
        Rest(first_s=600, scope=Scope.CREDENTIAL, obeys=True, until=Until.PERIOD),
        FOR_GOOD,
    ),
    (errors.ModelUnavailable, Rest(first_s=3600), Rest(first_s=inf)),
]


@pytest.mark.parametrize(("kind", "adaptive", "reference"), ROWS, ids=[row[0].__name__ for row in ROWS])
def test_an_upstreams_failure_has_the_rest_of_its_nearest_kind(
    kind: type[errors.UpstreamError], adaptive: Rest, reference: Rest
) -> None:
    found = preset("adaptive").consequence(kind("no")), preset("reference").consequence(kind("no"))

    assert found == (
        Consequence(Verdict.NEXT_DEPLOYMENT, adaptive),
        Consequence(Verdict.NEXT_DEPLOYMENT, reference),
    )


@pytest.mark.parametrize("name", ["adaptive", "reference"])
@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.RequestRefused("bad field"), Verdict.GIVE_UP),
        (errors.RequestTooLarge("too large"), Verdict.GIVE_UP),
        (errors.ContentRefused("no"), Verdict.GIVE_UP),
        (errors.InvalidRequest("bad field"), Verdict.GIVE_UP),
        (errors.Unavailable("draining"), Verdict.GIVE_UP),
        (errors.ContextTooLong("too long"), Verdict.NEXT_DEPLOYMENT),
        (errors.Unsayable("a film"), Verdict.NEXT_DEPLOYMENT),
    ],
)
def test_the_requests_own_faults_make_nobody_rest(
    name: str, error: errors.GatewayError, verdict: Verdict
) -> None:
    assert preset(name).consequence(error) == Consequence(verdict, None)


def test_every_preset_has_every_row() -> None:
    assert {name: set(rows) for name, rows in presets().items()} == {
        "adaptive": set(KINDS),
        "reference": set(KINDS),
    }


def test_what_configurations_may_change_is_what_there_is() -> None:
    assert set(FailurePolicyConfig.model_fields) == {"preset", *KINDS}
    assert set(RowConfig.model_fields) == set(Row.model_fields)
    assert len(Row.model_fields) == len(fields(Rest)) + 1
    preset_field = FailurePolicyConfig.model_fields["preset"]
    assert all(repr(name) in str(preset_field.annotation) for name in presets())


def test_a_change_of_a_row_leaves_the_others_and_the_rest_of_it() -> None:
    changed = policy("adaptive", {"network": {"rest": 7, "verdict": "next_pool"}})

    network = changed.rows["network"]
    assert network.verdict is Verdict.NEXT_POOL
    assert network.rest == Rest(
        first_s=7, factor=2, longest_s=300, jitter=0.1, after=3, share=0.5, of=20, within_s=30
    )
    assert changed.rows["timeout"] == preset().rows["timeout"]


def test_no_time_to_rest_means_that_nobody_rests() -> None:
    assert policy("adaptive", {"timeout": {"rest": 0}}).rows["timeout"].rest is None


def test_a_row_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValidationError):
        policy("adaptive", {"timeout": {"after": 0}})
