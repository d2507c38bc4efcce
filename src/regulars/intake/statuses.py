"""Which statuses are sales: said by the user, or told by the table; never assumed where it cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.errors import DataError

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.config import TableSettings


def with_success(statuses: ir.Table, settings: TableSettings | None) -> ir.Table:
    """The status table with `is_success` told for every status.

    In this order: the ids listed under `success`, the mapped column `is_success`, an empty `error_group`.

    Raises:
        DataError: None of these is there.
    """
    if settings is not None and settings.success:
        return statuses.mutate(is_success=statuses.status_id.cast("string").isin(settings.success))
    if "is_success" in statuses.columns:
        return statuses.mutate(is_success=statuses.is_success.fill_null(False))
    if "error_group" in statuses.columns:
        return statuses.mutate(is_success=statuses.error_group.isnull())
    raise DataError(
        "which statuses are sales cannot be told",
        table="statuses",
        mend='list them, as in success = ["1"], or map is_success or error_group, under [tables.statuses]',
    )
