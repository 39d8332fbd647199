from math import inf

import pytest

from gateway import errors
from gateway.pool.policy import Verdict, consequence


@pytest.mark.parametrize(
    ("error", "verdict", "rest_s"),
    [
        (errors.RateLimited("slow down"), Verdict.NEXT_DEPLOYMENT, 5.0),
        (errors.RateLimited("slow down", retry_after_s=42), Verdict.NEXT_DEPLOYMENT, 42),
        (errors.CredentialRejected("who?"), Verdict.NEXT_DEPLOYMENT, inf),
        (errors.Overloaded("busy", retry_after_s=3), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.UpstreamTimeout("silent"), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.Unreachable("gone"), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.BadUpstreamReply("html"), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.UpstreamFailed("500"), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.QuotaExhausted("broke"), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.ModelUnavailable("gpt-9"), Verdict.NEXT_DEPLOYMENT, 30.0),
        (errors.RequestRefused("bad field"), Verdict.GIVE_UP, 0.0),
        (errors.ContextTooLong("too long"), Verdict.NEXT_POOL, 0.0),
        (errors.ContentRefused("no"), Verdict.GIVE_UP, 0.0),
        (errors.Unsayable("a film"), Verdict.NEXT_DEPLOYMENT, 0.0),
        (errors.InvalidRequest("bad field"), Verdict.GIVE_UP, 0.0),
        (errors.Unavailable("draining"), Verdict.GIVE_UP, 0.0),
    ],
)
def test_a_failure_has_the_consequence_of_its_nearest_kind(
    error: errors.GatewayError, verdict: Verdict, rest_s: float
) -> None:
    found = consequence(error)

    assert (found.verdict, found.rest_s) == (verdict, rest_s)
