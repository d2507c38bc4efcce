"""Which model of repeat orders to use, said aloud; and saved fits read back, whichever model they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regulars.errors import FitError
from regulars.models.bg_nbd import BgNbd, BgNbdFit, MbgNbd, MbgNbdFit
from regulars.models.fits import Fit, read_json
from regulars.models.gamma_gamma import GammaGammaFit
from regulars.models.likelihood import NobodyLeaves
from regulars.models.nbd import Nbd, NbdFit
from regulars.models.pareto_nbd import ParetoNbd, ParetoNbdFit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from regulars.models.btyd import OrderFit, OrderModel
    from regulars.models.cells import Cells

_FITS: Final[tuple[type[Fit], ...]] = (NbdFit, BgNbdFit, MbgNbdFit, ParetoNbdFit, GammaGammaFit)


@dataclass(frozen=True)
class Attempt:
    """One model tried.

    Attributes:
        model: Its name.
        fit: The fit, where there is one.
        reason: Why there is none, otherwise empty.
        nobody_leaves: Whether the reason is that the data show nobody leaving.
    """

    model: str
    fit: OrderFit | None
    reason: str = ""
    nobody_leaves: bool = False

    @property
    def akaike(self) -> float | None:
        """Akaike's criterion, smaller is better: 2 × parameters − 2 × log-likelihood."""
        return None if self.fit is None else 2.0 * len(self.fit.values) - 2.0 * self.fit.log_likelihood


@dataclass(frozen=True)
class BestFit:
    """The fit chosen, and how it came about.

    Attributes:
        fit: The chosen fit.
        note: What was done and why, in a few sentences.
        attempts: Every model tried, in order.
    """

    fit: OrderFit
    note: str
    attempts: tuple[Attempt, ...]


def fit_best(cells: Cells, models: Sequence[OrderModel] = (ParetoNbd(), BgNbd(), MbgNbd())) -> BestFit:
    """Fit the models and the limit in which nobody leaves; choose by Akaike's criterion; say what was done.

    The criterion weighs the fit to the past only. Where there is a later period to test on, compare the attempts on it
    (`regulars.models.validation`) and use the winner.

    Raises:
        FitError: No model could be fitted; the message holds every reason. Use a simple rule instead.

    Example:
        >>> from regulars.models.cells import Cells
        >>> steady = Cells([0, 1, 2, 3], [0, 9, 9, 10], [10, 10, 10, 10], [30, 40, 30, 10])
        >>> fit_best(steady).fit.model
        'NBD'
    """
    attempts = tuple(_try(model, cells) for model in (*models, Nbd()))
    fitted = [(attempt.akaike, attempt.fit) for attempt in attempts if attempt.fit and attempt.akaike is not None]
    if not fitted:
        reasons = {attempt.reason.partition(": ")[2] or attempt.reason for attempt in attempts}
        raise FitError(
            "No model of repeat orders could be fitted: " + " ".join(sorted(reasons)),
            mend="Use a simple rule: the average, or each customer's past rate.",
        )
    fit = min(fitted, key=lambda pair: pair[0])[1]
    return BestFit(fit, _explain(fit, attempts), attempts)


def _try(model: OrderModel, cells: Cells) -> Attempt:
    try:
        return Attempt(model.fit_type.model, model.fit(cells))
    except FitError as error:
        return Attempt(model.fit_type.model, None, error.message, isinstance(error, NobodyLeaves))


def _explain(fit: OrderFit, attempts: Sequence[Attempt]) -> str:
    """What was chosen and why, in a few sentences."""
    others = [attempt.model for attempt in attempts if attempt.fit and attempt.model != fit.model]
    failed = [attempt for attempt in attempts if attempt.fit is None]
    if isinstance(fit, NbdFit) and failed and all(attempt.nobody_leaves for attempt in failed):
        note = "Nobody is seen to leave, so NBD is used: customers differ in how often they order and never leave."
    elif others:
        note = f"{fit.model} describes the past orders best by Akaike's criterion, ahead of {', '.join(others)}."
    else:
        note = f"{fit.model} is the only model that could be fitted."
    reasons = [attempt.reason for attempt in failed if not attempt.nobody_leaves]
    return " ".join([note, *(["Not fitted:"] if reasons else []), *reasons])


def read_fit(text: str) -> Fit:
    """A saved fit of any model, from its JSON text.

    Raises:
        FitError: The text is not a saved fit, or of a model unknown here.
    """
    content = read_json(text)
    for fit_type in _FITS:
        if fit_type.model == content["model"]:
            return fit_type.from_content(content)
    known = ", ".join(fit_type.model for fit_type in _FITS)
    raise FitError(f"Unknown model '{content['model']}' in a saved fit. Known: {known}.")


def load_fit(path: Path) -> Fit:
    """A saved fit of any model, from its file.

    Raises:
        FitError: The file cannot be read, or is not a saved fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FitError(f"The saved fit '{path.name}' cannot be read: {error}.", mend="Fit and save it again.") from None
    return read_fit(text)
