#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks: what ewsfs takes, beside what it is compared with, measured in the same run.

    tests/bench/bench.py --build BUILDDIR [--json FILE] [--long] [--repeat N] [ROW...]

BUILDDIR should be of `meson setup --buildtype=release`. Without ROW all rows but the long ones are
run. The status tells whether all could be measured, not whether all was reached.
"""
import argparse
import json
import os
import signal
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {'EWSFS': 'fs/ewsfs', 'EWSFSCTL': 'fs/ewsfsctl', 'EWSD': 'tests/ewsd/ewsd'}


def row_name(row):
    return row.__name__[len('row_'):].replace('_', '-')


def arguments():
    parser = argparse.ArgumentParser(description='Benchmarks of ewsfs.')
    parser.add_argument('--build', required=True, help='the build directory')
    parser.add_argument('--json', metavar='FILE', help='write the figures there too')
    parser.add_argument('--long', action='store_true', help='the rows that take minutes too')
    parser.add_argument('--repeat', type=int, default=3, help='runs of each, the median counts')
    parser.add_argument('rows', nargs='*', metavar='ROW')
    return parser.parse_args()


def choose(words, is_long):
    # Only now: the programs are found by the environment.
    import rows_list  # pylint: disable=import-outside-toplevel
    import rows_memory  # pylint: disable=import-outside-toplevel
    import rows_read  # pylint: disable=import-outside-toplevel
    import rows_text  # pylint: disable=import-outside-toplevel
    import rows_write  # pylint: disable=import-outside-toplevel
    usual = rows_read.ROWS + rows_list.ROWS + rows_write.ROWS + rows_memory.ROWS + rows_text.ROWS
    known = {row_name(row): row for row in usual + rows_memory.LONG_ROWS}
    unknown = [word for word in words if word not in known]
    if unknown:
        sys.exit('no row %s; there are: %s' % (', '.join(unknown), ', '.join(known)))
    if words:
        return [known[word] for word in words]
    return usual + (rows_memory.LONG_ROWS if is_long else [])


def measure(bench, rows):
    results, failed = [], 0
    for row in rows:
        try:
            result = row(bench)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print('%-14s could not be measured' % row_name(row), flush=True)
            traceback.print_exc()
            continue
        results.append(result)
        print('\n'.join(result.lines()), flush=True)
    return results, failed


def main():
    args = arguments()
    build = os.path.realpath(args.build)
    for name, path in PROGRAMS.items():
        os.environ[name] = os.path.join(build, path)
    os.environ.pop('EWSFS_LIKE', None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    rows = choose(args.rows, args.long)
    from benching import Bench  # pylint: disable=import-outside-toplevel
    bench = Bench(build, args.repeat, args.long)
    print('%d processors, load %.1f %.1f %.1f' % ((os.cpu_count(),) + os.getloadavg()))
    try:
        results, failed = measure(bench, rows)
    finally:
        bench.end()
    if args.json:
        with open(args.json, 'w', encoding='utf-8') as file:
            json.dump([result.as_dict() for result in results], file, indent=1)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
