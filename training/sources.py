# SPDX-License-Identifier: Apache-2.0
"""The rows that train the classifier, from the data folder and from prompts/.

Each source says what a row teaches: `level`, how often small models fail on it (denoised: the
mean over many small models where outcomes are known); `gain`, what a stronger model gains
within the source; the task; and `fails` for the final scale. Sources whose licence forbids
commercial use are not read. Weights make up for sizes: a source of 20,000 short commands must
not outvote one of 150 conversations.
"""
import hashlib
import json
import re

import expand

# In the order of CLASSIFY_TASKS (router/classify/classify.h), without `tool`.
TASKS = ["chat", "question", "question.open", "question.choice", "question.text", "summarize", "translate",
         "reply", "rewrite", "extract", "reminder", "timer", "device.control", "code.write", "code.explain",
         "code.fix", "math", "reasoning", "creative", "research"]

# What the task names mean in the labels of the data, for measuring.
LABEL_OF = {"question.choice": "knowledge_mcq", "question.text": "reading", "question.open": "chat",
            "math": "math", "reasoning": "reasoning", "creative": "creative_writing", "code.write": "code",
            "code.explain": "code", "code.fix": "code", "research": "chat"}
LABELS = ["assistant_command", "math", "knowledge_mcq", "code", "reasoning", "reading", "creative_writing", "chat"]

SMALL = {"Phi-3-mini-4k-instruct", "Llama-2-7b-hf", "Llama-2-13b-hf", "Llama-2-70b-hf", "Meta-Llama-3-8B",
         "Meta-Llama-3-8B-Instruct", "Meta-Llama-3_1-8B", "Mistral-7B-Instruct-v0.1", "Mistral-7B-Instruct-v0.2",
         "Mistral-7B-v0.1", "Mistral-7B-v0.2-hf", "Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x7B-v0.1",
         "Qwen1.5-7B-Chat", "Yi-34B", "Yi-6B", "Yi-6b-Chat", "c4ai-command-r-v01", "gemma-7b"}

# What may run on a device: at most 8 billion parameters. The scale of the score is theirs.
SMALLEST = {m for m in SMALL if any(x in m for x in ("mini", "7b", "7B", "6B", "6b", "8B"))} - {
    "Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x7B-v0.1"}

CLINC_TASK = {
    "timer": "timer alarm",
    "reminder": "reminder reminder_update calendar calendar_update todo_list todo_list_update shopping_list "
                "shopping_list_update meeting_schedule schedule_meeting schedule_maintenance",
    "translate": "translate",
    "chat": "tell_joke fun_fact greeting goodbye thank_you yes no maybe repeat cancel what_is_your_name "
            "meaning_of_life are_you_a_bot who_made_you who_do_you_work_for what_are_your_hobbies "
            "what_can_i_ask_you where_are_you_from how_old_are_you do_you_have_pets user_name change_user_name "
            "change_ai_name flip_coin roll_dice",
    "device.control": "smart_home play_music next_song update_playlist change_volume change_speed change_accent "
                      "change_language whisper_mode sync_device reset_settings find_phone make_call text "
                      "share_location book_flight book_hotel car_rental restaurant_reservation accept_reservations "
                      "cancel_reservation confirm_reservation uber transfer pay_bill freeze_account order "
                      "order_checks new_card pin_change credit_limit_change insurance_change pto_request "
                      "report_fraud report_lost_card travel_notification redeem_rewards",
}
CLINC = {intent: task for task, intents in CLINC_TASK.items() for intent in intents.split()}
SNIPS = {"GetWeather": "question", "SearchCreativeWork": "question", "SearchScreeningEvent": "question"}
FRESH = {"weather", "traffic", "exchange_rate", "flight_status", "how_busy", "restaurant_reviews", "GetWeather",
         "SearchScreeningEvent", "interest_rate", "travel_alert", "next_holiday", "current_location"}


def code_task(text):
    low = text.lower()
    if re.search(r"\b(fix|bug|error|fails?|wrong|doesn't work|not work|refactor|improve|optimi[sz]e|issue)\b", low):
        return "code.fix"
    if re.search(r"\b(explain|what does|difference between|why (is|does|do))\b", low):
        return "code.explain"
    return "code.write"


PROGRAM = re.compile(r"```|\b(python3?|javascript|typescript|java|rust|golang|c\+\+|c#|sql|mysql|sqlite|php|bash|powershell|"
                     r"html|css|react|vue|angular|django|flask|node\.?js|pytorch|tensorflow|pandas|numpy|seaborn|"
                     r"matplotlib|docker|kubernetes|terraform|ansible|nginx|apache|aws|linux|ubuntu|git|regex|regexp|api|"
                     r"compile[rd]?|function|script|program|closure|trait|composer|pyplot|extension|source code|codebase|class|query|def|import|kotlin|swift|scala|ruby|"
                     r"matlab|verilog|vhdl|arduino|opengl|cuda|assembly|xml|json|yaml|cron|wordpress|excel|vba|selenium|"
                     r"unity|blender|nixos|gentoo|kernel module|neural network|dataframe|webpage|plugin|chrome extension|"
                     r"rest|http|tcp|mqtt|jni|jsp|latex|openapi)\b", re.I)
NAMED = re.compile(r"\b(python3?|javascript|typescript|golang|c\+\+|c#|sql|mysql|php|bash|powershell|css|pytorch|tensorflow|"
                   r"pandas|kubernetes|terraform|django|flask|regex|kotlin|swift|scala|verilog|arduino|cuda|vba|vuejs|react|"
                   r"haskell|rails|docker\w*|nginx|linux|source code|api|\.net|vb\.net)\b|```|\bin (java|rust|c|go|lua|r|perl)\b", re.I)
FORMULA = re.compile(r"\$[^$]{3,}\$|\\(frac|sum|int|begin)|\b(prove|proof|theorem|lemma|integral|derivative|equation|matrix|"
                     r"probability|how many ways|solve for|calculate the|compute the|eigen\w+|vector space|find all)\b", re.I)
TALE = re.compile(r"\b(poem|song|lyrics|story|tale|screenplay|script for|scene|dialogue|roleplay|role-play|novel|joke|haiku|"
                  r"limerick|monologue|fan ?fiction|fictional|character sheet|adventure for|text-based (video )?game|melody)\b", re.I)


def open_task(text):
    """Arena questions are of all sorts; taught is what they ask for, as far as words tell it."""
    if NAMED.search(text) or len(PROGRAM.findall(text)) >= 2:
        return code_task(text)
    if TALE.search(text):
        return "creative"
    return "math" if FORMULA.search(text) else "question.open"


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def mmlu(r):
    return dict(level=1 - r["weak_score"], gain=r["strong_score"] - r["weak_score"], task="question.choice")


def mmlu_pro(r):
    level = 1 - (mean(v for m, v in r["outcomes"].items() if m in SMALL) or 0)
    fails = 1 - (mean(v for m, v in r["outcomes"].items() if m in SMALLEST) or 0)
    return dict(level=level, gain=r["strong_score"] - r["weak_score"], fails=fails,
                task="math" if r["task"] == "math" else "question.choice")


def gsm8k(r):
    return dict(level=1 - r["weak_score"], gain=r["strong_score"] - r["weak_score"], task="math", kind="gsm8k")


def gsm8k_small(r):
    o = r["outcomes"]
    return dict(level=1 - mean(o.values()), fails=1 - mean(v for m, v in o.items() if m.startswith("6b")),
                task="math", kind="gsm8k")


def arena(r):
    return dict(level=1 - mean(v for m, v in r["outcomes"].items() if "gpt-4" not in m) / 10,
                task=open_task(r["prompt"]))


def clinc(r):
    task = CLINC.get(r["category"], "question")
    return dict(level=0.0 if r["category"] != "oos" else 0.1, fails=0.0, task=task,
                fresh=float(r["category"] in FRESH))


def snips(r):
    return dict(level=0.0, fails=0.0, task=SNIPS.get(r["category"], "device.control"),
                fresh=float(r["category"] in FRESH))


def agieval(r):
    return dict(level=.7, task={"math": "math", "reading": "question.text"}.get(r["task"], "reasoning"))


def hard_v2(r):
    if r["task"] == "creative_writing":
        return dict(level=.45, task="creative")
    return dict(level=.65, task="math" if r["task"] == "math" else code_task(r["prompt"]))


# file: (what a row teaches, weight for difficulty, weight for the task, weight for the scale)
FILES = {
    "routellm_mmlu": (mmlu, 1, 1, 0),
    "mmlu_pro": (mmlu_pro, 1, 1, .5),
    "routellm_gsm8k": (gsm8k, 1, 1, 0),
    "openai_gsm8k_6b_175b": (gsm8k_small, 1, .3, 1),
    "arena_bench_v1": (arena, 2, 5, 0),
    "prompts_clinc150": (clinc, .3, 1, .3),
    "prompts_snips2017": (snips, .3, 1, .3),
    "prompts_gsm8k_train": (lambda r: dict(level=None, task="math", kind="gsm8k"), 0, .5, 0),
    "prompts_agieval": (agieval, 1, 2, 0),
    "prompts_arena_hard_v01": (lambda r: dict(level=.55, task=open_task(r["prompt"])), 1, .7, 0),
    "prompts_arena_hard_v2": (hard_v2, 1, 7, 0),
    "prompts_humaneval": (lambda r: dict(level=.6, task="code.write"), 1, 4, 0),
    "prompts_selfinstruct_seed": (lambda r: dict(level=.2), 1, 0, 0),
    "prompts_vllm_sr_domain": (lambda r: dict(level=.25, task="question.open"), 1, 1, 0),
}


def stem(text):
    return re.sub(r"\W+", " ", text.split("\nA.")[0].lower()).strip()


# Prose about anything, to paste: everyday sentences and the stories of school arithmetic.
PASTED = {"prompts_clinc150", "prompts_snips2017", "prompts_gsm8k_train"}


def sentences(rows):
    found = set()
    for r in rows:
        if r["src"] in PASTED:
            found.update(s.strip() for s in re.split(r"(?<=[.!?])\s+", r["text"]) if 25 < len(s) < 240)
    return sorted(s for s in found if not s.endswith("?"))


def fold(text, folds):
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) % folds


# Work on what is given, or invention: never needs knowledge of today.
TIMELESS = {"summarize", "translate", "reply", "rewrite", "extract", "reminder", "timer", "device.control", "code.write",
            "code.explain", "code.fix", "math", "reasoning", "creative"}


def own_fresh(r):
    if "fresh" in r:
        return r["fresh"]
    return 0.0 if not r["made"] and r["task"] in TIMELESS else None


BLANK = dict(level=None, gain=None, fails=None, task=None, fresh=None, kind="", lang="en", dressed=False, made=False,
             label=None, weak=None, strong=None, excluded=False)


def load(folder, folds):
    rows = []
    if (folder / "routing").is_dir():
        folder = folder / "routing"
    for name, (teach, weight, task_weight, scale_weight) in FILES.items():
        for line in (folder / f"{name}.jsonl").read_text(encoding="utf8").rstrip("\n").split("\n"):
            r = json.loads(line)
            if name == "arena_bench_v1" and (r.get("weak_score") is None or r.get("strong_score") is None):
                continue
            row = dict(BLANK, id=r["id"], src=name, text=r["prompt"], weight=weight, task_weight=task_weight,
                       scale_weight=scale_weight, kind=name if name in ("routellm_mmlu", "mmlu_pro") else "",
                       label=r["task"], weak=r.get("weak_score"), strong=r.get("strong_score"),
                       excluded=r.get("routellm_excluded", False), fold=fold(stem(r["prompt"]), folds))
            row.update(teach(r))
            rows.append(row)
    kept_apart = set(expand.tested())
    for r in rows:
        if expand.plain(r["text"]) in kept_apart:
            raise SystemExit("a prompt of tests/eval is in the data: " + r["text"])
    for r in expand.own_rows(sentences(rows)):
        plain = not r["made"]
        rows.append(dict(BLANK, id=r["id"], src="own", text=r["text"], task=r["task"], lang=r["lang"], made=r["made"],
                         level=r["level"], weight=8 if plain else 1.5, task_weight=5 if plain else 2,
                         scale_weight=4 if plain and r["level"] in (expand.EASY, expand.HARD) else 0,
                         fails=float((r["level"] or 0) > .5), fresh=own_fresh(r), fold=fold(r["group"], folds)))
    return rows
