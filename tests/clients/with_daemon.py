# SPDX-License-Identifier: Apache-2.0
"""Starts a whole daemon and runs the client libraries against its socket.

with_daemon.py HITHERD RUN_SH [real]

Without `real` the fake engine answers; with it the engine and model named by HITHER_TEST_ENGINE and
HITHER_TEST_MODEL (skipped, exit 77, when they are not set).
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
import stage  # noqa: E402

program, script = (os.path.abspath(p) for p in sys.argv[1:3])
real = "real" in sys.argv[3:]
if real and not (os.environ.get("HITHER_TEST_ENGINE") and os.environ.get("HITHER_TEST_MODEL")):
    print("skipped: HITHER_TEST_ENGINE and HITHER_TEST_MODEL are not set")
    sys.exit(77)
daemon = stage.Daemon(program, model=None if real else "fake")
try:
    if real:
        stage.use_real_engine(daemon)
    daemon.policy({"hither_policy": 1, "id": "clients", "destinations": {"far": daemon.destination()},
                   "default": {"cloud": "ask"}})
    daemon.start()
    env = {**os.environ, "HITHER_SOCKET": daemon.path("run", "hither.sock")}
    code = subprocess.run([script], env=env, stdin=subprocess.DEVNULL, check=False).returncode
    if code not in (0, 77):
        print(daemon.said())
finally:
    daemon.close()
sys.exit(code)
