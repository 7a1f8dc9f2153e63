// SPDX-License-Identifier: Apache-2.0
// Every client does everything: each verb of programs.js over each way in places.js, answered on the
// device and by the scripted provider. Prints what was done as a table.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { places } from "./places.js";
import { programs } from "./programs.js";
import { close, model, skip } from "./socket.js";

const cloud = process.env.HITHER_CLOUD_MODEL; // a destination that may be used without asking
const real = process.env.HITHER_REAL === "1";
const missing = [];
const list = skip ? {} : await programs(missing);
const done = {};

after(async () => {
	await close();
	const columns = [...new Set(Object.values(done).flatMap((row) => Object.keys(row)))];
	const total = Object.values(done).flatMap((row) => Object.values(row)).flat();
	const refused = total.filter((r) => r === "refused").length;
	const lines = Object.entries(done).map(([name, row]) => name.padEnd(24) + columns.map((c) =>
		(row[c] ? `${row[c].filter(Boolean).length}/${row[c].length}` : "-").padStart(c.length + 2)).join(""));

	console.log(["client".padEnd(24) + columns.map((c) => "  " + c).join(""), ...lines, ...missing,
		`${total.filter(Boolean).length} of ${total.length}` +
		(refused ? `, ${refused} of them refused by name because this model cannot` : "") + `: ways ${places.map((p) => p.name).join(", ")}; ` +
		`device ${real ? "real engine" : "fake engine"}${cloud ? ", scripted provider" : ""}`].join("\n"));
});

/** One cell: counted as done when `what` did not throw; it may say "refused". */
function cell(program, column, name, what) {
	test(`${column}: ${name}`, async () => {
		const results = (done[program][column] ??= []);
		const at = results.push(false) - 1;

		results[at] = await what() ?? true;
	});
}

const city = (o) => assert.ok(["Paris", "Rome"].includes(o.city), JSON.stringify(o));

for (const [program, verbs] of Object.entries(list)) {
	done[program] = {};
	describe(program, { skip }, () => {
		for (const place of places) {
			for (const [tier, at] of [["device", model], ...(cloud ? [["cloud", cloud]] : [])]) {
				const name = `${place.name}, ${tier}`;

				cell(program, "chat", name, async () =>
					assert.match(await verbs.chat(place, at, "What is the capital of France?"), /\w/));
				cell(program, "stream", name, async () => {
					const pieces = [];
					await verbs.stream(place, at, "What is the capital of France?", undefined, (t) => pieces.push(t));
					assert.match(pieces.join(""), /\w/);
					assert.ok(pieces.filter(Boolean).length > 1, "in pieces");
				});
				cell(program, "tools", name, async () => {
					// A small model's template may know no calls: words, or an error that names the choice.
					const call = await verbs.tool(place, at, "What is the weather in Paris? fake:tool=weather")
						.catch((e) => assert.match(`${e.message} ${e.stdout}`, /tool.choice|call a tool/) ?? {});
					if (real && tier === "device" && call.name === undefined)
						return "refused";
					assert.equal(call.name, "weather");
					city(call.input);
				});
				cell(program, "schema", name, async () => {
					try {
						city(await verbs.schema(place, at, `fake:echo ${verbs.scripted ?? ""} {"city":"Paris"}`));
					} catch (e) {
						assert.ok(real && tier === "device" && /did not call a tool|No object generated/.test(
							`${e.message} ${e.stdout}`), e);
						return "refused";
					}
				});
				cell(program, "abort", name, async () => {
					const stop = new AbortController();
					let pieces = 0;

					await assert.rejects(verbs.stream(place, at, "Count to 1000. fake:tokens=1000 fake:delay_ms=5",
						stop.signal, () => ++pieces === 3 && stop.abort()));
					assert.ok(pieces >= 3 && pieces < 900, String(pieces));
					assert.match(await verbs.chat(place, at, "What is the capital of France?"), /\w/);
				});
			}
			if (verbs.embed)
				cell(program, "embeddings", place.name, async () => {
					const vectors = await verbs.embed(place, ["A cat sleeps.", "Interest rates rose."]);
					assert.equal(vectors.length, 2);
					assert.ok(vectors[0].length >= 8 && vectors[0].length === vectors[1].length);
					for (const v of vectors)
						assert.ok(v.every(Number.isFinite));
				});
			cell(program, "error", place.name, async () =>
				assert.rejects(verbs.chat(place, "no/such/model", "x"),
					(e) => assert.equal(verbs.status(e), 404) === undefined));
		}
	});
}
