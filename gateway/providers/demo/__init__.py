"""A model that answers in the process, so that the gateway can be tried before there is a key."""

from gateway.protocols.openai_chat import CODEC
from gateway.providers.demo.transport import DemoTransport
from gateway.providers.provider import CHAT_PATHS, Provider

DEMO = Provider(
    name="demo",
    codec=CODEC,
    base_url="http://demo.invalid/v1",
    paths=CHAT_PATHS,
    claims=("*",),
    models=("demo",),
    small_model="demo",
    transport=DemoTransport(),
)

__all__ = ["DEMO", "DemoTransport"]
