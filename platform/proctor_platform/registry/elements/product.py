"""What the model is: its owner, what it does, its size, its version, what it may do."""

from __future__ import annotations

from collections.abc import Iterator

from proctor.spec.registry.pages import Fact
from proctor.spec.work import FolderContent, ImageContent
from proctor_platform.registry.elements.known import Known, measured, recorded, size_text, stated
from proctor_platform.registry.words import cut

_LAYERS = "image layers"
_SHORT = 200


def owner(known: Known) -> Iterator[Fact]:
    """Say whose it is."""
    yield recorded("entered by", known.participant)
    card = known.card
    yield from stated("authors", *card.authors)
    yield from stated("owner", card.owner.name)
    yield from stated("affiliation", card.owner.affiliation)
    yield from stated("contact", card.owner.contact)


def description(known: Known) -> Iterator[Fact]:
    """Say what it does and is for."""
    card = known.card
    yield from stated("description", _beginning(card.description))
    yield from stated("application area", card.meta.application_area)
    yield from stated("task", card.meta.task_extended or card.meta.task)
    yield from stated("data", card.meta.data_type)
    yield from stated("intended use", card.use.intended)
    yield recorded("entered for", ", ".join(task.title for task in known.tasks))


def _beginning(text: str) -> str:
    return cut(" ".join(text.split()), _SHORT)


def demo(known: Known) -> Iterator[Fact]:
    """Say how to see it at work."""
    yield from stated("demo", known.card.support.demo)
    if "run" in known.commands:
        yield recorded("on the public sample", known.commands["run"])


def language(known: Known) -> Iterator[Fact]:
    """Say which languages of people it speaks."""
    yield from stated("interface", *known.card.languages.interface)
    yield from stated("input", *known.card.languages.input)


def size(known: Known) -> Iterator[Fact]:
    """Say how large it is."""
    content = known.content
    if content is None:
        return
    if isinstance(content, ImageContent):
        yield measured(_LAYERS, size_text(sum(layer.size for layer in content.layers)))
        if content.weights:
            weights = sum(entry.file.size for entry in content.weights)
            yield measured("weights folder", size_text(weights))
        yield from _weights(known)
        return
    total = sum(entry.file.size for entry in content.entries)
    files = len(content.entries)
    yield measured("files", f"{files:,}, {size_text(total)} in all")
    if isinstance(content, FolderContent) and known.runtime is not None:
        layers = sum(layer.size for layer in known.runtime.image.layers)
        yield measured(f"runtime image {known.runtime.name}", size_text(layers))
    yield from _weights(known)


def _weights(known: Known) -> Iterator[Fact]:
    found = known.measured
    if found is None:
        return
    if found.weights_bytes is not None:
        yield measured("weights", size_text(found.weights_bytes))
    if found.parameters is not None:
        yield measured("parameters", f"{found.parameters:,}")


def version(known: Known) -> Iterator[Fact]:
    """Say which version it is, for people and for machines."""
    yield recorded("entry", f"number {known.number} of this model")
    yield from stated("version", known.card.version)
    yield measured("digest", known.content_digest)
    yield from stated("model id", known.card.id)


def permission(known: Known) -> Iterator[Fact]:
    """Say what the sandbox lets it have; it has no network anywhere."""
    limits = known.card.resources.within(known.phase.limits)
    yield recorded("network", "none")
    yield recorded("memory", size_text(limits.memory_bytes))
    yield recorded("processors", f"{limits.cpus:g}")
    yield recorded("GPU", limits.gpu.in_words() if limits.gpu else "none")
    yield recorded("time for a case", f"{limits.case_s:g} s")


def age_rating(known: Known) -> Iterator[Fact]:
    """Say whom and what it is not for."""
    use = known.card.use
    yield from stated("content warning", use.content_warning)
    if use.minimum_age is not None:
        yield from stated("minimum age", use.minimum_age)
    yield from stated("not for", use.restricted)
    for warning in use.warnings:
        yield from stated("warning", warning)
