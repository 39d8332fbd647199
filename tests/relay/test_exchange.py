import pytest

from gateway.protocols.codec import Call, Losses
from gateway.protocols.openai_chat import CODEC
from gateway.relay.exchange import Meaning, Record
from gateway.wire.document import Document


def dropped(*paths: str) -> str:
    """The header that names `paths`."""
    return Record(losses=Losses(list(paths))).headers()["x-gateway-dropped"]


def test_few_losses_are_all_named() -> None:
    assert dropped("seed", "temperature 1.4->1.0") == "seed, temperature 1.4->1.0"


@pytest.mark.parametrize("length", [1, 10, 99, 2000])
def test_of_many_losses_as_many_are_named_as_fit_and_the_others_counted(length: int) -> None:
    paths = ["x" * length] * 1000
    *named, rest = dropped(*paths).split(", ")
    count = int(rest.removeprefix("+").removesuffix(" more"))
    assert named == paths[: 1000 - count]
    assert len(dropped(*paths)) <= 1024 < len(", ".join([*named, paths[0], rest])) + len(", ")


def test_what_is_not_to_be_shown_is_not() -> None:
    assert Record(exposed=False, pool="p", losses=Losses(["seed"])).headers() == {}


def test_only_what_is_known_is_told() -> None:
    assert Record(pool="p", attempts=2).headers() == {"x-gateway-pool": "p", "x-gateway-attempts": "2"}


def test_what_a_request_means_is_found_out_again_once_it_is_forgotten() -> None:
    meaning = Meaning(CODEC, Call(Document(b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}')))
    request = meaning.request
    assert meaning.request is request
    meaning.forget()
    assert meaning.request is not request
    assert meaning.request == request
