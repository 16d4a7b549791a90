"""What can be wrong with an image, what its headers say, and how much else it may carry."""

from dataclasses import dataclass

# Everything in a file that is not pixels: texts, colour profiles, EXIF, XMP, thumbnails.
MOST_NOTES = 4 << 20
MOST_PARTS = 65_536
# Zeros to the end of a block, as some devices write them.
MOST_PADDING = 64 << 10


class Flaw(Exception):
    """What is wrong with an image; `code` for programs, the words for people."""

    def __init__(self, code: str, words: str):
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True)
class Structure:
    """What the headers say: the media type, the sides as stored, and where the image ends."""

    type: str
    width: int
    height: int
    end: int


def cut_short() -> Flaw:
    """Damaged, or not all there."""
    return Flaw("unreadable", "The image is cut short or damaged; save it anew and send that.")


def animated() -> Flaw:
    """More than one picture."""
    return Flaw("animated", "The image is animated; send a still one.")


def check_notes(size: int, parts: int = 0) -> None:
    """Refuse what hides too much beside its pixels. Raises Flaw."""
    if size > MOST_NOTES or parts > MOST_PARTS:
        words = (
            f"Beside its pixels the image carries over {MOST_NOTES} bytes of texts, profiles and more; "
            "save it anew without them."
        )
        raise Flaw("too_much_metadata", words)
