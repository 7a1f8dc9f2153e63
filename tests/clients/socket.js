// SPDX-License-Identifier: Apache-2.0
// The daemon's socket as a `fetch`, and what the tests ask of it.
//
//   HITHER_SOCKET   Unix socket of the API (needed)
//   HITHER_MODEL    model name; "local" unless set
import { Agent, fetch as undiciFetch } from "undici";

export const socketPath = process.env.HITHER_SOCKET;
export const model = process.env.HITHER_MODEL ?? "local";
export const skip = socketPath ? false : "HITHER_SOCKET is not set";

const agent = new Agent({ connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 });

/** Requests this process has made; a refusal must cost exactly one. */
export const made = { requests: 0 };

export function fetch(url, options) {
	made.requests++;
	return undiciFetch(url, { ...options, dispatcher: agent });
}

export function close() {
	return agent.destroy();
}
