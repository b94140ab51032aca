"""What a positive answer is worth where the disease is rarer than among the films of a test."""

from __future__ import annotations

import math

from evaluation.intervals import Estimate, undefined

PREVALENCES = (0.01, 0.05, 0.20)


def ppv_at(sensitivity: Estimate, specificity: Estimate, prevalence: float) -> Estimate:
    """The positive predictive value of a class at a `prevalence` in (0, 1), by Bayes' rule, with its 95% interval.

    The odds of the class are multiplied by sensitivity / (1 - specificity). The interval of that ratio comes from those
    of the two rates, of different films (MOVER on the scale of logarithms; Donner and Zou 2012); where a rate is 0,
    from their outer ends. It says nothing of how the film's source moves either rate.
    """
    if None in (sensitivity.value, specificity.value, sensitivity.low, specificity.low):
        return undefined(sensitivity.total + specificity.total, "a rate that it needs is not defined")
    found, low, high = (float(value or 0.0) for value in (sensitivity.value, sensitivity.low, sensitivity.high))
    alarms, fewest, most = (1 - float(value or 0.0) for value in (specificity.value, specificity.high, specificity.low))
    if not found and not alarms:
        return undefined(sensitivity.total + specificity.total, "no film was called so")
    odds = prevalence / (1 - prevalence)
    if min(found, alarms, low, fewest) <= 0:
        ends = (_share(odds, low, most), _share(odds, high, fewest))
    else:
        ratio = math.log(found / alarms)
        down = math.hypot(math.log(found / low), math.log(most / alarms))
        up = math.hypot(math.log(high / found), math.log(alarms / fewest))
        ends = (_share(odds, math.exp(ratio - down), 1.0), _share(odds, math.exp(ratio + up), 1.0))
    value = _share(odds, found, alarms)
    total = sensitivity.total + specificity.total
    return Estimate(value, min(ends[0], value), max(ends[1], value), None, total, "MOVER")


def _share(odds: float, found: float, alarms: float) -> float:
    """Of positive answers, the share that is right; 0 where there is none."""
    right = odds * found
    return right / (right + alarms) if right + alarms else 0.0
