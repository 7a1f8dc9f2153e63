// SPDX-License-Identifier: Apache-2.0
// Unmodified libraries of the other dialects: OpenAI Responses and completions, Anthropic Messages,
// Ollama, and the AI SDK over three of them. What a model answers does not matter here.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { close, fetch, made, model, skip } from "./socket.js";

const prompt = "Name one colour. Answer with one word.";
const messages = [{ role: "user", content: prompt }];
const node = Number(process.versions.node.split(".")[0]);
const why = node < 20 ? "these libraries need node 20" : skip;
const load = async (name) => (why ? {} : await import(name));

const { default: OpenAI } = await load("openai");
const { default: Anthropic } = await load("@anthropic-ai/sdk");
const { Ollama } = await load("ollama");
const { generateText, streamText } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { createAnthropic } = await load("@ai-sdk/anthropic");

after(close);

async function once(promise, right) {
	const before = made.requests;

	await assert.rejects(promise(), right);
	assert.equal(made.requests, before + 1);
}

describe("openai: responses and completions", { skip: why }, () => {
	const client = () => new OpenAI({ apiKey: "not-used", baseURL: "http://localhost/v1", fetch });

	test("a response", async () => {
		const r = await client().responses.create({ model, input: prompt, max_output_tokens: 16 });

		assert.ok(r.output_text.length > 0);
		assert.ok(["completed", "incomplete"].includes(r.status));
		assert.equal(r.store, false);
		assert.equal(r.usage.total_tokens, r.usage.input_tokens + r.usage.output_tokens);
	});

	test("a stream adds up to its closing response", async () => {
		const stream = client().responses.stream({ model, input: prompt, max_output_tokens: 16 });
		let text = "";
		let next = 0;

		for await (const event of stream) {
			assert.equal(event.sequence_number, next++);
			if (event.type === "response.output_text.delta")
				text += event.delta;
		}
		assert.equal((await stream.finalResponse()).output_text, text);
	});

	test("nothing is kept, and that is said", async () => {
		await once(() => client().responses.create({ model, input: "a", previous_response_id: "resp_1" }),
			(e) => e.status === 400 && e.param === "previous_response_id");
	});

	test("a completion", async () => {
		const r = await client().completions.create({ model, prompt, max_tokens: 16 });

		assert.equal(r.object, "text_completion");
		assert.ok(r.choices[0].text.length > 0);
	});
});

describe("@anthropic-ai/sdk", { skip: why }, () => {
	const client = () => new Anthropic({ apiKey: "not-used", baseURL: "http://localhost", fetch });

	test("a message", async () => {
		const r = await client().messages.create({ model, messages, max_tokens: 16 });

		assert.equal(r.content.at(-1).type, "text");
		assert.ok(["end_turn", "max_tokens"].includes(r.stop_reason));
		assert.ok(r.usage.input_tokens > 0 && r.usage.output_tokens > 0);
	});

	test("a stream adds up to its final message", async () => {
		const stream = client().messages.stream({ model, messages, max_tokens: 16 });
		let text = "";

		stream.on("text", (t) => { text += t; });
		assert.equal((await stream.finalMessage()).content.at(-1).text, text);
	});

	test("tokens are counted, models listed", async () => {
		const ids = [];

		assert.ok((await client().messages.countTokens({ model, messages })).input_tokens > 0);
		for await (const m of client().models.list())
			ids.push(m.id);
		assert.ok(ids.includes(model), ids.join(" "));
	});

	test("errors are its own and asked for once", async () => {
		await once(() => client().messages.create({ model: "no/such/model", messages, max_tokens: 1 }),
			(e) => e instanceof Anthropic.NotFoundError && e.error.error.type === "not_found_error");
		await once(() => client().messages.create({ model, messages, max_tokens: 1, mcp_servers: [{}] }),
			(e) => e instanceof Anthropic.BadRequestError && e.message.includes("mcp_servers"));
		await once(() => client().messages.create({ model: "far", messages, max_tokens: 1 },
			{ headers: { "Hither-Consent": "return" } }), Anthropic.PermissionDeniedError);
	});

	test("abort, then another message", async () => {
		const stream = client().messages.stream({ model, max_tokens: 500,
			messages: [{ role: "user", content: "Count from 1 to 1000." }] });

		stream.on("text", () => stream.abort());
		await assert.rejects(stream.finalMessage());
		assert.ok((await client().messages.create({ model, messages, max_tokens: 4 })).content.length > 0);
	});
});

describe("ollama", { skip: why }, () => {
	const client = () => new Ollama({ host: "http://localhost", fetch });

	test("chat and generate", async () => {
		const chat = await client().chat({ model, messages, options: { num_predict: 16 } });
		const text = await client().generate({ model: model + ":latest", prompt, options: { num_predict: 16 } });

		assert.ok(chat.done && chat.message.content.length > 0);
		assert.ok(text.done && text.response.length > 0);
	});

	test("a stream ends with its last line", async () => {
		let last;

		for await (const part of await client().chat({ model, messages, stream: true, options: { num_predict: 16 } })) {
			assert.ok(!last?.done);
			last = part;
		}
		assert.ok(last.done && last.eval_count > 0);
	});

	test("models", async () => {
		assert.ok((await client().list()).models.some((m) => m.name === model + ":latest"));
		assert.ok((await client().show({ model })).capabilities.includes("completion"));
		assert.ok(Array.isArray((await client().ps()).models));
	});

	test("errors are its own", async () => {
		await once(() => client().chat({ model: "no/such/model", messages }), (e) => e.status_code === 404);
		await once(() => client().pull({ model: "x" }), (e) => e.status_code === 403);
		await once(() => client().generate({ model, prompt, raw: true }), (e) => e.status_code === 400);
	});
});

describe("ai", { skip: why }, () => {
	const options = { baseURL: "http://localhost/v1", apiKey: "not-used", fetch };
	const models = why ? {} : {
		responses: createOpenAI(options)(model),
		chat: createOpenAI(options).chat(model),
		messages: createAnthropic(options)(model),
	};

	for (const dialect of ["responses", "chat", "messages"]) {
		test(dialect, async () => {
			const whole = await generateText({ model: models[dialect], prompt, maxOutputTokens: 16 });
			const stream = streamText({ model: models[dialect], prompt, maxOutputTokens: 16 });
			let text = "";

			for await (const piece of stream.textStream)
				text += piece;
			assert.ok(whole.text.length > 0 && text.length > 0);
			for (const reason of [whole.finishReason, await stream.finishReason])
				assert.ok(["stop", "length"].includes(reason), reason);
			assert.ok((await stream.usage).outputTokens > 0);
		});
	}
});
