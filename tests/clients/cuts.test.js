// SPDX-License-Identifier: Apache-2.0
// An answer that breaks off is an error in every client: engine and provider cut it, die, send an error in it or end
// it as if it were whole, at one point after the other, in streams and in whole replies; each library must throw.
//
//   HITHER_TEST_CUTS   how many points each client gets (26 unless set: each kind at both places)
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { places } from "./places.js";
import { programs } from "./programs.js";
import { close, model, skip } from "./socket.js";

const cloud = process.env.HITHER_CLOUD_MODEL; // a destination that may be used without asking
const real = process.env.HITHER_REAL === "1";
const why = skip || (real ? "the real engine cannot be told to break off" : cloud ? false : "no scripted provider");
const wanted = Number(process.env.HITHER_TEST_CUTS ?? 26);
const tokens = 60;
const whole = Array.from({ length: tokens }, (_, i) => `t${i} `).join("");
const missing = [];
const list = why ? {} : { ...await programs(missing), ...await furtherPaths() };
const counts = {};

/** Ways through the same libraries that programs.js does not take: events as they come, and helpers. */
async function furtherPaths() {
	if (Number(process.versions.node.split(".")[0]) < 20)
		return {};
	const { default: OpenAI } = await import("openai");
	const { default: Anthropic } = await import("@anthropic-ai/sdk");
	const openai = (p) => new OpenAI({ apiKey: p.key, baseURL: p.url + "/v1", fetch: p.fetch, maxRetries: 0 });
	const anthropic = (p) => new Anthropic({ apiKey: p.key, baseURL: p.url, fetch: p.fetch, maxRetries: 0 });
	const status = (e) => e.status;
	const said = (prompt) => [{ role: "user", content: prompt }];
	const respond = async (p, model, prompt) =>
		(await openai(p).responses.create({ model, input: prompt, max_output_tokens: 8 })).output_text;
	const pick = (event, each) => each(event.type === "response.output_text.delta" ? event.delta : "");

	return {
		"openai 7, responses": { status, chat: respond, async stream(p, model, prompt, signal, each) {
			for await (const event of await openai(p).responses.create({ model, input: prompt, stream: true }, { signal }))
				pick(event, each);
		} },
		"openai 7, its response": { status, chat: respond, async stream(p, model, prompt, signal, each) {
			const stream = openai(p).responses.stream({ model, input: prompt }, { signal });
			stream.on("event", (event) => pick(event, each));
			await stream.finalResponse();
		} },
		"openai 7, its chat": { status, async chat(p, model, prompt) {
			const r = await openai(p).chat.completions.create({ model, messages: said(prompt), max_tokens: 8 });
			return r.choices[0].message.content;
		}, async stream(p, model, prompt, signal, each) {
			const stream = openai(p).chat.completions.stream({ model, messages: said(prompt) }, { signal });
			stream.on("content", each);
			await stream.finalChatCompletion();
		} },
		"anthropic, its events": { status, async chat(p, model, prompt) {
			const r = await anthropic(p).messages.create({ model, messages: said(prompt), max_tokens: 8 });
			return r.content[0].text;
		}, async stream(p, model, prompt, signal, each) {
			for await (const event of await anthropic(p).messages.create(
				{ model, messages: said(prompt), max_tokens: 500, stream: true }, { signal }))
				each(event.delta?.text ?? "");
		} },
	};
}

// What goes wrong (tests/fake/README.md). `points`: for how many numbers it can be said; without: once.
// A whole reply of the device is asked for with eight tokens (programs.js).
const kinds = [
	{ verb: "stream", at: model, word: "engine_cut_after", points: tokens },
	{ verb: "stream", at: model, word: "engine_error_after", points: tokens },
	{ verb: "stream", at: model, word: "engine_die_after", points: tokens, every: 8 }, // then it starts afresh
	{ verb: "stream", at: model, word: "engine_cut" },
	{ verb: "stream", at: cloud, word: "cloud_cut_after", points: tokens },
	{ verb: "stream", at: cloud, word: "cloud_error_after", points: tokens },
	{ verb: "stream", at: cloud, word: "cloud_no_done" },
	{ verb: "stream", at: cloud, word: "cloud_no_finish" },
	{ verb: "stream", at: cloud, word: "cloud_drop" },
	{ verb: "chat", at: model, word: "engine_cut_after", points: 8 },
	{ verb: "chat", at: model, word: "engine_die_after", points: 8, every: 8 },
	{ verb: "chat", at: cloud, word: "cloud_cut" },
	{ verb: "chat", at: cloud, word: "cloud_drop" },
];

/** The first `n` of the points, each kind in turn, each number of a kind once for each place. */
function sample(n) {
	const found = [];

	for (let round = 0; found.length < n && round < 2 * tokens * 8; round++) {
		for (const kind of kinds) {
			const turn = Math.floor(round / (kind.every ?? 1));
			const turns = (kind.points ?? 1) * places.length;

			if (round % (kind.every ?? 1) !== 0 || turn >= turns || found.length === n)
				continue;
			const number = (Math.floor(turn / places.length) * 37) % (kind.points ?? 1); // 37: prime to both
			found.push({ ...kind, place: places[turn % places.length],
				word: `fake:${kind.word}` + (kind.points ? `=${number}` : "") });
		}
	}
	return found;
}

after(async () => {
	await close();
	const rows = Object.entries(counts);
	const sum = (key) => rows.reduce((n, [, c]) => n + c[key], 0);

	if (rows.length > 0)
		console.log([...rows.map(([name, c]) => `${name.padEnd(24)} ${c.raised}/${c.cut} raised`), ...missing,
			`${sum("raised")} of ${sum("cut")} cut answers raised, in ` +
			`${rows.filter(([, c]) => c.raised === c.cut).length} of ${rows.length} clients`].join("\n"));
});

for (const [program, verbs] of Object.entries(list)) {
	const count = counts[program] = { cut: 0, raised: 0 };
	const ask = async ({ verb, place, at, word }, each) => {
		const prompt = `Count. ${word} fake:tokens=${tokens}`;

		if (verb === "stream")
			await verbs.stream(place, at, prompt, new AbortController().signal, each);
		else
			each(await verbs.chat(place, at, prompt));
	};

	describe(`cut: ${program}`, { skip: why }, () => {
		const begins = (text) => assert.ok(whole.startsWith(text), text);
		const uncut = async () => {
			for (const at of [model, cloud]) {
				for (const verb of ["stream", "chat"]) {
					let text = "";
					await ask({ verb, place: places[0], at, word: "" }, (t) => { text += t; });
					begins(text);
					assert.ok(text.split(" ").length > 8, `${verb}: ${text}`); // chat: a limit of eight
				}
			}
		};

		test("uncut: whole", uncut);
		for (const point of sample(wanted))
			test(`${point.verb}, ${point.place.name}, ${point.word}`, async () => {
				let text = "";

				count.cut++;
				await assert.rejects(ask(point, (t) => { text += t; }), (e) => {
					const status = verbs.status(e); // of what failed before it began, or 200

					assert.ok(!(status >= 400 && status < 424), `refused, not cut: ${status} ${e}`);
					begins(text);
					return true;
				});
				count.raised++;
			});
		test("uncut again: whole", uncut);
	});
}
