"""The codes that objects are written with: of standards where there is one, of our own scheme where there is none."""

from __future__ import annotations

from pydicom.sr.coding import Code

from model_src.classes import COVID, HEALTHY, PNEUMONIA

SCHEME, SCHEME_NAME = "99CORONET", "CoroNet Serve's own concepts"

FINDINGS = {
    HEALTHY: Code("17621005", "SCT", "Normal"),
    PNEUMONIA: Code("233604007", "SCT", "Pneumonia"),
    COVID: Code("840539006", "SCT", "COVID-19"),
}
LUNG = Code("39607008", "SCT", "Lung")
CHEST_FILM = Code("36554-4", "LN", "XR Chest Single view")
PROBABILITY = Code("122157", "DCM", "Probability")
COMMENT = Code("121106", "DCM", "Comment")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
PERCENT = Code("%", "UCUM", "Percent")
NO_UNITS = Code("1", "UCUM", "no units")

# Of classes that are not the finding. A finding's own probability is PROBABILITY.
PROBABILITIES = {
    HEALTHY: Code("PROB-HEALTHY", SCHEME, "Probability of Healthy"),
    PNEUMONIA: Code("PROB-PNEUMONIA", SCHEME, "Probability of Pneumonia"),
    COVID: Code("PROB-COVID19", SCHEME, "Probability of COVID-19"),
}
EXPLAINED = Code("EXPLAINED", SCHEME, "Class that is explained")
BEFORE = Code("PROB-BEFORE", SCHEME, "Probability of the explained class, film as it is")
AFTER = Code("PROB-AFTER", SCHEME, "Probability of the explained class, film as the method left it")
DELETION = Code("AUC-DELETION", SCHEME, "Area under the deletion curve (low is good)")
INSERTION = Code("AUC-INSERTION", SCHEME, "Area under the insertion curve (high is good)")

# What a map is (CID 217, Visual Explanation): Grad-CAM has a code, all other methods are saliency maps.
_GRAD_CAM = Code("130403", "DCM", "Gradient-weighted class activation")
_SALIENCY = Code("130404", "DCM", "Saliency")


def map_code(method: str) -> Code:
    """The code of the heat map of an explanation method."""
    return _GRAD_CAM if method == "grad_cam" else _SALIENCY
