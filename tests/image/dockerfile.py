"""Performs a Dockerfile without an engine: the same steps, in folders that stand for the containers' roots.

Only what the Dockerfile here needs. Everything absolute lies below /opt, and that prefix is moved below a
folder of the test; the stages follow each other at the same place, so that scripts find their interpreter.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from string import Template

SILENT = frozenset({"ARG", "LABEL", "USER", "EXPOSE"})
"""What changes nothing that can be seen from within the folder."""


@dataclass(frozen=True)
class Step:
    """One instruction, continuation lines joined."""

    word: str
    rest: str

    @property
    def command(self) -> list[str]:
        """The argument list of an exec form."""
        words = json.loads(self.rest[self.rest.index("[") :])
        assert isinstance(words, list)
        return [str(word) for word in words]


@dataclass
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def last(self, word: str) -> Step:
        """The instruction `word` that holds."""
        return [step for step in self.steps if step.word == word][-1]


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile in order."""
    found: list[Stage] = []
    for step in _steps(text):
        if step.word == "FROM":
            base, _, name = step.rest.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].steps.append(step)
    return found


def _steps(text: str) -> Iterator[Step]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for instruction in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = instruction.partition(" ")
        yield Step(word, " ".join(rest.split()))


def let_in(context: Path, ignore: str) -> Iterator[Path]:
    """The files of `context` that `.dockerignore` lets through: the last pattern that fits decides."""
    patterns = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    for path in sorted(context.rglob("*")):
        relative = path.relative_to(context)
        if path.is_file() and not _ignored(relative, patterns):
            yield relative


def _ignored(path: Path, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        glob = pattern.removeprefix("!")
        anywhere = glob.startswith("**/")
        names = [str(parent) for parent in (path, *path.parents)]
        hit = any(fnmatch(Path(n).name if anywhere else n, glob.removeprefix("**/")) for n in names)
        ignored = not pattern.startswith("!") if hit else ignored
    return ignored


@dataclass
class Container:
    """A folder that stands for `/`, the working directory in it, and the variables that hold there."""

    root: Path
    env: dict[str, str]
    directory: Path = Path("/")

    def inside(self, place: str | Path) -> Path:
        """Where `place` of the image lies here."""
        return self.root / str(self.directory / place).lstrip("/")

    def moved(self, text: str) -> str:
        """`text` with the image's own absolute paths leading here."""
        return re.sub(r"(?<![\w./])/opt/", f"{self.root}/opt/", text)

    def perform(self, step: Step, sources: Mapping[str, Path]) -> None:
        """Do what `step` says; `sources` are the context (under the empty name) and the earlier stages."""
        match step.word:
            case "WORKDIR":
                self.directory = Path(step.rest)
                self.inside(".").mkdir(parents=True, exist_ok=True)
            case "ENV":
                for pair in shlex.split(step.rest):
                    name, _, value = pair.partition("=")
                    self.env[name] = self.moved(Template(value).substitute(self.env))
            case "COPY":
                self._copy(step.rest.split(), sources)
            case "RUN":
                self._run(step.rest)
            case word:
                assert word in SILENT | {"HEALTHCHECK", "ENTRYPOINT", "CMD"}, f"{word} is not known here"

    def _copy(self, words: list[str], sources: Mapping[str, Path]) -> None:
        source = sources[""]
        while words[0].startswith("--"):
            option, _, value = words.pop(0).partition("=")
            assert option in {"--from", "--chown"}, f"{option} is not known here"
            # All here belongs to whoever runs the tests.
            source = sources[value] if option == "--from" else source
        *files, target = words
        for file in files:
            here = source / file.lstrip("/")
            there = self.inside(target) / here.name if target.endswith("/") else self.inside(target)
            there.parent.mkdir(parents=True, exist_ok=True)
            if here.is_dir():
                shutil.copytree(here, there, symlinks=True)
            else:
                shutil.copy2(here, there)

    def _run(self, command: str) -> None:
        ended = subprocess.run(  # noqa: S603 - the Dockerfile under test
            ["/bin/sh", "-c", self.moved(command)],
            cwd=self.inside("."),
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"RUN {command}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
