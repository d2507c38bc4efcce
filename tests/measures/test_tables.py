from __future__ import annotations

import numpy as np
import pyarrow as pa

from regulars.measures.tables import Columns


def test_columns_become_a_table() -> None:
    columns = Columns()
    columns.add("share", np.array([0.5, np.nan]), "share", "A share.")
    columns.add_interval("share", [0.4, None], [None, None], "share")
    table = columns.table("shares", "Shares", note="So it is.")
    assert table.to_arrow().to_pydict() == {"share": [0.5, None], "share_low": [0.4, None], "share_high": [None, None]}
    assert table.to_arrow()["share_high"].type == pa.float64()
    assert [info.heading for info in table.columns] == ["share", "share, from", "share, to"]
    assert table.note == "So it is."
