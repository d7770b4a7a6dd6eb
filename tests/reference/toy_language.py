"""A small language pair: every word has one translation, and adjectives follow their nouns."""

import random

NOUNS = {"Hund": "dog", "Katze": "cat", "Haus": "house", "Baum": "tree", "Mann": "man"}
ADJECTIVES = {"rot": "red", "neu": "new", "alt": "old", "nass": "wet"}
VERBS = {"sieht": "sees", "mag": "likes", "malt": "draws"}


def toy_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Raw sentences of the first language and their translations, such as `Hund neu mag Katze.`,
    `New dog likes cat.`"""
    draw = random.Random(seed)

    def thing() -> tuple[str, str]:
        noun, adjective = draw.choice(list(NOUNS)), draw.choice(list(ADJECTIVES))
        if draw.random() < 0.4:
            return noun, NOUNS[noun]
        return f"{noun} {adjective}", f"{ADJECTIVES[adjective]} {NOUNS[noun]}"

    pairs = []
    for _ in range(count):
        (subject, its), (thing_seen, of), verb = thing(), thing(), draw.choice(list(VERBS))
        english = f"{its} {VERBS[verb]} {of}."
        pairs.append((f"{subject} {verb} {thing_seen}.", english[0].upper() + english[1:]))
    return pairs
