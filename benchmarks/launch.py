"""Start a command, wait for it, and write down what it took. Small on purpose; see benchmarks/processes.py.

Linux counts what a process held before it became another program as that program's peak memory, and a process that is
started from a large one begins as large: so nothing is imported here but what Python has loaded anyway.

    python -I -S launch.py RESULT COMMAND...
"""

import os
import sys
import time

result, *command = sys.argv[1:]
began = time.monotonic()
child = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - began
with open(result, "w") as file:  # noqa: PTH123 - pathlib would have to be imported
    code = os.waitstatus_to_exitcode(status)
    print(code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, began, file=file)
