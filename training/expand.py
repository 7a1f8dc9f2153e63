# SPDX-License-Identifier: Apache-2.0
"""Prompts written for this project: the lists in prompts/, and longer ones put together from
them. Everything comes from one seed, so two runs give the same rows.

A row: id, text, task, level (the difficulty that is taught, 0..1), lang, group (rows that
belong together in cross-validation), made (True for the put together ones).
"""
import random
import re
from pathlib import Path

import forms

HERE = Path(__file__).resolve().parent / "prompts"
EASY, HARD = 0.03, 0.95

MAIL = """Hi all, here is a short update from the office.
The lift is out of order until Wednesday, please use the stairs on the north side.
We have ordered new chairs for the meeting room and they arrive next week.
Lunch on Thursday is at half past twelve, the canteen serves soup and salad.
Please send me your holiday dates before the end of the month.
The parking lot will be repaired, so cars have to leave by eight.
Thank you for the flowers, they look lovely on the window sill.
Grandpa feels better and will be home on Sunday.
The train was late again, so we missed the first part of the concert.
Could you bring the blue folder and the keys for the cellar?
Our team won the match by two goals and everybody was very happy.
The dentist moved the appointment to the ninth at a quarter past four.
I paid the invoice for the printer and filed the receipt.
The garden party starts at five, and it would be great if you brought a cake.
My phone is broken, you can reach me at the number of my sister.
The children need rain jackets and a packed lunch for the trip.
The parcel was left with the neighbour in number fourteen.
We talked about the new logo and most people preferred the green one.
Rent goes up by three percent from July, the letter is in the hall.
The heating was checked and works, the next check is in two years.
Anyone who wants a flu shot can sign the list at the front desk.
The bakery on the corner closes for good at the end of March.
Let me know whether Tuesday suits you, otherwise we take Friday.
The hotel has confirmed two rooms with a view of the lake.
Best wishes and see you soon.
The choir sings in the old chapel on Sunday, and the entrance is free for children.
We have two offers for the new windows, one for 2,400 and one for 2,950 with fitting.
The key for the storeroom hangs behind the calendar again.
On the way back the chain came off twice, so I took the tram.
The nurse said that the results come by post within ten days.
If anybody finds a red umbrella with a wooden handle, it is mine.
Our guests arrive on the 11th at 15:40 and stay until the following Monday.
The second class reads about frogs and would like to borrow the microscope.
He has paid his share, she still owes us twelve euros for the tickets.
The rehearsal was moved to the gym because the stage is being painted.
Whoever wants to sell something at the flea market should sign up by the 3rd.
The new printer takes longer, but it prints on both sides and saves paper.
After the storm the fence at the back has to be repaired before the sheep return.
Please bring your own cup, we are trying to do without plastic this time.
The vote was close: seven for the green curtains, six for the yellow ones, two did not care.
As agreed we cancelled the old contract and the new one starts in October.
The train at 7:52 no longer runs on Saturdays, so we share two cars.
Mum asks whether you would like the round table and the four chairs from the cellar.
I enclose the minutes, the list of members and the bill for the stamps.
The swimming pool is closed for cleaning, and lessons start again after the holidays.
We learned a lot from the talk about bats and will put up six boxes.
Das Sommerfest findet am zweiten Samstag im Juli hinter der Schule statt.
Bitte gebt den Schlüssel bis Freitag im Büro ab, der Hausmeister ist ab drei Uhr da.
Die Rechnung über 86 Euro haben wir schon bezahlt, es fehlt nur noch die Quittung.
Leider ist der Termin beim Zahnarzt ausgefallen, der nächste ist erst am 19.
Wir suchen noch jemanden, der am Sonntag den Kuchenstand übernimmt.
Le parking sera fermé pendant les travaux, merci de prendre la rue de la Gare.
La prochaine réunion aura lieu mardi à dix-huit heures dans la salle du bas.
Nous avons reçu votre colis, mais il manque deux assiettes et le mode d'emploi.
Les enfants doivent apporter un pique-nique et des chaussures de marche.
Merci de confirmer votre présence avant le 25 du mois.
La obra empieza el lunes y durará unas tres semanas, perdonen las molestias.
El médico cambió la cita al jueves a las nueve y cuarto.
Hemos comprado las entradas y nos vemos en la puerta a las ocho menos diez.
Falta pagar la última cuota, son cuarenta y dos euros por familia.
Los libros se pueden devolver en la biblioteca hasta el viernes.""".split("\n")

GIVEN = [
    ("summarize", "en", "Summarize this email:\n\n{}"),
    ("summarize", "en", "Can you summarise the message below for me?\n{}"),
    ("summarize", "en", "{}\n\nGive me the key points."),
    ("summarize", "de", "Fasse diese Nachricht zusammen:\n{}"),
    ("summarize", "fr", "Résume ce message en trois phrases :\n{}"),
    ("summarize", "es", "Resume este mensaje:\n{}"),
    ("reply", "en", "Reply to this mail and say that I agree:\n\n{}"),
    ("reply", "en", "Write a short answer to the following message.\n{}"),
    ("reply", "de", "Antworte freundlich auf diese Mail:\n{}"),
    ("rewrite", "en", "Correct spelling and grammar:\n{}"),
    ("rewrite", "en", "Make this text shorter and friendlier:\n{}"),
    ("translate", "en", "Translate to German:\n{}"),
    ("translate", "en", "Translate the following text into Spanish.\n\n{}"),
    ("extract", "en", "Which dates and times are in this message?\n{}"),
    ("extract", "en", "List the names and places in the text below.\n{}"),
    ("extract", "en", "{}\n\nWhat do they want me to do?"),
    ("extract", "de", "Welche Termine stehen in dieser Mail?\n\n{}"),
    ("extract", "fr", "Quelles sont les dates dans ce message ?\n{}"),
    ("summarize", "en", "tl;dr\n\n{}"),
    ("summarize", "en", "{}\n\nIn one sentence?"),
    ("summarize", "it", "Riassumi questa mail:\n{}"),
    ("reply", "fr", "Réponds à ce message et dis que je viens :\n{}"),
    ("reply", "es", "Contesta a este correo y di que no puedo:\n{}"),
    ("rewrite", "de", "Korrigiere die Rechtschreibung:\n{}"),
    ("rewrite", "fr", "Corrige les fautes de ce texte :\n{}"),
    ("translate", "en", "Translate this mail into French:\n\n{}"),
    ("translate", "de", "Übersetze die Mail ins Englische:\n{}"),
    ("translate", "es", "Traduce este texto al inglés:\n{}"),
]

CODE = """for (size_t i = 0; i < n; i++)
    total += row[i].amount * rate;
if (status != OK) return status;
def load(path, limit=100):
    with open(path) as f: return [json.loads(x) for x in f][:limit]
class OrderService: pass
const rows = await db.query('select * from orders where id = $1', [id]);
export function reducer(state, action) { switch (action.type) { default: return state; } }
pub fn insert(&mut self, key: K, value: V) -> Option<V> { self.root.insert(key, value) }
pthread_mutex_lock(&queue->lock);
assert len(result) == expected, result
router.post('/orders', validate(schema), async (req, res) => {});
static int compare(const void *a, const void *b);
public synchronized void close() throws IOException { stream.close(); }
SELECT c.name, sum(p.amount) FROM customers c JOIN payments p ON p.customer = c.id GROUP BY 1;
CMD ["python", "-m", "service", "--port", "8080"]""".split("\n")

WORK = [
    ("code.fix", "These are {n} files of our service. Find the cause of the data race, fix it in every file and add tests.\n{}"),
    ("code.fix", "Refactor the modules below into a package with clear interfaces, keep behaviour identical and update the tests.\n{}"),
    ("code.fix", "Review all {n} files for security problems and give patches.\n{}"),
    ("code.write", "Extend this project with authentication, migrations and an audit log across all {n} files.\n{}"),
    ("code.write", "Rewrite the following code base in Rust with full error handling, documentation and property based tests.\n{}"),
]

PHRASES = """Thank you very much in advance.
Please be kind and take your time.
I hope you have a nice day.
By the way, the weather is lovely today.
Sorry for the trouble!
This is just something I was wondering about.
My cat says hello.
Let me know if anything is unclear.
Danke schon mal im Voraus!
Merci beaucoup.
Have a great weekend.
I am asking for a friend.""".split("\n")

STOPWORDS = {
    "en": "the of and to in is that it was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde ich du wir mir mich bitte",
    "fr": "le de un être et à il avoir ne je son que se qui ce dans en du elle au pour pas sur faire plus dire me on mon lui nous comme mais pouvoir avec tout y aller voir bien où sans tu ou leur homme si deux même prendre les des une est sont vous cette",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy hasta desde está mi porque qué sólo yo hay vez puede todos",
    "it": "di che e la il un a per in una mi sono ho non ma lo ha le si ti i con cosa se io come da ci no questo qui hai sei del bene tu sì me più al mio perché lei solo te era gli tutto della così mia ne questa fare quando ora fatto essere mai chi",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse eles você",
    "nl": "de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u want nog zal me zij nu ge geen omdat",
}


def lines(name):
    for line in (HERE / name).read_text(encoding="utf8").split("\n"):
        if line.strip():
            yield [x.replace("\\n", "\n") for x in line.split("\t")]


def written():
    for i, (task, lang, text) in enumerate(lines("easy.tsv")):
        yield dict(id=f"easy-{i}", text=text, task=task, level=EASY, lang=lang)
    for i, (task, level, text) in enumerate(lines("middle.tsv")):
        yield dict(id=f"middle-{i}", text=text, task=task, level=float(level), lang="en")
    for i, (task, lang, text) in enumerate(lines("hard.tsv")):
        yield dict(id=f"hard-{i}", text=text, task=task, level=HARD, lang=lang)


def mail(rnd):
    """Up to about 900 words; what people paste is often long and never hard for being so."""
    n = rnd.choice([3, 5, 8, 12, 20, 30, 45, 60])
    return rnd.choice([" ", "\n", "\n\n"]).join(rnd.sample(MAIL, n) if n <= len(MAIL) else rnd.sample(MAIL, len(MAIL)))


def long_ones(rnd):
    for i in range(600):
        task, lang, form = rnd.choice(GIVEN)
        yield dict(id=f"given-{i}", text=form.format(mail(rnd)), task=task, level=EASY + 0.04, lang="")
    for i in range(120):
        task, form = rnd.choice(WORK)
        n = rnd.randint(3, 9)
        files = "\n".join(f"--- src/part{k}.c\n" + "\n".join(rnd.choices(CODE, k=rnd.randint(2, 12)))
                          for k in range(n))
        yield dict(id=f"work-{i}", text=form.replace("{n}", str(n)).replace("{}", files), task=task,
                   level=HARD, lang="en")
    for i in range(60):
        text = " ".join(rnd.choice(MAIL) for _ in range(rnd.randint(2, 5)))
        yield dict(id=f"bare-{i}", text=text, task="chat", level=0.08, lang="en")


DEEP = [
    ("reasoning", "Go through the following text clause by clause, name every legal risk and contradiction, and propose better wording with reasons.\n\n{}"),
    ("reasoning", "{}\n\nAnalyse this in depth: hidden assumptions, causal claims, what evidence would refute each, and a justified verdict."),
    ("research", "Write a research report that places the following in its historical and economic context, with sources and a comparison of views.\n\n{}"),
    ("reasoning", "Build a formal model of the situation below, derive what follows from it, and discuss the limits of the model.\n\n{}"),
    ("reasoning", "Analysiere den folgenden Text Satz für Satz auf Widersprüche und rechtliche Risiken und begründe jede Änderung.\n\n{}"),
    ("code.write", "Design and implement a complete system for what is described below: data model, services, tests and deployment.\n\n{}"),
]


def pasted(rnd, sentences):
    """What people paste is about anything; what they ask for decides whether it is hard."""
    for i in range(900):
        task, lang, form = rnd.choice(GIVEN)
        body = rnd.choice([" ", "\n", "\n\n"]).join(rnd.sample(sentences, rnd.choice([3, 6, 12, 20, 30, 45, 60])))
        yield dict(id=f"pasted-{i}", text=form.format(body), task=task, level=EASY + 0.04, lang="")
    for i in range(220):
        task, form = rnd.choice(DEEP)
        body = rnd.choice([" ", "\n"]).join(rnd.sample(sentences, rnd.choice([6, 12, 20, 30, 45])))
        yield dict(id=f"deep-{i}", text=form.format(body), task=task, level=HARD - .15, lang="")


def filled(form, rnd):
    slots = dict(n=forms.NOTES, t=forms.TOPICS, x=forms.THINGS, l=forms.LANGUAGES, c=forms.CLAIMS, w=forms.WHO,
                 d=forms.WHEN, k=forms.CHORE, a=forms.APPLIANCE, g=forms.TONGUE, f=forms.FACT, p=CODE)
    return re.sub(r"\{(\w)\}", lambda m: rnd.choice(slots[m.group(1)]), form)


def formed(rnd, each=12):
    for i, line in enumerate(forms.FORMS):
        task, level, form = line.split("|", 2)
        for k in range(each):
            yield dict(id=f"form-{i}-{k}", text=filled(form.replace("\\n", "\n"), rnd), task=task, level=float(level),
                       lang="", group=f"form-{i}")


def tongues(rnd, each=4):
    """The same kinds of tasks in languages that the data hardly has. They teach the task, not how hard it is."""
    topics = {}
    for lang, task, line in lines("tongues.tsv"):
        if task == "topics":
            topics[lang] = line.split(" | ")
            continue
        for i, form in enumerate(line.split(" | ")):
            for k in range(each if "{" in form else 1):
                text = re.sub(r"\{t\}", lambda m: rnd.choice(topics[lang]), form)
                text = text.replace("{p}", "\n".join(rnd.choices(CODE, k=rnd.randint(1, 6))))
                yield dict(id=f"tongue-{lang}-{task}-{i}-{k}", text=text, task=task, level=None, lang=lang,
                           group=f"tongue-{lang}-{task}-{i}")


FRESH_SLOTS = {
    "s": "football|tennis|handball|chess|cricket|ice hockey|basketball|rugby",
    "m": "Jansen|the home team|our goalkeeper|Rossi|the champions|Ada Lind",
    "n": "the bridge|the strike|the new tax|the flood|the trial|the merger|the vaccine|the election|the harbour|solar power",
    "p": "gold|diesel|butter|silver|wheat|that phone|copper|a share of the railway|heating oil",
    "r": "president|mayor|chancellor|minister of health|king|coach",
    "c": "Chile|Norway|Kenya|Lyon|Vienna|Texas|Korea|Malta|Cairo|Leeds",
    "o": "the pool|the museum|the town hall|the library|the opera|the bakery|the zoo|the market",
    "w": "line 4|the ring road|the A2|the ferry|the bridge|the blue line",
    "v": "Python|the kernel|Firefox|the app|Debian|the game|Java",
}


def fresh(rnd, each=3):
    """Whether an answer needs knowledge of today; they teach nothing else."""
    for n, (needs, line) in enumerate(lines("fresh.tsv")):
        for i, form in enumerate(line.split("|")):
            for k in range(each if "{" in form else 1):
                text = re.sub(r"\{(\w)\}", lambda m: rnd.choice(FRESH_SLOTS[m.group(1)].split("|")), form)
                yield dict(id=f"fresh-{n}-{i}-{k}", text=text, task=None, level=None, lang="", fresh=float(needs),
                           group=f"fresh-{n}-{i}")


def language_rows(rnd):
    for lang, words in STOPWORDS.items():
        words = words.split()
        for _ in range(90):
            yield lang, " ".join(rnd.sample(words, rnd.randint(2, 12)))


def tested():
    """What tests/eval judges by: never trained on."""
    for name in ("everyday.tsv", "kinds.tsv", "fresh.tsv"):
        for line in (HERE.parents[1] / "tests" / "eval" / name).read_text(encoding="utf8").splitlines():
            yield plain(line.split("\t")[-1].replace("\\n", "\n"))


def harmless():
    """Sentences that only measuring uses."""
    return (HERE.parents[1] / "tests" / "eval" / "mails.txt").read_text(encoding="utf8").splitlines()


def plain(text):
    return re.sub(r"\W+", " ", text.lower()).strip()


def own_rows(sentences=()):
    rnd = random.Random(20240607)
    rows = []
    for r in written():
        rows.append(dict(r, group=r["id"], made=False))
    rows += [dict(r, group=r["id"], made=True) for r in long_ones(rnd)]
    rows += [dict(r, made=True) for r in formed(rnd)]
    rows += [dict(r, made=True) for r in tongues(random.Random(5))]
    rows += [dict(r, made=True) for r in fresh(random.Random(6))]
    if sentences:
        rows += [dict(r, group=r["id"], made=True) for r in pasted(rnd, sentences)]
    kept_apart = set(tested())
    for r in rows:
        if plain(r["text"]) in kept_apart:
            raise SystemExit("a prompt of tests/eval is among those to train on: " + r["text"])
    return rows


def perturbed(text, rnd):
    """The same request in another dress."""
    kind = rnd.randrange(6)
    if kind == 0:
        return text + rnd.choice([" ", "\n", "\n\n"]) + rnd.choice(PHRASES)
    if kind == 1:
        return rnd.choice(PHRASES) + rnd.choice([" ", "\n"]) + text
    if kind == 2:
        return text.upper() if rnd.random() < .5 else text.lower()
    if kind == 3:
        return "Hi! " + text + " " + " ".join(rnd.sample(PHRASES, 2))
    if kind == 4:
        words = text.split(" ")
        i = rnd.randrange(len(words))
        if len(words[i]) > 3:
            j = rnd.randrange(1, len(words[i]) - 1)
            words[i] = words[i][:j] + words[i][j + 1] + words[i][j] + words[i][j + 2:]
        return " ".join(words)
    return "".join(c for c in text if c not in "?!.,") if len(text) < 200 else text.strip() + "!"
