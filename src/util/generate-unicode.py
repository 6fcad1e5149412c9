#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write unicode-tables.h: what Python's str methods know of characters.

Run with the Python whose answers are wanted (3.11, Unicode 14.0):
    generate-unicode.py > unicode-tables.h
"""

import sys
import unicodedata
from collections.abc import Callable

LAST = 0x110000


def ranges(holds: Callable[[str], bool]) -> list[tuple[int, int]]:
    """Return the ranges of code points for which a predicate holds."""
    found: list[tuple[int, int]] = []
    for code in range(LAST):
        if not holds(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


def lower_ranges() -> list[tuple[int, int, int, int]]:
    """Return (first, last, step, delta) of all single-character lower-case mappings."""
    found: list[tuple[int, int, int, int]] = []
    for code in range(LAST):
        low = chr(code).lower()
        if len(low) != 1 or ord(low) == code:
            continue
        delta = ord(low) - code
        if found:
            first, last, step, old_delta = found[-1]
            gap = code - last
            if delta == old_delta and (gap == step or (first == last and gap <= 2)):
                found[-1] = (first, code, gap, delta)
                continue
        found.append((code, code, 1, delta))
    return found


def is_cased(char: str) -> bool:
    """Tell whether a capital sigma after this character is a final one."""
    return (char + "Σ").lower().endswith("ς")


def is_case_ignorable(char: str) -> bool:
    """Tell whether the character is passed over when final sigmas are looked for."""
    return not is_cased(char) and ("A" + char + "Σ").lower().endswith("ς")


def write_ranges(name: str, rows: list[tuple[int, int]]) -> None:
    """Print an array of ranges."""
    print(f"static const struct unicode_range {name}[] = {{")
    for first, last in rows:
        print(f"        {{ 0x{first:X}, 0x{last:X} }},")
    print("};\n")


def main() -> None:
    """Print the header."""
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Written by generate-unicode.py from Python "
          f"{sys.version_info.major}.{sys.version_info.minor}, "
          f"Unicode {unicodedata.unidata_version}: don't edit. */")
    print("#pragma once\n")
    print('#include "util/unicode.h"\n')
    print("/* clang-format off */")
    write_ranges("unicode_spaces", ranges(str.isspace))
    write_ranges("unicode_unprintable", ranges(lambda c: not c.isprintable()))
    write_ranges("unicode_cased", ranges(is_cased))
    write_ranges("unicode_case_ignorable", ranges(is_case_ignorable))
    zeros = [c for c in range(LAST) if unicodedata.decimal(chr(c), None) == 0]
    write_ranges("unicode_digits", [(zero, zero + 9) for zero in zeros])
    print("static const struct unicode_mapping unicode_lower_mappings[] = {")
    for first, last, step, delta in lower_ranges():
        print(f"        {{ 0x{first:X}, 0x{last:X}, {step}, {delta} }},")
    print("};")
    print("/* clang-format on */")


main()
