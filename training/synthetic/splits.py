"""The test sets of synthetic people: fixed recipes, persons, motions and backgrounds unseen in training."""

from __future__ import annotations

from training.synthetic.recipe import Patch, Recipe, RecipeError

WINDOW_WH = (192, 256)
"""Of the patch tests, as in 3DPW-AdvOcc: 391 positions of the 40 px patch and 247 of the 80 px one."""

_PATCH_SEED = 2023_40_80
"""One for both sizes, so that they differ in size alone."""


def split_recipes(data: str) -> dict[str, Recipe]:
    """Recipe of every test set by its name, for data with this fingerprint.

    Both patch tests have the same crops: what a patch twice as wide does is then the patch's doing.
    """

    def recipe(seed: int, count: int, *, kind: str = "plain", patch_px: int | None = None) -> Recipe:
        return Recipe(
            seed=seed,
            split="test",
            kind=kind,
            count=count,
            data=data,
            crops_per_shard=200,
            window_wh=None if patch_px is None else WINDOW_WH,
            patch=None if patch_px is None else Patch(patch_px, _PATCH_SEED),
        )

    return {
        "syn": recipe(9001, 2000),
        "syn-occ": recipe(9002, 2000, kind="occluded"),
        "syn-advocc40": recipe(9003, 200, patch_px=40),
        "syn-advocc80": recipe(9003, 200, patch_px=80),
    }


def chosen(recipes: dict[str, Recipe], names: list[str] | None) -> dict[str, Recipe]:
    """Those of these names, or all. RecipeError names the sets that there are."""
    unknown = [name for name in names or () if name not in recipes]
    if unknown:
        raise RecipeError(f"no test set {unknown[0]!r}; choose from {', '.join(recipes)}")
    return {name: recipe for name, recipe in recipes.items() if not names or name in names}
