// SPDX-License-Identifier: Apache-2.0
// The ways to the daemon: its Unix socket, and the loopback port with its token.
//
//   HITHER_SOCKET   Unix socket of the API
//   HITHER_TCP      http://127.0.0.1:PORT
//   HITHER_TOKEN    what the port asks for
//
// Each has the base URL, the key and the `fetch` that client libraries are given, the URL for
// clients that can send no key, and what curl is told.
import { fetch as overTcp } from "undici";
import { fetch as overSocket, socketPath } from "./socket.js";

export const places = [];

if (socketPath)
	places.push({ name: "socket", url: "http://localhost", keyless: "http://localhost", key: "not-used",
		fetch: overSocket, curl: ["--unix-socket", socketPath] });
if (process.env.HITHER_TCP)
	places.push({ name: "tcp", url: process.env.HITHER_TCP, key: process.env.HITHER_TOKEN, fetch: overTcp,
		keyless: `${process.env.HITHER_TCP}/t/${process.env.HITHER_TOKEN}`,
		curl: ["-H", `Authorization: Bearer ${process.env.HITHER_TOKEN}`] });
