# SPDX-License-Identifier: Apache-2.0
"""Texts that hide something, made from the Unicode database and not from our own table: characters
without a shape, characters that change direction, characters that drive a terminal."""
import unicodedata

# Default-ignorable code points (DerivedCoreProperties) that have no category of their own to find
# them by, and blanks that look like a space and are none.
IGNORABLE = [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0,
             *range(0xFE00, 0xFE10), *range(0xE0100, 0xE0140), 0x2800]


def hidden_characters():
    """Every format, control, separator and private character of the first planes but line feed and
    tab, which show as what they are; JSON has no NUL."""
    out = []
    for c in [*range(1, 0x3000), *range(0xFE00, 0x10000), *range(0x1D170, 0x1D180), *range(0xE0001, 0xE0080)]:
        category = unicodedata.category(chr(c))
        if c not in (0x09, 0x0A, 0x20) and category in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            out.append(c)
    return sorted(set(out + IGNORABLE))


VISIBLE_FORMAT = {0x0600, 0x0601, 0x0602, 0x0603, 0x0604, 0x0605, 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2}


def strings():
    """[(text, the character in it)]: each hidden character in one text, those of the Unicode
    bidirectional algorithm in four more; over 300."""
    # Arabic and Syriac number signs are format characters with a shape: nothing is hidden.
    characters = [c for c in hidden_characters() if c not in VISIBLE_FORMAT]
    turning = [c for c in characters if unicodedata.bidirectional(chr(c)) in
               ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")]
    shapes = ["{}start", "end{}", "ab{}{}cd", "transfer {}001 001{} ok"]
    out = [("pay{}load".replace("{}", chr(c)), chr(c)) for c in characters]
    out += [(shape.replace("{}", chr(c)), chr(c)) for shape in shapes for c in turning]
    assert len(out) >= 300, len(out)
    return out


if __name__ == "__main__":
    print(len(strings()), "strings")
