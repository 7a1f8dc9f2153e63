// SPDX-License-Identifier: Apache-2.0
// The openai client library, two majors, unmodified: models, chat, stream, tools, errors, abort.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { close, fetch, made, model, skip } from "./socket.js";

const messages = [{ role: "user", content: "Name one colour. Answer with one word." }];

after(close);

const node = Number(process.versions.node.split(".")[0]);
const libraries = [["openai 6", "openai-6", 18], ["openai 7", "openai", 20]];

// All are loaded first: a suite that is there begins to run while another is awaited, and when it
// is over the file counts as done.
const loaded = [];
for (const [name, specifier, oldest] of libraries) {
	const why = node < oldest ? `${name} needs node ${oldest}` : skip;
	loaded.push([name, why, why ? null : (await import(specifier)).default]);
}

for (const [name, why, OpenAI] of loaded) {
	const client = () => new OpenAI({ apiKey: "not-used", baseURL: "http://localhost/v1", fetch });

	describe(name, { skip: why }, () => {
		test("models are listed", async () => {
			const ids = [];
			for await (const m of client().models.list()) {
				assert.equal(m.object, "model");
				ids.push(m.id);
			}
			assert.ok(ids.includes(model), ids.join(" "));
		});

		test("one model", async () => {
			assert.equal((await client().models.retrieve(model)).id, model);
		});

		test("chat", async () => {
			const reply = await client().chat.completions.create({ model, messages, max_tokens: 16 });

			assert.equal(reply.object, "chat.completion");
			assert.equal(reply.choices.length, 1);
			assert.equal(reply.choices[0].message.role, "assistant");
			assert.ok(reply.choices[0].message.content.length > 0);
			assert.ok(["stop", "length"].includes(reply.choices[0].finish_reason));
			assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
		});

		test("the reply says where it ran", async () => {
			const { response } = await client().chat.completions
				.create({ model, messages, max_tokens: 4 }).withResponse();

			for (const field of ["x-hither-decision", "x-hither-tier", "x-hither-destination", "x-request-id"])
				assert.ok(response.headers.get(field), field);
		});

		test("stream", async () => {
			const stream = await client().chat.completions.create({
				model, messages, max_tokens: 16, stream: true, stream_options: { include_usage: true } });
			let text = "";
			const finishes = [];
			const usages = [];
			const ids = new Set();
			for await (const chunk of stream) {
				assert.equal(chunk.object, "chat.completion.chunk");
				ids.add(chunk.id);
				for (const choice of chunk.choices) {
					text += choice.delta.content ?? "";
					if (choice.finish_reason !== null)
						finishes.push(choice.finish_reason);
				}
				if (chunk.usage) {
					assert.deepEqual(chunk.choices, []);
					usages.push(chunk.usage);
				}
			}
			assert.ok(text.length > 0);
			assert.equal(finishes.length, 1);
			assert.equal(usages.length, 1);
			assert.equal(ids.size, 1);
		});

		test("no usage unless it is asked for", async () => {
			const stream = await client().chat.completions.create({ model, messages, max_tokens: 4, stream: true });

			for await (const chunk of stream)
				assert.ok(!("usage" in chunk));
		});

		test("the stream helper", async () => {
			const final = await client().chat.completions.stream({ model, messages, max_tokens: 8 })
				.finalChatCompletion();

			assert.ok(final.choices[0].message.content.length > 0);
		});

		test("an unknown model is 404 and asked for once", async () => {
			const before = made.requests;

			await assert.rejects(
				client().chat.completions.create({ model: "no/such/model", messages }),
				(e) => e.status === 404 && e.code === "model_not_found" && e.message.length > 10);
			assert.equal(made.requests, before + 1);
		});

		test("a bad parameter is 400 and named", async () => {
			await assert.rejects(
				client().chat.completions.create({ model, messages, temperature: 7 }),
				(e) => e.status === 400 && e.param === "temperature" && e.type === "invalid_request_error");
			await assert.rejects(
				client().chat.completions.create({ model, messages, n: 9 }),
				(e) => e.status === 400 && e.param === "n");
		});

		test("a body that says where to go is refused", async () => {
			await assert.rejects(
				client().chat.completions.create({ model, messages, api_base: "http://127.0.0.1:1" }),
				(e) => e.status === 400 && e.param === "api_base");
		});

		test("abort, then another request", async () => {
			const stop = new AbortController();
			const stream = await client().chat.completions.create(
				{ model, messages: [{ role: "user", content: "Count from 1 to 1000." }], stream: true },
				{ signal: stop.signal });
			let chunks = 0;

			for await (const _ of stream) {
				if (++chunks === 2)
					stop.abort();
			}
			assert.ok(chunks >= 2);
			const reply = await client().chat.completions.create({ model, messages, max_tokens: 4 });
			assert.ok(reply.choices[0].message.content.length > 0);
		});
	});
}
