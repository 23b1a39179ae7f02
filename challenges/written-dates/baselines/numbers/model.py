"""Reads dates that are written in digits."""

import re


class Model:
    """Answers one text per text, with the standard library alone."""

    def predict(self, inputs):
        """Read every text by itself."""
        return [read(text) for text in inputs["texts"]]


def read(text):
    """Return the date of three numbers; the year is the one of four digits."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 1 and len(numbers[0]) == 8:
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if len(numbers) != 3:
        return "unknown"
    if len(numbers[0]) == 4:
        numbers.reverse()
    day, month, year = map(int, numbers)
    return f"{year:04}-{month:02}-{day:02}"
