#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a C header with one constant of a text file: embed.py INPUT OUTPUT NAME.

An array of bytes, not a string literal: those may be too long for ISO C."""
import sys

source, target, name = sys.argv[1:4]
with open(source, "rb") as file:
    data = file.read() + b"\0"
with open(target, "w", encoding="utf-8") as out:
    out.write(f"static const char {name}[] = {{\n")
    for start in range(0, len(data), 16):
        out.write("\t" + ",".join(str(byte) for byte in data[start:start + 16]) + ",\n")
    out.write("};\n")
