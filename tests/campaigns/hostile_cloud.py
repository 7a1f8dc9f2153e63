#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Providers that drip, flood, cut and lie (tests/campaigns/replies.py), against a whole daemon with small caps: each
request ends, nothing that was cut or broken looks whole, cloud and router stay the size that they were, and the same
processes serve the next request. The budget counts replies."""
import campaign
import replies
import stage


def main():
    c = campaign.Campaign(__doc__, "60", None)
    server = replies.Server()
    d = stage.Daemon(c.program())
    d.config["cloud"].update(first_byte_timeout_ms=1000, gap_timeout_ms=1000, total_timeout_ms=4000, event_bytes=65536,
                             total_bytes=1 << 20, header_bytes=8192)
    d.policy({"hither_policy": 1, "id": "mine", "default": {"cloud": "allow"}, "rules": [], "destinations": {
        f"far{i}": d.destination(base_url=f"http://127.0.0.1:{server.port}/v1") for i in range(1)}})
    d.start()
    try:
        replies.judge(c, d, server, "far0", ["cloud", "router"], 8192)
    finally:
        d.close()
    c.end()


if __name__ == "__main__":
    main()
