# SPDX-License-Identifier: Apache-2.0
"""embed.py INPUT OUTPUT NAME: a C source with INPUT's bytes as `const char NAME[]`."""
import sys

source, target, name = sys.argv[1:4]
data = open(source, "rb").read()
rows = [", ".join(str(b) for b in data[i : i + 20]) for i in range(0, len(data), 20)]
with open(target, "w", encoding="ascii") as out:
    out.write('#include "models/catalogue_text.h"\n\n')
    out.write(f"const unsigned char {name}[] = {{\n\t" + ",\n\t".join(rows) + "\n};\n")
    out.write(f"const size_t {name}_bytes = sizeof {name};\n")
