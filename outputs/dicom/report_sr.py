"""The report: a Comprehensive 3D SR after TID 1500, complete, preliminary and unverified.

The first measurement group holds the finding; the second, where there is an explanation, how faithful its map is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from highdicom import sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from inference.results import Explanation, Prediction
from model_src.classes import CLASS_NAMES
from outputs.dicom import codes
from outputs.dicom.identifiers import make_uid, model_digest
from outputs.dicom.new_object import DEVICE, Origin

_DIGITS = 7  # as in JSON: float32 holds no more


def report(origin: Origin, explanation: Explanation | None = None) -> Dataset:
    """The report on a prediction, or on an explanation and its prediction."""
    groups = [_finding(origin)]
    if explanation is not None:
        groups.append(_faithfulness(origin, explanation))
    content = sr.MeasurementReport(
        observation_context=_observer(origin.prediction),
        procedure_reported=codes.CHEST_FILM,
        imaging_measurements=groups,
    )
    _separate(content[0])
    return sr.Comprehensive3DSR(
        evidence=[origin.reference],
        content=content[0],
        is_complete=True,
        is_final=False,
        is_verified=False,
        coding_schemes=[CodingSchemeIdentificationItem(codes.SCHEME, name=codes.SCHEME_NAME)],
        **origin.identity("report", 0),
    )


def _finding(origin: Origin) -> sr.MeasurementsAndQualitativeEvaluations:
    prediction = origin.prediction
    own = _percent(codes.PROBABILITY, prediction.probabilities[prediction.label])
    others = [
        _percent(codes.PROBABILITIES[index], probability)
        for index, probability in enumerate(prediction.probabilities)
        if index != prediction.label
    ]
    digests = [f"SHA-256 of {name}: {digest}" for name, digest in sorted(prediction.digests.items())]
    return _group(
        origin,
        "prediction",
        [own, *others],
        (*prediction.warnings, *_judged(prediction), *prediction.xray.warnings),
        finding_type=codes.FINDINGS[prediction.label],
        finding_sites=[sr.FindingSite(codes.LUNG)],
        algorithm_id=sr.AlgorithmIdentification(
            "CoroNet", prediction.model_version, digests or None, codes.ARTIFICIAL_INTELLIGENCE
        ),
    )


def _judged(prediction: Prediction) -> list[str]:
    """What validation films say of the answer, in words."""
    judgement = prediction.judgement
    if judgement is None:
        return []
    band, comments = judgement.such_answers, []
    if judgement.in_scope and not judgement.in_scope.value:
        comments.append(f"not a film that the model can be asked about: {judgement.in_scope.reason}")
    comments.append(
        f"of {band.answers} such answers on validation films, {band.right} were right"
        if band.answers
        else "no validation film had such an answer"
    )
    for level, left in judgement.sets.items():
        names = ", ".join(CLASS_NAMES[index] for index in left) or "none of the classes fits"
        comments.append(f"classes that the answer leaves open at {level}%: {names}")
    return comments


def _faithfulness(origin: Origin, explanation: Explanation) -> sr.MeasurementsAndQualitativeEvaluations:
    numbers = [
        _percent(codes.BEFORE, explanation.probability_before),
        _percent(codes.AFTER, explanation.probability_after),
        _area(codes.DELETION, explanation.deletion),
        _area(codes.INSERTION, explanation.insertion),
    ]
    return _group(
        origin,
        f"explanation by {explanation.method}",
        numbers,
        (f"the map: {explanation.sign}", *explanation.warnings),
        qualitative_evaluations=[sr.QualitativeEvaluation(codes.EXPLAINED, codes.FINDINGS[explanation.target])],
        algorithm_id=sr.AlgorithmIdentification(
            explanation.method,
            origin.prediction.model_version,
            [_as_text({**explanation.options, "steps": explanation.steps})],
            codes.map_code(explanation.method),
        ),
    )


def _group(
    origin: Origin, name: str, numbers: Sequence[sr.Measurement], comments: Sequence[str], **parts: Any
) -> sr.MeasurementsAndQualitativeEvaluations:
    """A measurement group about the film (TID 1501); comments are its last items, each once."""
    film = origin.reference
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(make_uid("tracking", name, *origin.key), f"{DEVICE} {name}"),
        measurements=numbers,
        source_images=[sr.SourceImageForMeasurementGroup(film.SOPClassUID, film.SOPInstanceUID)],
        **parts,
    )
    group[0].ContentSequence.extend(
        sr.TextContentItem(codes.COMMENT, text, sr.RelationshipTypeValues.CONTAINS) for text in dict.fromkeys(comments)
    )
    return group


def _observer(prediction: Prediction) -> sr.ObservationContext:
    """The model, as the device that has observed."""
    digest = model_digest(prediction.digests)
    attributes = sr.DeviceObserverIdentifyingAttributes(
        uid=make_uid("device", digest, prediction.model_version),
        name=DEVICE,
        manufacturer_name=DEVICE,
        model_name=f"CoroNet {prediction.model_version}",
        serial_number=digest,
    )
    device = sr.ObserverContext(sr.CodedConcept("121007", "DCM", "Device"), attributes)
    return sr.ObservationContext(observer_device_context=device)


def _separate(container: Dataset) -> None:
    """Have viewers show each item by itself, with its name, instead of running all values into one line of text."""
    container.ContinuityOfContent = "SEPARATE"
    for item in container.ContentSequence:
        if item.ValueType == "CONTAINER":
            _separate(item)


def _percent(name: Code, probability: float) -> sr.Measurement:
    return sr.Measurement(name=name, value=round(100 * probability, _DIGITS - 2), unit=codes.PERCENT)


def _area(name: Code, area: float) -> sr.Measurement:
    return sr.Measurement(name=name, value=round(area, _DIGITS), unit=codes.NO_UNITS)


def _as_text(options: Mapping[str, Any]) -> str:
    return json.dumps(options, sort_keys=True)


def summary(prediction: Prediction) -> str:
    """A prediction in a few words: "COVID-19 0.880"."""
    return f"{CLASS_NAMES[prediction.label]} {prediction.probabilities[prediction.label]:.3f}"
