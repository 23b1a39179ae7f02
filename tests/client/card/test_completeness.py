"""How complete what is told of a model is."""

from proctor.spec.card.completeness import Element, Source, completeness
from proctor.spec.card.detected import DetectedMetadata, DetectedModel
from proctor.spec.model import ModelCard


def sources(*arguments, **options):
    return {state.element: state.source for state in completeness(*arguments, **options).elements}


def test_there_are_26_elements_in_six_dimensions():
    found = completeness(ModelCard(name="m"))
    assert len(found.elements) == len(Element) == 26
    assert len({state.dimension for state in found.elements}) == 6


def test_a_bare_card_has_its_version_and_what_proctor_gives():
    found = completeness(ModelCard(name="m"))
    there = {s.element for s in found.elements if s.source is not Source.MISSING}
    assert there == {
        Element.VERSION,
        Element.DEPLOYMENT_INSTRUCTIONS,
        Element.LOCAL_INSTALLATION,
        Element.ONLINE_SUBMISSION,
    }
    assert found.percent == 15
    assert len(found.missing) == 22


def test_what_is_measured_counts_before_what_is_stated():
    card = ModelCard(name="m", model={"framework": "tensorflow"})
    assert sources(card)[Element.FRAMEWORK] is Source.STATED
    measured = DetectedMetadata(
        models=(DetectedModel(source="Model.net", framework="pytorch", type="UNet"),),
        weights_bytes=5,
    )
    assert sources(card, measured)[Element.FRAMEWORK] is Source.MEASURED
    assert sources(card, measured)[Element.SIZE] is Source.MEASURED
    assert sources(card, measured)[Element.COMPATIBILITY] is Source.MISSING


def test_a_platform_adds_what_it_gives():
    given = sources(ModelCard(name="m"), provided=frozenset(Element))
    assert Source.MISSING not in given.values()
    assert given[Element.VERSION] is Source.STATED


def test_the_main_model_is_a_loaded_one_with_the_most_parameters():
    def model(source, parameters, from_file=False):
        return DetectedModel(
            source=source, framework="x", type="y", parameters=parameters, from_file=from_file
        )

    found = DetectedMetadata(
        models=(model("net.onnx", 100, True), model("Model.a", 5), model("Model.b", 7))
    )
    assert found.main.source == "Model.b"
    assert found.parameters == 12
    assert DetectedMetadata().main is None
    assert DetectedMetadata(models=(model("net.onnx", 100, True),)).parameters == 100
