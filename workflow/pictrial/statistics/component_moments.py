"""Crossproducts of random effects, for each connected component of the groups, through their covariance.

An observation belongs to one level of the first term, the one with most levels, so Z0'Z0 is a small block for
each level: W0 = (I + Z0 T0 Z0')^-1 = I - Z0 T0 E Z0', E = (I + Z0'Z0 T0)^-1, is had level by level. Only the
effects of the other terms, Z1, are eliminated together, at the cost of their cubed number:
W = (I + Z T Z')^-1 = W0 - W0 Z1 K Z1'W0, K = (T1^-1 + Z1'W0 Z1)^-1 (Woodbury's identity, twice).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Components:
    """Connected components of about the same number of random effects, padded with zeros to one size.

    Attributes
    ----------
    zz : ndarray, shape (components, effects, effects)
        Z'Z, the effects of the first term before those of the others.
    zc : ndarray, shape (components, effects, columns)
        Z'C with C = [X, y].
    entries : tuple of four ndarray of int
        Component, row, column and index in theta of each entry of Lambda that is not a structural zero.
    levels : int
        Levels of the first term in a component.
    triangle : tuple of three ndarray of int
        Row, column and index in theta of each entry of the first term's factor.
    """

    zz: np.ndarray
    zc: np.ndarray
    entries: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    levels: int
    triangle: tuple[np.ndarray, np.ndarray, np.ndarray]

    @property
    def width(self) -> int:
        """Effects of each level of the first term."""
        return int(self.triangle[0][-1]) + 1

    @property
    def first(self) -> int:
        """Number of effects of the first term."""
        return self.levels * self.width

    @cached_property
    def first_squares(self) -> np.ndarray:
        """Blocks of Z0'Z0, shape (components, levels, width, width)."""
        at = np.arange(self.first).reshape(self.levels, self.width)
        return self.zz[:, at[:, :, None], at[:, None, :]]

    @cached_property
    def crossproducts(self) -> np.ndarray:
        """Z'[Z1, C], shape (components, effects, effects of Z1 + columns)."""
        return np.concatenate([self.zz[:, :, self.first :], self.zc], axis=2)

    @cached_property
    def other_entries(self) -> tuple[np.ndarray, ...]:
        """Those of `entries` that belong to Z1, rows and columns counted from its first effect."""
        others = self.entries[1] >= self.first
        component, row, column, index = (array[others] for array in self.entries)
        return component, row - self.first, column - self.first, index

    def pattern(self, index: int) -> np.ndarray:
        """Return dT / dg, the derivative of the covariance T of the effects by its entry `index`."""
        pattern = np.zeros_like(self.zz)
        component, row, column = (array[self.entries[3] == index] for array in self.entries[:3])
        pattern[component, row, column] = 1
        pattern[component, column, row] = 1
        return pattern


@dataclass(frozen=True)
class ComponentMoments:
    """Crossproducts of components through W.

    Attributes
    ----------
    components : Components
    first_factor : ndarray, shape (width, width)
        Cholesky factor of a level's block of T0.
    other_factor : ndarray, shape (components, effects of Z1, effects of Z1)
        Cholesky factor of T1.
    log_determinant : float
        Of W^-1.
    explained : ndarray, shape (columns, columns)
        C'(I - W)C.
    squeeze : ndarray, shape (components, levels, width, width)
        E.
    through_first : ndarray, shape (components, effects, effects of Z1 + columns)
        Z'W0 [Z1, C].
    other_inner : ndarray, shape (components, effects of Z1, effects of Z1)
        K.
    """

    components: Components
    first_factor: np.ndarray
    other_factor: np.ndarray
    log_determinant: float
    explained: np.ndarray
    squeeze: np.ndarray
    through_first: np.ndarray
    other_inner: np.ndarray

    @property
    def others(self) -> int:
        """Number of effects of Z1."""
        return self.other_inner.shape[1]

    @cached_property
    def through(self) -> np.ndarray:
        """Z'W [Z1, C], shape (components, effects, effects of Z1 + columns)."""
        other_rows = self.through_first[:, self.components.first :]
        return self.through_first - self.through_first[..., : self.others] @ (self.other_inner @ other_rows)

    @property
    def zwc(self) -> np.ndarray:
        """Z'WC, shape (components, effects, columns)."""
        return self.through[..., self.others :]

    @property
    def inner(self) -> np.ndarray:
        """J with W = I - Z J Z', shape (components, effects, effects)."""
        block, others = self.components, self.others
        covariance = self.first_factor @ self.first_factor.T
        at = np.arange(block.first).reshape(block.levels, block.width)
        inner = np.zeros_like(block.zz)
        inner[:, at[:, :, None], at[:, None, :]] = covariance @ self.squeeze
        # W0 Z1 = Z1 - Z0 T0 E Z0'Z1 = [Z0, Z1] outer
        squeezed = self.through_first[:, : block.first, :others].reshape(len(inner), *at.shape, others)
        outer = np.zeros((len(inner), block.zz.shape[1], others))
        outer[:, : block.first] = -(covariance @ squeezed).reshape(len(inner), block.first, others)
        outer[:, block.first :] = np.eye(others)
        return inner + outer @ self.other_inner @ outer.transpose(0, 2, 1)

    def random_effects(self, residual_map: np.ndarray) -> np.ndarray:
        """Return T Z'WC `residual_map`, shape (components, effects), for weights of C of shape (columns,)."""
        score, first = self.zwc @ residual_map, self.components.first
        of_first = score[:, :first].reshape(len(score), -1, self.components.width)
        of_first = of_first @ self.first_factor @ self.first_factor.T
        factor = self.other_factor
        of_others = factor @ (factor.transpose(0, 2, 1) @ score[:, first:, None])
        return np.concatenate([of_first.reshape(len(score), -1), of_others[..., 0]], axis=1)

    def gradient(self, middle: np.ndarray, parameters: int) -> np.ndarray:
        """Return 2 tr(N dLambda Lambda') with N = Z'WZ - Z'WC `middle` C'WZ by each entry of theta."""
        block, first, others = self.components, self.components.first, self.others
        through, zwc = self.through, self.zwc
        with_middle = zwc @ middle
        gradient = np.zeros(parameters)
        # Of the first term, only the sum of the levels' blocks is needed.
        cross = self.through_first[:, :first, :others]
        of_first = np.einsum("clab,clbd->ad", self.squeeze, block.first_squares)
        for left, right in ((cross @ self.other_inner, cross), (with_middle[:, :first], zwc[:, :first])):
            shape = (len(left) * block.levels, block.width, left.shape[2])
            of_first -= np.einsum("lac,lbc->ab", left.reshape(shape), right.reshape(shape))
        row, column, index = block.triangle
        gradient[index] = 2 * (of_first @ self.first_factor)[row, column]
        of_others = through[:, first:, :others] - with_middle[:, first:] @ zwc[:, first:].transpose(0, 2, 1)
        component, row, column, index = block.other_entries
        by_factor = 2 * (of_others @ self.other_factor)[component, row, column]
        return gradient + np.bincount(index, by_factor, parameters)


def component_moments(block: Components, theta: np.ndarray) -> ComponentMoments:
    """Return the crossproducts of `block` at `theta` (scaled as they are)."""
    row, column, index = block.triangle
    first_factor = np.zeros((block.width, block.width))
    first_factor[row, column] = theta[index]
    covariance = first_factor @ first_factor.T
    count, first = len(block.zz), block.first
    others = block.zz.shape[1] - first
    # Absorb the first term ...
    inflation = np.eye(block.width) + block.first_squares @ covariance
    squeeze = np.linalg.inv(inflation)
    by_level = block.crossproducts[:, :first].reshape(count, block.levels, block.width, -1)
    squeezed = np.einsum("clab,clbj->claj", squeeze, by_level)
    weighted = np.einsum("ab,clbj->claj", covariance, squeezed).reshape(count, first, -1)
    reduced = block.crossproducts[:, first:] - block.zz[:, first:, :first] @ weighted
    # ... and eliminate the others.
    component, row, column, index = block.other_entries
    factor = np.zeros((count, others, others))
    factor[component, row, column] = theta[index]
    transposed = factor.transpose(0, 2, 1)
    cholesky = np.linalg.cholesky(np.eye(others) + transposed @ reduced[..., :others] @ factor)
    half = np.linalg.solve(cholesky, transposed)
    log_determinant = np.log(np.linalg.det(inflation)).sum()
    log_determinant += 2 * np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum()
    image = half @ reduced[..., others:]
    return ComponentMoments(
        components=block,
        first_factor=first_factor,
        other_factor=factor,
        log_determinant=float(log_determinant),
        explained=sum_of_products(block.zc[:, :first], weighted[..., others:])
        + sum_of_products(image, image),
        squeeze=squeeze,
        through_first=np.concatenate([squeezed.reshape(count, first, -1), reduced], axis=1),
        other_inner=half.transpose(0, 2, 1) @ half,
    )


def sum_of_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the sum of left' right over components."""
    rows = left.shape[0] * left.shape[1]
    return left.reshape(rows, left.shape[2]).T @ right.reshape(rows, right.shape[2])
