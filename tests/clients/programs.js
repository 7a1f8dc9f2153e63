// SPDX-License-Identifier: Apache-2.0
// Every client library as the same seven verbs, each the way its own documentation shows it.
//
//   chat(place, model, prompt) -> text             stream(…, signal, each) -> text
//   tool(place, model, prompt) -> {name, input}, {} without a call
//   schema(place, model, prompt) -> object        embed(place, texts) -> vectors
//   status(error) -> HTTP status of what it threw
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export const schema = { type: "object", properties: { city: { type: "string", enum: ["Paris", "Rome"] } },
	required: ["city"], additionalProperties: false };
const called = (f) => (f ? { name: f.name, input: JSON.parse(f.arguments) } : {});
const says = (prompt) => [{ role: "user", content: prompt }];
const most = 8;
const call = 40; // tokens for a call or an object

// --- openai, two majors: chat completions -------------------------------------------------

const openai = (OpenAI) => {
	const at = (p) => new OpenAI({ apiKey: p.key, baseURL: p.url + "/v1", fetch: p.fetch, maxRetries: 0 });

	return {
		async chat(p, model, prompt) {
			const r = await at(p).chat.completions.create({ model, messages: says(prompt), max_tokens: most });
			return r.choices[0].message.content;
		},
		async stream(p, model, prompt, signal, each) {
			const parts = await at(p).chat.completions.create(
				{ model, messages: says(prompt), stream: true, max_tokens: signal ? undefined : most }, { signal });
			for await (const part of parts)
				each(part.choices[0]?.delta.content ?? "");
			signal?.throwIfAborted();
		},
		async tool(p, model, prompt) {
			const r = await at(p).chat.completions.create({ model, messages: says(prompt), tool_choice: "required",
				max_tokens: call, tools: [{ type: "function", function: { name: "weather", parameters: schema } }] });
			return called(r.choices[0].message.tool_calls?.[0].function);
		},
		async schema(p, model, prompt) {
			const r = await at(p).chat.completions.create({ model, messages: says(prompt),
				response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema } } });
			return JSON.parse(r.choices[0].message.content);
		},
		async embed(p, texts) { // the library asks for base64 and decodes it
			const r = await at(p).embeddings.create({ model: "local", input: texts });
			return r.data.map((e) => e.embedding);
		},
		status: (e) => e.status,
	};
};

// --- @anthropic-ai/sdk --------------------------------------------------------------------

const anthropic = (Anthropic) => {
	const at = (p) => new Anthropic({ apiKey: p.key, baseURL: p.url, fetch: p.fetch, maxRetries: 0 });
	const text = (r) => r.content.filter((b) => b.type === "text").map((b) => b.text).join("");

	return {
		chat: async (p, model, prompt) =>
			text(await at(p).messages.create({ model, messages: says(prompt), max_tokens: most })),
		async stream(p, model, prompt, signal, each) {
			const stream = at(p).messages.stream(
				{ model, messages: says(prompt), max_tokens: signal ? 500 : most }, { signal });
			stream.on("text", each);
			await stream.finalMessage();
		},
		async tool(p, model, prompt) {
			const r = await at(p).messages.create({ model, messages: says(prompt), max_tokens: call,
				tool_choice: { type: "any" }, tools: [{ name: "weather", input_schema: schema }] });
			return r.content.find((b) => b.type === "tool_use") ?? {};
		},
		schema: async (p, model, prompt) =>
			JSON.parse(text(await at(p).messages.create({ model, messages: says(prompt), max_tokens: call,
				output_config: { format: { type: "json_schema", schema } } }))),
		status: (e) => e.status,
	};
};

// --- ollama -------------------------------------------------------------------------------

const ollama = (Ollama) => {
	const at = (p) => new Ollama({ host: p.keyless, fetch: p.fetch });

	return {
		chat: async (p, model, prompt) => (await at(p).chat(
			{ model, messages: says(prompt), options: { num_predict: most } })).message.content,
		async stream(p, model, prompt, signal, each) {
			const client = at(p);
			signal?.addEventListener("abort", () => client.abort());
			const parts = await client.chat({ model, messages: says(prompt), stream: true,
				options: signal ? {} : { num_predict: most } });
			for await (const part of parts)
				each(part.message.content);
			signal?.throwIfAborted();
		},
		async tool(p, model, prompt) { // it cannot insist on a call
			const r = await at(p).chat({ model, messages: says(prompt), options: { num_predict: call },
				tools: [{ type: "function", function: { name: "weather", parameters: schema } }] });
			const f = r.message.tool_calls?.[0].function;
			return { name: f?.name, input: f?.arguments };
		},
		schema: async (p, model, prompt) =>
			JSON.parse((await at(p).chat({ model, messages: says(prompt), format: schema })).message.content),
		embed: async (p, texts) => (await at(p).embed({ model: "local", input: texts })).embeddings,
		status: (e) => e.status_code,
	};
};

// --- ai, with each of its providers -------------------------------------------------------

const ai = ({ generateText, streamText, generateObject, embedMany, jsonSchema, tool }, provider, embedder) => ({
	chat: async (p, model, prompt) => (await generateText(
		{ model: provider(p)(model), prompt, maxOutputTokens: most, maxRetries: 0 })).text,
	async stream(p, model, prompt, signal, each) {
		let problem;
		const r = streamText({ model: provider(p)(model), prompt, abortSignal: signal, maxRetries: 0,
			maxOutputTokens: signal ? 500 : most, onError: ({ error }) => { problem = error; } });

		for await (const part of r.textStream)
			each(part);
		signal?.throwIfAborted();
		if (problem)
			throw problem;
	},
	async tool(p, model, prompt) {
		const r = await generateText({ model: provider(p)(model), prompt, toolChoice: "required", maxRetries: 0,
			maxOutputTokens: call, tools: { weather: tool({ inputSchema: jsonSchema(schema) }) } });
		return { name: r.toolCalls[0]?.toolName, input: r.toolCalls[0]?.input };
	},
	schema: async (p, model, prompt) => (await generateObject(
		{ model: provider(p)(model), prompt, schema: jsonSchema(schema), maxRetries: 0, maxOutputTokens: call })).object,
	embed: embedder && (async (p, texts) =>
		(await embedMany({ model: embedder(p), values: texts, maxRetries: 0 })).embeddings),
	status: (e) => e.statusCode,
});

const options = (p) => ({ baseURL: p.url + "/v1", apiKey: p.key, fetch: p.fetch });

// --- @langchain/openai --------------------------------------------------------------------

const langchain = ({ ChatOpenAI, OpenAIEmbeddings }) => {
	const fields = (p, model) => ({ model, apiKey: p.key, maxRetries: 0,
		configuration: { baseURL: p.url + "/v1", fetch: p.fetch } });
	const at = (p, model, more) => new ChatOpenAI({ ...fields(p, model), ...more });

	return {
		chat: async (p, model, prompt) => (await at(p, model, { maxTokens: most }).invoke(prompt)).text,
		async stream(p, model, prompt, signal, each) {
			for await (const part of await at(p, model, signal ? {} : { maxTokens: most }).stream(prompt, { signal }))
				each(part.text);
			signal?.throwIfAborted();
		},
		async tool(p, model, prompt) {
			const r = await at(p, model, { maxTokens: call }).bindTools([{ type: "function",
				function: { name: "weather", parameters: schema } }], { tool_choice: "required" }).invoke(prompt);
			return { name: r.tool_calls[0]?.name, input: r.tool_calls[0]?.args };
		},
		schema: (p, model, prompt) => at(p, model).withStructuredOutput(schema,
			{ name: "place", method: "jsonSchema", strict: true }).invoke(prompt),
		embed: (p, texts) => new OpenAIEmbeddings(fields(p, "local")).embedDocuments(texts),
		status: (e) => e.status ?? e.cause?.status,
	};
};

// --- curl ---------------------------------------------------------------------------------

const curl = () => {
	const words = (p, path, body) => ["-sS", "--no-buffer", "--fail-with-body", ...p.curl, p.url + path,
		"-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
	const post = async (p, path, body) => JSON.parse((await run("curl", words(p, path, body))).stdout);
	const ask = (model, prompt, more) => ({ model, messages: says(prompt), ...more });

	return {
		chat: async (p, model, prompt) => (await post(p, "/v1/chat/completions",
			ask(model, prompt, { max_tokens: most }))).choices[0].message.content,
		stream: (p, model, prompt, signal, each) => new Promise((done, failed) => {
			const child = spawn("curl", words(p, "/v1/chat/completions",
				ask(model, prompt, { stream: true, max_tokens: signal ? undefined : most })));
			let rest = "";

			signal?.addEventListener("abort", () => child.kill());
			child.stdout.on("data", (bytes) => {
				const lines = (rest + bytes).split("\n");
				rest = lines.pop();
				for (const line of lines.filter((l) => l.startsWith("data: {")))
					each(JSON.parse(line.slice(6)).choices?.[0]?.delta.content ?? "");
			});
			child.on("close", (code) => (code === 0 ? done() : failed(new Error(`curl: ${code}`))));
		}),
		async tool(p, model, prompt) {
			const r = await post(p, "/v1/chat/completions", ask(model, prompt, { tool_choice: "required",
				max_tokens: call, tools: [{ type: "function", function: { name: "weather", parameters: schema } }] }));
			return called(r.choices[0].message.tool_calls?.[0].function);
		},
		schema: async (p, model, prompt) => JSON.parse((await post(p, "/v1/chat/completions", ask(model, prompt,
			{ response_format: { type: "json_schema", json_schema: { name: "place", schema } } })))
			.choices[0].message.content),
		embed: async (p, texts) => (await post(p, "/v1/embeddings", { model: "local", input: texts }))
			.data.map((e) => e.embedding),
		status: (e) => (e.code === 22 ? { model_not_found: 404 }[JSON.parse(e.stdout).error.code] : undefined),
	};
};

/** name -> verbs; what needs a newer node is left out, with the reason in `missing`. */
export async function programs(missing) {
	const node = Number(process.versions.node.split(".")[0]);
	const list = {};
	const add = async (name, oldest, make) => {
		if (node < oldest)
			missing.push(`${name}: needs node ${oldest}`);
		else
			list[name] = await make();
	};
	const sdk = async () => await import("ai");

	await add("openai 6", 18, async () => openai((await import("openai-6")).default));
	await add("openai 7", 20, async () => openai((await import("openai")).default));
	await add("@anthropic-ai/sdk", 20, async () => anthropic((await import("@anthropic-ai/sdk")).default));
	await add("ollama", 20, async () => ollama((await import("ollama")).Ollama));
	await add("ai, openai", 20, async () => {
		const { createOpenAI } = await import("@ai-sdk/openai");
		return ai(await sdk(), (p) => createOpenAI(options(p)), (p) => createOpenAI(options(p)).embedding("local"));
	});
	await add("ai, openai.chat", 20, async () => {
		const { createOpenAI } = await import("@ai-sdk/openai");
		return ai(await sdk(), (p) => createOpenAI(options(p)).chat);
	});
	await add("ai, anthropic", 20, async () => {
		const { createAnthropic } = await import("@ai-sdk/anthropic");
		// It has objects made by a call of a tool that it names json.
		return { ...ai(await sdk(), (p) => createAnthropic(options(p))), scripted: "fake:engine_tool=json" };
	});
	await add("ai, openai-compatible", 20, async () => {
		const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
		const at = (p) => createOpenAICompatible({ name: "hither", supportsStructuredOutputs: true, ...options(p) });
		return ai(await sdk(), at, (p) => at(p).textEmbeddingModel("local"));
	});
	await add("@langchain/openai", 20, async () => langchain(await import("@langchain/openai")));
	try {
		await run("curl", ["--version"]);
		await add("curl", 18, async () => curl());
	} catch {
		missing.push("curl: is not installed");
	}
	return list;
}
