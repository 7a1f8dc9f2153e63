# SPDX-License-Identifier: Apache-2.0
"""Starts a whole daemon and runs the client libraries against its socket.

with_daemon.py HITHERD RUN_SH [real]

Without `real` the fake engine answers; with it the engine and model named by HITHER_TEST_ENGINE and
HITHER_TEST_MODEL (skipped, exit 77, when they are not set).
"""
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
import stage  # noqa: E402



def person(d, gone):
    """Answers what says in its text how it wants to be answered, and leaves the rest alone."""
    while not gone.wait(0.02):
        for found in d.questions():
            question = d.get("/hither/v1/consents/" + found["id"], sock="consent.sock").json
            for decision in ("approve", "dismiss"):
                if "please " + decision in str(question):
                    d.answer(question, decision)


program, script = (os.path.abspath(p) for p in sys.argv[1:3])
real = "real" in sys.argv[3:]
if real and not (os.environ.get("HITHER_TEST_ENGINE") and os.environ.get("HITHER_TEST_MODEL")):
    print("skipped: HITHER_TEST_ENGINE and HITHER_TEST_MODEL are not set")
    sys.exit(77)
if real:
    stage.PATIENCE_S = 240  # a cold model on a busy machine
daemon = stage.Daemon(program, model=None if real else "fake")
try:
    if real:
        stage.use_real_engine(daemon)
    daemon.config["listen"] = {"tcp": "127.0.0.1:0"}
    daemon.policy({"hither_policy": 1, "id": "clients",
                   "destinations": {"far": daemon.destination(), "free": daemon.destination()},
                   "rules": [{"id": "free", "effect": "allow", "when": {"destination": ["free"]}}],
                   "default": {"cloud": "ask"}})
    daemon.start()
    with open(daemon.path("state", "tcp.token"), encoding="ascii") as f:
        token = f.read().strip()
    address = re.search(r"boot\.tcp.*?address=(\S+)", daemon.said()).group(1)
    gone = threading.Event()
    somebody = threading.Thread(target=person, args=(daemon, gone), daemon=True)
    somebody.start()
    env = {**os.environ, "HITHER_SOCKET": daemon.path("run", "hither.sock"),
           "HITHER_TCP": "http://" + address, "HITHER_TOKEN": token, "HITHER_CLOUD_MODEL": "free",
           **({"HITHER_REAL": "1"} if real else {"HITHER_PERSON": "1"})}
    code = subprocess.run([script], env=env, stdin=subprocess.DEVNULL, check=False).returncode
    gone.set()
    somebody.join()
    if code not in (0, 77):
        print(daemon.said())
finally:
    daemon.close()
sys.exit(code)
