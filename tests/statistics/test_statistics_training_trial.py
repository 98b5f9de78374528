"""A public trial: ΔF of soleus motor units of older adults before and after resistance training (CC0)."""

import numpy as np
import pandas as pd
import pytest

from pictrial.statistics.fitted_model import fit_model, planned_contrasts


def test_published_coefficients(public_data):
    file = public_data / "training_trial_delta_f" / "Delta F soleus 20pc_ALL_MUS_and_PAIRS_stats.csv"
    if not file.is_file():
        pytest.skip(f"needs the public table: there is no {file}")
    rows = pd.read_csv(file, dtype={"participant": str})
    assert len(rows) == 513
    there = rows.dropna(subset=["deltaf"])
    assert (len(there), there["participant"].nunique()) == (157, 14)
    model = fit_model(there, "deltaf ~ time + (1 | participant)", {"time": ["c1", "c2", "post"]})
    assert model.design.matrices.columns == ("(Intercept)", "timec2", "timepost")
    np.testing.assert_allclose(model.fit.beta, [1.500, 0.185, 0.871], atol=6e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(model.fit.covariance)), [0.284, 0.250, 0.225], atol=6e-4)
    table = planned_contrasts(model, [("c2", "c1"), ("post", "c1")], "satterthwaite", factor="time")
    np.testing.assert_allclose(table["estimate"], [0.185, 0.871], atol=6e-4)
    np.testing.assert_allclose(table["standard_error"], [0.250, 0.225], atol=6e-4)
    # Time varies within participants: its degrees of freedom are those of the residuals, about 157 - 14 - 2.
    assert table["df"].between(130, 157).all()
    assert table["p"].iloc[0] > 0.4 and table["p"].iloc[1] < 0.001
