"""The release policy: what a candidate must not lose against its baseline, and by how much it may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.errors import Problem, ThresholdsError, did_you_mean
from demeanour.findings.cards import NETWORK, WAYS, way_to_answer
from demeanour.findings.cast import Cast, Expectation
from demeanour.findings.document import read_document
from demeanour.findings.lint import check_measure
from demeanour.findings.lint_cards import Defect
from demeanour.findings.load import validate
from demeanour.findings.schema import DEFAULT, Assertion, Number, Relation, Strict, Text, Words
from demeanour.measures.registry import MEASURES

POLICY = "gate.yaml"
PAIRED: dict[str, Relation] = {"higher": "left >= right", "lower": "left <= right", "same": "left ~ right"}
Margin = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _margin_or_map(value: Any) -> Any:
    return {DEFAULT: value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Bound(Strict):
    """How large the candidate's own value must be, whatever the baseline's is; one of the two.

    Attributes:
        at_least: The value must be above.
        at_most: The value must be below.
    """

    at_least: Number | None = None
    at_most: Number | None = None


class Requirement(Strict):
    """What a candidate must not lose, or must reach.

    Attributes:
        id: ``gate.NAME``, permanent: test parameter and report history.
        claim: What is required, in a sentence.
        measure: The name of the measure that decides.
        data: The data sets that it speaks of, one verdict for each; what a cast has not is out of scope. ``network``
            is the network itself, of which ``parameters`` and ``milliseconds`` are measured.
        average: Whether it speaks of the mean over the data sets instead.
        margin: How much the candidate may lose and still be as good, in the measure's unit: a number, or one for each
            data set, with ``default`` for the others.
        better: Which direction is a gain: ``higher``, ``lower``, or ``same`` where both are losses; without it, the
            measure's own.
        bound: In place of a margin: what the candidate's own value must reach.
        burden: ``candidate`` where it must prove that it is within the margin, ``harm`` where only proof that it is not
            blocks.
        groups: Groups of the measure that must each satisfy it, or ``every``; without it, all images together.
        except_groups: Groups left out of ``every``.
        min_n: A group with fewer images is shown but never decides.
        note: What a reader of the verdict should know.
    """

    id: Annotated[str, StringConstraints(pattern=r"^gate\.[a-z0-9][a-z0-9.-]*$")]
    claim: Text
    measure: Text
    data: Words
    average: bool = False
    margin: Annotated[
        dict[Text, Margin] | None,
        BeforeValidator(_margin_or_map, json_schema_input_type=Margin | dict[Text, Margin] | None),
    ] = None
    better: Literal["higher", "lower", "same"] | None = None
    bound: Bound | None = None
    burden: Literal["candidate", "harm"] = "candidate"
    groups: Words | None = None
    except_groups: Words | None = None
    min_n: Annotated[int, Field(ge=1)] = 1
    note: Text | None = None

    def assertion(self, data: str, label: str) -> Assertion:
        """What evidence decides, on one data set; of an average on all of them."""
        shared: dict[str, Any] = {
            "id": self.id, "label": label, "claim": self.claim, "measure": self.measure, "data": self.data,
            "average": self.average, "groups": self.groups, "except_groups": self.except_groups, "min_n": self.min_n,
            "note": self.note,
        }  # fmt: skip
        if self.bound is not None:
            above = self.bound.at_least is not None
            limit = self.bound.at_least if above else self.bound.at_most
            return Assertion(**shared, relation="value > bound" if above else "value < bound", bound=limit)
        margin = self.margin or {}
        return Assertion(**shared, relation=PAIRED[self.direction], margin=margin.get(data) or margin[DEFAULT])

    @property
    def direction(self) -> str:
        """Which direction is a gain."""
        return self.better or MEASURES[self.measure].better


class PolicyFile(Strict):
    """A release policy as it stands in its file.

    Attributes:
        about: What the policy is for, and who stands behind it.
        power: With what probability each requirement should be provable for a candidate that equals its baseline.
        noise: In which other ways baseline and candidates answer once more, as far as they are networks: ``fp32``,
            ``bf16``, ``fp16``, ``batch/N`` (passes of N pictures), ``cpu``. By as much as that moves what a requirement
            compares, its limits are widened.
        requirements: What a candidate must not lose.
        expect: Waivers, by the id of a requirement or of one of its verdicts: ``violated`` lets a proved loss pass,
            ``undecided`` one that may be there, each with a reason and best with an owner and a last day.
    """

    about: Text
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.99
    noise: list[Text] = Field(default_factory=list)
    requirements: Annotated[list[Requirement], Field(min_length=1)]
    expect: dict[Text, Expectation] = Field(default_factory=dict)


class Policy(PolicyFile):
    """A release policy with the file that it came from."""

    path: Path

    def label(self, requirement: Requirement) -> str:
        """The short name of a requirement: its place in the file."""
        return f"G{self.requirements.index(requirement) + 1}"


def load_policy(path: Path, casts: Iterable[Cast]) -> Policy:
    """Read and check a policy.

    Args:
        path: Its file.
        casts: All casts: a data set is known if one of them has it.

    Raises:
        ThresholdsError: It cannot be read or is wrong; with all problems.
    """
    if not path.is_file():
        raise ThresholdsError([Problem(path, "", "there is no such policy", "--gate takes a YAML file")])
    document = read_document(path)
    problems: list[Problem] = []
    content = validate(PolicyFile, document.content, document, (), problems)
    if content is not None:
        problems += [document.problem(keys, message, hint) for keys, message, hint in _defects(content, casts)]
    if problems:
        raise ThresholdsError(problems)
    return Policy(**dict(content), path=path.resolve())


def _defects(policy: PolicyFile, casts: Iterable[Cast]) -> Iterator[Defect]:
    names = {NETWORK, *PUBLISHED, *(data for cast in casts for data in cast.data)}
    if len(set(policy.noise)) < len(policy.noise):
        yield ("noise",), "a way stands twice", "keep one"
    for index, way in enumerate(policy.noise):
        if way_to_answer(way) is None:
            yield ("noise", index), f"'{way}' is no way to answer again", did_you_mean(way, WAYS)
    ids = [requirement.id for requirement in policy.requirements]
    for index, requirement in enumerate(policy.requirements):
        at = ("requirements", index)
        if requirement.id in ids[:index]:
            yield (*at, "id"), f"'{requirement.id}' stands twice", "keep one"
        for keys, message, hint in (*_of_value(requirement), *_of_data(requirement, names)):
            yield (*at, *keys), message, hint
    for key in policy.expect:
        if key.partition("[")[0] not in ids:
            yield ("expect", key), f"there is no requirement '{key}'", did_you_mean(key, ids)
    for key, entry in policy.expect.items():
        if entry.expect == "holds":
            yield ("expect", key), "every requirement is expected to hold", "remove it"


def _of_value(requirement: Requirement) -> Iterator[Defect]:
    """It has a measure that may decide, and either a margin with a direction or one bound."""
    measure = MEASURES.get(requirement.measure)
    if measure is not None and measure.models != 1:
        yield ("measure",), f"{measure.name} is a number of two models", "a requirement measures each model"
    bound = requirement.bound
    if (requirement.margin is None) == (bound is None):
        yield (), "needs either the key 'margin' or the key 'bound'", ""
        return
    if bound is not None and (bound.at_least is None) == (bound.at_most is None):
        yield ("bound",), "needs one of the keys 'at_least' and 'at_most'", ""
        return
    if bound is not None and requirement.better is not None:
        yield ("better",), "a bound does not read 'better'", "remove it"
    if bound is None and measure is not None and requirement.better is None and measure.better == "neither":
        yield ("measure",), f"no direction of {measure.name} is better", "say `better: higher`, `lower` or `same`"
    if requirement.except_groups and requirement.groups != ["every"]:
        yield ("except_groups",), "is read with 'groups: every' only", ""
    alike = ("id", "claim", "measure", "data", "groups", "except_groups")
    stand_in: dict[str, Any] = {key: getattr(requirement, key) for key in alike}
    yield from check_measure(Assertion(**stand_in, label="G", relation="value > bound", bound=0))


def _of_data(requirement: Requirement, names: set[str]) -> Iterator[Defect]:
    """Each data set is known, and has a margin."""
    if len(set(requirement.data)) < len(requirement.data):
        yield ("data",), "a data set stands twice", "keep one"
    if requirement.average and len(requirement.data) < 2:
        yield ("average",), "there is one data set only", "name the others, or remove it"
    for data in requirement.data:
        if data not in names:
            yield ("data",), f"no cast has a data set '{data}'", did_you_mean(data, names)
    margin = requirement.margin
    if margin is None:
        return
    if requirement.average and set(margin) != {DEFAULT}:
        yield ("margin",), "an average has one margin", "give one number"
    for data in requirement.data:
        if data not in margin and DEFAULT not in margin:
            yield ("margin",), f"says nothing of {data}", ""
    for data in margin:
        if data not in (*requirement.data, DEFAULT):
            yield ("margin", data), f"the requirement does not speak of '{data}'", did_you_mean(data, requirement.data)
