#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An engine that drips, floods, cuts and lies (tests/campaigns/replies.py), at `engine.endpoint` of a whole daemon: each
request ends, nothing that was cut or broken looks whole, router and local stay the size that they were, and the same
processes serve the next request. The budget counts replies."""
import campaign
import replies
import stage


def main():
    c = campaign.Campaign(__doc__, "60", None)
    server = replies.Server()
    d = stage.Daemon(c.program(), model=None)
    d.config["engine"] = {"endpoint": f"http://127.0.0.1:{server.port}", "first_token_timeout_ms": 1500,
                          "gap_timeout_ms": 1500}
    d.config["limits"] = {"total_timeout_ms": 6000}
    d.start()
    try:
        # One event may have 8 MiB, in a buffer that grows by doubling.
        replies.judge(c, d, server, "local", ["router", "local"], 20480)
    finally:
        d.close()
    c.end()


if __name__ == "__main__":
    main()
