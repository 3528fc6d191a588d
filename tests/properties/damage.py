"""What may happen to a message on its way, or be done to it."""

from hypothesis import strategies as st

JSON_BITS = ['"', "{", "}", "[", "]", ",", ":", "null", "true", "0", "-1", "1e3", "1.0", "1e999", "NaN", "-Infinity"]
JSON_BITS += ['""', '"0"', "{}", "[]", " ", "\\", "\\ud800", "\\u0000", '"name"', "Z", "+01:00", ".5", "s", "\ufeff"]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Up to three pieces lost, put in or written over; or something else altogether."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=40))
    for _ in range(draw(st.integers(1, 3))):
        at, lost = draw(st.integers(0, len(whole))), draw(st.sampled_from([0, 1, 2, 4, len(whole)]))
        whole = whole[:at] + draw(st.binary(max_size=4)) + whole[at + lost :]
    return whole


@st.composite
def damaged_text(draw: st.DrawFn, whole: str) -> str:
    """The same in characters, so that the bytes stay UTF-8."""
    for _ in range(draw(st.integers(1, 3))):
        at, lost = draw(st.integers(0, len(whole))), draw(st.sampled_from([0, 1, 2, 4, len(whole)]))
        whole = whole[:at] + draw(st.sampled_from(JSON_BITS) | st.text(max_size=2)) + whole[at + lost :]
    return whole
