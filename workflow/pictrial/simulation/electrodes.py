"""Electrode grids."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ElectrodeGrid:
    """`columns` across and `rows` along the fibres, `distance` mm apart; by default a GR08MM1305."""

    columns: int = 5
    rows: int = 13
    distance: float = 8.0
    missing_corner: bool = True

    @property
    def positions(self) -> np.ndarray:
        """Electrodes across and along the fibres in mm, column by column, shape (channels, 2)."""
        across = np.arange(self.columns) * self.distance
        along = np.arange(self.rows) * self.distance
        grid = np.column_stack([mesh.ravel() for mesh in np.meshgrid(across, along, indexing="ij")])
        return grid[1:] if self.missing_corner else grid
