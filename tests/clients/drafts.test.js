// SPDX-License-Identifier: Apache-2.0
// Unmodified libraries while somebody is asked: the draft of the device is thoughts or a part of its own,
// the answer is whole, and there is one end. The person of with_daemon.py answers as the prompt says.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { close, fetch, skip } from "./socket.js";

const node = Number(process.versions.node.split(".")[0]);
const why = node < 20 ? "these libraries need node 20" : skip || (process.env.HITHER_PERSON ? false : "nobody answers questions");
const load = async (name) => (why ? {} : await import(name));
const { default: OpenAI } = await load("openai");
const { default: Anthropic } = await load("@anthropic-ai/sdk");
const { Ollama } = await load("ollama");

const mark = "Draft from this device. A better answer follows if far may be used.\n\n";
const better = "Better answer from far";
let asked = 0;
const prompt = (answer) => `Prove rigorously, by contradiction, that there are infinitely many primes of the form ` +
	`4k+3, and derive the lemma you need. (${++asked}, please ${answer})`;
const messages = (answer) => [{ role: "user", content: prompt(answer) }];
const headers = (form) => ({ "Hither-Draft": form });
const answers = ["approve", "dismiss"];

after(close);

function right(form, answer, thoughts, text) {
	const drafted = (form === "thinking" ? thoughts : text).startsWith(mark); // or the person was faster

	if (form === "thinking") {
		assert.ok(drafted || thoughts === "", thoughts);
		assert.ok(!text.includes(mark) && !text.includes(better), text);
	} else {
		assert.equal(text.includes(better), drafted && answer === "approve");
		assert.equal(thoughts, "");
	}
	assert.ok(text.length > 0);
}

for (const form of ["thinking", "text"]) {
	describe(`a draft as ${form}`, { skip: why }, () => {
		for (const answer of answers) {
			test(`openai chat, ${answer}`, async () => {
				const client = new OpenAI({ apiKey: "not-used", baseURL: "http://localhost/v1", fetch });
				const stream = client.chat.completions.stream(
					{ model: "auto", messages: messages(answer) }, { headers: headers(form) });
				let thoughts = "";

				for await (const chunk of stream)
					thoughts += chunk.choices[0]?.delta.reasoning_content ?? "";
				const c = await stream.finalChatCompletion();
				assert.equal(c.choices[0].finish_reason, "stop");
				right(form, answer, thoughts, c.choices[0].message.content);
			});

			test(`openai responses, ${answer}`, async () => {
				const client = new OpenAI({ apiKey: "not-used", baseURL: "http://localhost/v1", fetch });
				const stream = client.responses.stream({ model: "auto", input: prompt(answer) },
					{ headers: headers(form) });
				const r = await stream.finalResponse();
				const parts = (type) => r.output.filter((o) => o.type === type).map((o) => o.content[0].text);

				assert.equal(r.status, "completed");
				right(form, answer, parts("reasoning").join(""), r.output_text);
				assert.equal(parts("message").length, r.output_text.includes(better) ? 2 : 1);
			});

			test(`anthropic, ${answer}`, async () => {
				const client = new Anthropic({ apiKey: "not-used", baseURL: "http://localhost", fetch });
				const m = await client.messages.stream({ model: "auto", max_tokens: 64, messages: messages(answer) },
					{ headers: headers(form) }).finalMessage();
				const all = (type, key) => m.content.filter((b) => b.type === type).map((b) => b[key]).join("");

				assert.equal(m.stop_reason, "end_turn");
				right(form, answer, all("thinking", "thinking"), all("text", "text"));
			});

			test(`ollama, ${answer}`, async () => {
				const client = new Ollama({ host: "http://localhost", fetch, headers: headers(form) });
				let thoughts = "";
				let text = "";
				let ends = 0;

				for await (const part of await client.chat({ model: "auto", messages: messages(answer), stream: true })) {
					thoughts += part.message.thinking ?? "";
					text += part.message.content;
					ends += part.done;
				}
				assert.equal(ends, 1);
				right(form, answer, thoughts, text);
			});
		}
	});
}
