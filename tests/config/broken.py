"""Broken configurations: families made from one whole document by breaking each of its lines, and single
ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

PLANTED = "planted-9f8e7d6c5b4a"
"""Stands where values do, and must never be shown."""

WHOLE = f"""\
server:
  host: 127.0.0.1
  port: 3000
  heartbeat: 15s
  body_limit_bytes: 1000000
  bodies_limit_bytes: 9000000
  header_timeout: 10s
  body_timeout: 30s
  expose_headers: true
  drain: 22s
  accept_while_draining: 3s
  max_in_flight: 1000
  cors_origins: ["https://{PLANTED}.example.com"]
  allowed_hosts: [{PLANTED}.example.com]
auth:
  api_key: {PLANTED}-client
log:
  level: info
  format: text
default_provider: main
health_check:
  enabled: true
  interval: 10m
  max_error_count: 3
timeouts:
  connect: 5s
  first_content: 300s
  idle: 300s
  progress: 600s
  total: 3600s
  non_stream: 600s
models:
  gpt-4: main/{PLANTED}-model
fallback_chains:
  main: spare
groups:
  site:
    max_concurrency: 20
pools:
  main:
    default_model: {PLANTED}-model
    unknown_models: default
    strategy: fastest
    deployments:
      - uuid: {PLANTED}-1
        name: {PLANTED}
        provider: openai-custom
        enabled: true
        check_health: true
        check_model: {PLANTED}-model
        api_key: {PLANTED}-upstream
        base_url: https://{PLANTED}.example.com/v1
        models: ["{PLANTED}-*"]
        timeout: 60s
        weight: 3
        priority: 1
        price: 50
        capabilities:
          max_output: 100
          prefill: true
        timeouts:
          total: 60s
        group: site
        limits:
          max_concurrency: 10
          adaptive: true
          qps: 5
          rpm: 200
          tpm: 100000
          quotas:
            - requests: 495
              tokens: 2000000
              period: 1d
              reset: Asia/Shanghai
              per_model: true
        balance:
          reader: siliconflow
          soft: 5
          hard: 1
          currency: CNY
        switch_penalty:
          idle: 1h
          probe_every: 30s
          give_up: 6h
  spare:
    - provider: demo
"""
"""Valid, with every key there is but `provider_pools_file`."""

FREE = frozenset({"gpt-4", "main", "site", "spare"})
"""Names that the operator chooses: a slip in them is no unknown key."""

_LINE = re.compile(r"(?P<indent> *(?:- )?)(?P<key>[a-z_0-9-]+):(?: (?P<value>.+))?")


@dataclass(frozen=True)
class Broken:
    """A configuration, where its mistake is (`LINE:COLUMN`), and what the answer must say."""

    name: str
    text: str
    place: str
    words: str
    file: str = "config.yaml"


@dataclass(frozen=True)
class Line:
    """One line of the whole document; counts from 1."""

    number: int
    indent: str
    key: str
    value: str | None

    @property
    def key_place(self) -> str:
        """Where the key stands."""
        return f"{self.number}:{len(self.indent) + 1}"

    @property
    def value_place(self) -> str:
        """Where the value stands."""
        return f"{self.number}:{len(self.indent) + len(self.key) + 3}"

    def replaced(self, *lines: str) -> str:
        """The document with `lines` in place of this one."""
        text = WHOLE.splitlines()
        return "\n".join((*text[: self.number - 1], *lines, *text[self.number :], ""))

    def valued(self, value: str) -> str:
        """The document with another value here."""
        return self.replaced(f"{self.indent}{self.key}: {value}")


def lines() -> Iterator[Line]:
    """Those of the whole document."""
    for number, line in enumerate(WHOLE.splitlines(), 1):
        match = _LINE.fullmatch(line)
        assert match is not None, line
        yield Line(number, match["indent"], match["key"], match["value"])


def families() -> Iterator[Broken]:
    """Every line broken in every way that it can be."""
    for line in lines():
        name = f"{line.number}-{line.key}"
        if line.key not in FREE:
            yield _slip(line, name)
        if line.value is None:
            continue
        yield Broken(
            f"unset-{name}",
            line.valued("${UNSET_9A}"),
            line.value_place,
            "the variable UNSET_9A is unset or empty; set it",
        )
        yield Broken(
            f"mapping-{name}",
            line.valued(f"{{{PLANTED}: {PLANTED}}}"),
            line.key_place,
            "(required|not a value)",
        )
        yield _twice(line, name)
        if line.indent.count(" ") and line.key not in {"max_output", "prefill"}:
            yield Broken(f"nothing-{name}", line.valued(""), line.key_place, "nothing follows the colon")
        if re.fullmatch(r"[0-9]+[sm]?|true|info|text|default", line.value):
            yield Broken(f"word-{name}", line.valued(PLANTED), line.value_place, "(required|not a value)")


def _slip(line: Line, name: str) -> Broken:
    """Two letters in the wrong order."""
    slip = line.key[0] + line.key[2] + line.key[1] + line.key[3:]
    if slip == line.key:
        slip = line.key[1] + line.key[0] + line.key[2:]
    value = "" if line.value is None else f" {line.value}"
    text = line.replaced(f"{line.indent}{slip}:{value}")
    return Broken(f"slip-{name}", text, line.key_place, f"{slip}: unknown .*; did you mean {line.key}\\?")


def _twice(line: Line, name: str) -> Broken:
    again = f"{' ' * len(line.indent)}{line.key}: {line.value}"
    text = line.replaced(f"{line.indent}{line.key}: {line.value}", again)
    place = f"{line.number + 1}:{len(line.indent) + 1}"
    return Broken(f"twice-{name}", text, place, f"given twice, first on line {line.number}")
