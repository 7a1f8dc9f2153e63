/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of commands. Parsing, --help, completion and the man page follow from it. */
#include "cli/ask.h"
#include "cli/batch.h"
#include "cli/calibrate.h"
#include "cli/cli.h"

static const struct cli_option ask_options[] = {
	{ 'm', "model", "NAME",
	  "auto (default), local, local/NAME, cloud, DESTINATION[/MODEL]" },
	{ 'f', "file", "FILE", "add a file to the prompt; may be repeated" },
	{ 's', "system", "TEXT", "a system message" },
	{ 0, "local", NULL, "answer on this device only" },
	{ 0, "max-tier", "device|trusted|cloud", "how far the prompt may go at most" },
	{ 0, "max-tokens", "N", "longest answer, in tokens" },
	{ 0, "app", "ID", "ask in the name of this application (claimed)" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option chat_options[] = {
	{ 'c', "continue", NULL, "go on with the saved conversation, and keep saving it" },
	{ 0, "save", NULL, "keep this conversation in a file that only you can read" },
	{ 'm', "model", "NAME",
	  "auto (default), local, local/NAME, cloud, DESTINATION[/MODEL]" },
	{ 's', "system", "TEXT", "a system message" },
	{ 0, "local", NULL, "answer on this device only" },
	{ 0, "max-tier", "device|trusted|cloud", "how far what is said may go at most" },
	{ 0, "max-tokens", "N", "longest answer, in tokens" },
	{ 0, "app", "ID", "talk in the name of this application (claimed)" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option setup_options[] = {
	{ 'y', "yes", NULL, "ask nothing, take what is proposed" },
	{ 0, "engine", "NAME|URL",
	  "llama-server (hither's own), ollama, lm-studio, vllm … or http://127.0.0.1:PORT" },
	{ 0, "no-cloud", NULL, "do not offer a cloud" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option run_options[] = {
	{ 0, "app", "ID",
	  "the program's name in questions and records (default: its file name)" },
	{ 0, "max-tier", "device|trusted|cloud", "how far its prompts may go at most" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option batch_options[] = {
	{ 0, "jsonl", NULL, "JSON lines on standard input and output, 49 MiB each at most" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option score_options[] = {
	{ 0, "jsonl", NULL, "JSON lines on standard input and output, 49 MiB each at most" },
	{ 0, "weights", "FILE",
	  "weights of the classifier (default: those that come with hither)" },
	{ 0, "explain", NULL,
	  "say more: output_tokens, fresh, language and the reasons in words" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option calibrate_options[] = {
	{ 0, "keep-quality", "SHARE",
	  "of what stays here at least this share is right (default 0.8)" },
	{ 0, "keep-local", "SHARE", "keep about this share of the questions here instead" },
	{ 0, "dry-run", NULL, "measure, but do not keep the threshold" },
	{ 0, "reset", NULL, "forget the threshold of the model in use" },
	{ 0, NULL, NULL, NULL },
};

static const struct cli_option doctor_options[] = {
	{ 0, "offline", NULL, "check files only, without asking the daemon" },
	{ 0, NULL, NULL, NULL },
};

const struct cli_command cli_commands[] = {
	{ "ask", "[PROMPT|-]", "ask, and get the answer from wherever it may come",
	  "The answer goes to stdout, everything else to stderr. If the prompt would have to "
	  "leave this\n"
	  "device you are asked first; Enter alone keeps it here.",
	  ask_options, NULL, cmd_ask },
	{ "route", "[PROMPT|-]", "what would happen to this prompt; sends nothing",
	  "Shows the score, what was found in the text, the verdict for every destination with "
	  "the rules\n"
	  "that decided, and the question you would be asked.",
	  ask_options, NULL, cmd_route },
	{ "chat", "", "a conversation at the terminal",
	  "Every message is routed on its own, with the conversation so far; if it would have "
	  "to "
	  "leave\n"
	  "this device you are asked first. Ctrl-C stops an answer; /help lists commands.\n"
	  "What is said is kept nowhere unless --save says so.",
	  chat_options, NULL, cmd_chat },
	{ "run", "[--] PROGRAM [ARGUMENT..]", "start a program with its model services here",
	  "Sets OPENAI_BASE_URL, ANTHROPIC_BASE_URL and OLLAMA_HOST, with a key that only this "
	  "program\n"
	  "gets, to ports of this machine that are open as long as it runs. Its prompts are "
	  "routed\n"
	  "like any other; questions come to \"hither consent watch\" or \"hither consent "
	  "web\".\n"
	  "The exit code is the program's; 127: not found, 126: it cannot be started.",
	  run_options, NULL, cmd_run },
	{ "consent", "COMMAND", "open questions, permissions, receipts", NULL, NULL,
	  cmd_consent_commands, NULL },
	{ "policy", "COMMAND", "read, check, test and explain the policy", NULL, NULL,
	  cmd_policy_commands, NULL },
	{ "model", "COMMAND", "on-device models", NULL, NULL, cmd_model_commands, NULL },
	{ "engine", "COMMAND", "engines of this machine that others run", NULL, NULL,
	  cmd_engine_commands, NULL },
	{ "ledger", "COMMAND", "the record of what left this device", NULL, NULL,
	  cmd_ledger_commands, NULL },
	{ "budget", "COMMAND", "what the policy lets this machine spend", NULL, NULL,
	  cmd_budget_commands, NULL },
	{ "status", "", "one screen: roles, engine, policy, open questions", NULL, NULL, NULL,
	  cmd_status },
	{ "doctor", "", "check everything, with the command that mends what is wrong", NULL,
	  doctor_options, NULL, cmd_doctor },
	{ "setup", "", "the first run: engine, model, a policy under which nothing leaves",
	  "Changes nothing that is there already. With --yes a model may be fetched.",
	  setup_options, NULL, cmd_setup },
	{ "calibrate", "[FILE]",
	  "set the difficulty limit of the model in use by what it can do",
	  "Asks the model on this device questions with known answers and keeps the limit "
	  "that\n"
	  "follows with the model. Takes minutes. FILE: JSON lines {\"prompt\",\"answer\"} "
	  "instead\n"
	  "of the questions built in. A limit that the policy names (escalate_at) goes first.\n"
	  "How sure the model was of what it got right and wrong gives the floor of the "
	  "cascade.",
	  calibrate_options, NULL, cmd_calibrate },
	{ "score", "", "score prompts in bulk, without a daemon",
	  "Reads {\"id\",\"prompt\"} per line, writes "
	  "{\"id\",\"score\",\"task\",\"confidence\"} per line.\n"
	  "Bytes that are no UTF-8, halves of surrogate pairs and NUL count as U+FFFD.",
	  score_options, NULL, cmd_score },
	{ "scan", "", "find sensitive data in bulk, without a daemon",
	  "Reads {\"id\",\"text\"} per line, writes "
	  "{\"id\",\"spans\":[{\"start\",\"end\",\"category\",\"detector\"}]}\n"
	  "per line; offsets in code points, end exclusive. A text that is no valid UTF-8 or "
	  "holds\n"
	  "NUL is refused in its line: whoever asks does not take it for clean.",
	  batch_options, NULL, cmd_scan },
	{ "completion", "bash|zsh|fish", "print shell completion", NULL, NULL, NULL,
	  cmd_completion },
	{ "version", "", "the version", NULL, NULL, NULL, cmd_version },
	{ "help", "[COMMAND|TOPIC]",
	  "this list, a command, or exit-codes, environment, privacy", NULL, NULL, NULL,
	  cmd_help },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};
