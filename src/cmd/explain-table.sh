#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# explain-table.sh FILE.md ...: the texts as rows of a C table, {"CODE", "TEXT"}, on standard output.
set -eu
for file in "$@"; do
  code=${file##*/}
  printf '{"%s",\n' "${code%.md}"
  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^/ "/' -e 's/$/\\n"/' "$file"
  printf '},\n'
done
