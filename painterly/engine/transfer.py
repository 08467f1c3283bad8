"""A photo that is painted step by step, whatever the recipe; without TensorFlow."""

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from painterly.engine.abstraction.ink import drawn, ink_of
from painterly.engine.faces.care import (
    Care,
    cares_of,
    features_of,
    follow_tones,
    keep_features,
    lit,
    people_of,
)
from painterly.engine.faces.coherence import make_coherent
from painterly.engine.faces.finding import Found
from painterly.engine.faces.strokes import Brush, add_strokes
from painterly.engine.looked_at import LookedAt, as_kept, keeps_faces
from painterly.engine.memory_model import MemoryPlan, PaintingInputs
from painterly.engine.paintings import Paintings
from painterly.engine.patches import Patches, rebuilt
from painterly.engine.picture import (
    Canvas,
    Postprocess,
    check_mask,
    check_values,
    needs_photo,
    picture_size,
)
from painterly.engine.schedule import Position, Schedule
from painterly.forks import cached_property
from painterly.images.colours.colour import is_grey
from painterly.settings.paper import part_shown
from painterly.settings.settings import Settings
from painterly.signals import CheckStop

# From this strength on, recipe `instant` makes a picture of the painting's places alone; below, it
# mixes the photo's own places in. Faces get all their strokes from it on, by all recipes.
FULL_STRENGTH = 0.5
LOOK = "looked at"  # the LookedAt among a cache's entries
TERMS = ("content", "style", "total_variation", "structure")
Cache = dict[str, tuple[Hashable, Any]]  # See PhotoCache.
Drawn = TypeVar("Drawn", Patches, Brush)

Value = TypeVar("Value")


class End(NamedTuple):
    """A painting after its last step; attributes are as in `Step`."""

    image: np.ndarray
    losses: Mapping[str, float]
    content_weight: float


class Step:
    """One step of a painting: a view on the running transfer.

    Image, losses and snapshot are computed when they are first read. Read them before the next step
    is asked for, since that changes the picture: later, they raise RuntimeError unless they have
    been read before. The last step can be read at any time, so can the one that it rebuilds, and so
    can each of recipe instant.

    Attributes:
        iteration: The step's number, from 1.
        total: As in `Position`.
        fraction: As in `Position`.
        eta_s: As in `Position`.
        scale: The longer side of the picture at this step in px.
    """

    def __init__(
        self,
        position: Position,
        picture: ArrayLike,
        canvas: Canvas,
        postprocess: Callable[[np.ndarray], np.ndarray],
        terms: ArrayLike | None = None,
        state: Mapping[str, ArrayLike] | None = None,
        matches: Sequence[ArrayLike] = (),
    ) -> None:
        """Take the progress and the picture on its canvas [1, H, W, 3], sRGB 0…1. Arrays are
        NumPy's or TensorFlow's.

        Args:
            postprocess: Makes the image of the picture.
            terms: The weighted terms [4] of the loss, if there is one.
            state: The optimiser's state by name, if there is one.
            matches: As in `Matching`.
        """
        self.iteration, self.total, self.fraction, self.eta_s = position
        self.scale = max(canvas.picture)
        self._picture: ArrayLike | None = picture
        self._canvas, self._postprocess = canvas, postprocess
        self._terms, self._state, self._matches = terms, state, matches

    @property
    def can_resume(self) -> bool:
        """Whether a run can resume after this step. False once it is over."""
        return self._state is not None and self.iteration < self.total

    @property
    def is_over(self) -> bool:
        """Whether its picture can no longer be read."""
        return self._picture is None

    @property
    def content_weight(self) -> float:
        """The photo's weight relative to the painting's after this step; `strength` steers it. 0 in
        recipe instant."""
        self._check_current()
        return 0.0 if self._state is None else float(np.asarray(self._state["content_weight"]))

    @cached_property
    def losses(self) -> dict[str, float]:
        """The weighted contributions to the loss, and their sum `total`; for a rebuilt picture,
        those of the step before. Empty in recipe instant, which has none."""
        self._check_current()
        return {} if self._terms is None else named(np.asarray(self._terms))

    @cached_property
    def image(self) -> np.ndarray:
        """The picture so far: float32 [H, W, 3], sRGB 0…1. Do not write to it."""
        self._check_current()
        # It shares TensorFlow's memory: a copy would take memory when it is shortest.
        image = self._canvas.cropped(np.asarray(self._picture))[0]
        if image.min() < 0 or image.max() > 1:  # L-BFGS without bounds leaves the range.
            image = np.clip(image, 0, 1)
        return self._postprocess(image)

    @property
    def end(self) -> End:
        """All that is left of a painting after this step, if it is the last."""
        return End(self.image, self.losses, self.content_weight)

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return the arrays that `stylize` needs to resume after this step, if `can_resume`.

        They are `iteration`, the terms of the loss, the image and the optimiser's state, float32,
        48 bytes per pixel in all. They share TensorFlow's memory; if they are kept beyond the next
        step, they take that much more.
        """
        self._check_current()
        assert self._state is not None and self._terms is not None
        arrays = {name: np.asarray(value) for name, value in self._state.items()}
        if self._matches:
            matches = np.concatenate([np.asarray(each) for each in self._matches], -1)
            arrays["matches"] = matches.astype(np.int32)
        return {"iteration": np.array(self.iteration), "terms": np.asarray(self._terms), **arrays}

    def expire(self) -> None:
        """Let go of the picture, since the next step changes it."""
        self._picture = self._terms = self._state = None
        self._matches = ()

    def _check_current(self) -> None:
        if self._picture is None:
            raise RuntimeError(
                f"step {self.iteration} is over; read image, losses, content_weight and snapshot() "
                "before the next step"
            )


class PhotoCache:
    """Memory of the latest photo for its other styles, kept as long as the photo itself."""

    def __init__(self) -> None:
        self._photo: weakref.ref[np.ndarray] | None = None
        self._entries: Cache = {}

    def entries(self, photo: np.ndarray, look: LookedAt | None = None) -> Cache:
        """Return what is kept of a photo, by name, each with the key that it is for. With a `look`
        at the photo, its faces are known."""
        if self._photo is None or self._photo() is not photo:
            self._photo, self._entries = weakref.ref(photo), {}
            if look is not None:
                self._entries[LOOK] = None, look
        return self._entries


@dataclass(frozen=True)
class TransferInputs:
    """A photo and all that decides its picture, but the network.

    Fields as in `stylize`, and `cache` from a PhotoCache.
    """

    content: np.ndarray
    styles: Paintings
    settings: Settings
    content_mask: np.ndarray | None = None
    color_mask: np.ndarray | None = None
    init: np.ndarray | None = None
    cache: Cache = field(default_factory=dict, compare=False)

    def of_photo(self, what: str, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return what depends on the photo alone: as another style has left it under the same key,
        or computed, and left for the next one."""
        if what not in self.cache or self.cache[what][0] != key:
            self.cache[what] = key, compute()
        value: Value = self.cache[what][1]
        return value

    def on_paper(self) -> "TransferInputs":
        """Return the part of the photo that the paper shows, with that of its masks, of the regions
        and of the picture to start from; all of it without paper."""
        size = picture_size(self.content)
        sheet = self.settings.sheet(*size)
        if sheet is None:
            return self
        part = part_shown(size, sheet)

        def shown(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[part.slices(*array.shape[:2])]

        return replace(
            self,
            content=self.content[part.slices(*size)],
            styles=self.styles.on_part(part),
            content_mask=shown(self.content_mask),
            color_mask=shown(self.color_mask),
            init=shown(self.init),
            cache={},
        )


def in_snapshot(
    snapshot: Mapping[str, np.ndarray], name: str, wanted: tuple[int, ...]
) -> np.ndarray:
    """Return an array in a step's snapshot. Raises ValueError if it is missing, or has another
    shape."""
    there = np.shape(snapshot[name]) if name in snapshot else "missing"
    if there != wanted:
        raise ValueError(f"{name} of the snapshot is {there}; expected the shape {wanted}")
    return np.asarray(snapshot[name])


class Transfer(ABC):
    """A photo prepared to be painted in a style; `steps` paints it.

    Attributes:
        schedule: The steps.
        memory_plan: The memory plan of the last scale, which takes the most memory.
        has_coherence: Whether people get coherent colours; see faces/coherence.py.

    Raises:
        ValueError: Arrays do not fit.
    """

    memory_plan: MemoryPlan

    def __init__(self, inputs: TransferInputs) -> None:
        picture_size(inputs.content)
        check_values(inputs.content, "the photo")
        for name in ("content_mask", "color_mask"):
            if (mask := getattr(inputs, name)) is not None:
                check_mask(mask, name)
        if inputs.init is not None:
            picture_size(inputs.init)
            check_values(inputs.init, "init")
        self._inputs = inputs = inputs.on_paper()
        content, styles, settings = inputs.content, inputs.styles, inputs.settings
        content_mask, init = inputs.content_mask, inputs.init
        self._photo_size = picture_size(content)
        self.schedule = Schedule.of(*self._photo_size, settings)
        self._content, self._styles, self._settings = content, styles, settings
        self._content_mask, self._init = content_mask, init
        self._painted_part = content_mask
        if not settings.traits.original:  # It applies regions to paintings only.
            self._painted_part = styles.painted_part(content_mask)
        self.ink = ink_of(styles) if settings.traits.draws else None
        self.has_coherence = not settings.preserve_color

    def _drawings(self, photo: ArrayLike, boldness: Sequence[float]) -> list[np.ndarray]:
        """Return a photo [h, w, 3] as drawings of such boldness; none unless it is made into a
        drawing before it is matched. See abstraction/ink.py."""
        if self.ink is None:
            return []
        shown, features = np.asarray(photo), None
        if cares := self._cares(picture_size(shown)):
            shown, features = lit(shown, cares), features_of(cares, picture_size(shown))
        draw = drawn(shown, self.ink, self._settings, features)
        return [draw(each) for each in boldness]

    def _from_groups(
        self,
        picture: np.ndarray,
        canvas: Canvas,
        groups: Sequence[tuple[Patches, np.ndarray]],
        check_stop: CheckStop,
    ) -> np.ndarray:
        """Return a finished picture on its canvas [H, W, 3] with the photo's tones in faces,
        rebuilt from groups of patches as in `rebuilt`, and coherent colours of people."""
        cares, before = self._cares(canvas.picture), picture
        if cares and self.ink is None:
            before = picture.copy()
            follow_tones(canvas.inside(before), self._content, cares)
        whole = rebuilt(before, groups, check_stop)
        inside, before = (canvas.inside(each) for each in (whole, before))
        if cares:
            keep_features(inside, before, cares)
        del before
        if cares and self.ink is None and self.has_coherence:
            photo, faces, key = self._looked_at.photo, self._faces, self._settings.faces
            people = self._inputs.of_photo("people", key, lambda: people_of(faces, photo))
            shares = [canvas.inside(share) for _, share in groups]
            make_coherent(inside, photo, people, shares)
        return whole

    def _stroked(self, size: tuple[int, int]) -> list[Care]:
        """Return the faces that strokes are painted into. A drawing has its lines."""
        return self._cares(size) if self.ink is None else []

    def _add_strokes(
        self,
        picture: np.ndarray,
        canvas: Canvas,
        groups: Sequence[tuple[Brush, np.ndarray]],
        check_stop: CheckStop,
        boldness: float = 1,
    ) -> None:
        """Paint strokes into the faces of a finished picture on its canvas [H, W, 3], with the
        brush of each group of paintings and its share of each pixel."""
        groups = [(brush, canvas.inside(share)) for brush, share in groups]
        faces = self._stroked(canvas.picture)
        add_strokes(canvas.inside(picture), faces, groups, boldness, check_stop)

    @property
    def _looked_at(self) -> LookedAt:
        return self._inputs.of_photo(LOOK, None, lambda: LookedAt.of(self._content))

    @property
    def _faces(self) -> list[Found]:
        """The faces in the photo, as far as the settings keep them."""
        if not keeps_faces(self._settings):
            return []
        return as_kept(self._looked_at.faces, self._settings)

    def _cares(self, size: tuple[int, int]) -> list[Care]:
        """Return the faces as a picture of this (height, width) shows them."""
        longer = max(self.schedule.sizes[-1])
        key = keeps_faces(self._settings), self._settings.faces, longer
        return self._inputs.of_photo(
            f"faces at {size}", key, lambda: cares_of(self._faces, size, longer)
        )

    @cached_property
    def _postprocess(self) -> Callable[[np.ndarray], np.ndarray]:
        """The postprocessing of its pictures. Looking at all pixels is left until there is one."""
        inputs, settings = self._inputs, self._settings
        photo, pictures = inputs.content, (inputs.init, *inputs.styles.paintings)
        # Without colours in the inputs, those of the result are noise of the optimisation.
        others = (each for each in pictures if each is not None)
        grey = inputs.of_photo("grey", None, lambda: is_grey(photo)) and all(map(is_grey, others))
        shown = photo if needs_photo(settings, self.is_masked) else None
        return Postprocess(shown, settings, self._painted_part, inputs.color_mask, grey)

    @property
    def painting_inputs(self) -> PaintingInputs:
        """The properties of its inputs that its memory depends on."""
        return PaintingInputs(
            self._photo_size,
            self.is_masked,
            self._styles.masked_groups(self._content_mask is not None),
            self._init is not None,
            len(self._styles.paintings),
            self.ink is not None,
        )

    @property
    def is_masked(self) -> bool:
        """Whether only a part of the photo is painted."""
        return self._painted_part is not None

    @property
    def result_size(self) -> tuple[int, int]:
        """The (height, width) of the result."""
        return self._photo_size if self._settings.rescale_image else self.schedule.sizes[-1]

    def snapshot_shapes(self, iteration: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a step's snapshot except `iteration`, or an empty dictionary if a
        run cannot resume there."""
        return {}

    def steps(
        self, resume: Mapping[str, np.ndarray] | None = None, check_stop: CheckStop = lambda: None
    ) -> Iterator[Step]:
        """Paint, and yield every step; `resume` and errors as in `stylize`. `check_stop` is called
        several times a second by recipe instant, which has long steps, and while a picture is
        rebuilt. It may raise an exception to stop."""
        total = self.schedule.total
        done = 0 if resume is None else int(resume["iteration"])
        if not 0 <= done < total:
            raise ValueError(f"a snapshot of step {done} for a run of {total}")
        return self._steps(done, resume, check_stop)

    @abstractmethod
    def _steps(
        self, done: int, resume: Mapping[str, np.ndarray] | None, check_stop: CheckStop
    ) -> Iterator[Step]:
        """Paint after `done` steps; arguments as in `steps`."""


def named(terms: np.ndarray) -> dict[str, float]:
    """Return the terms [4] by name, and their sum `total`."""
    values = [float(value) for value in terms]
    return {**dict(zip(TERMS, values, strict=True)), "total": sum(values)}
