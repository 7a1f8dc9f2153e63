# SPDX-License-Identifier: Apache-2.0
"""Forms of requests and what they can be about; expand.py puts them together by chance."""

NOTES = """Lunch with Eva on Tuesday at one, bring the photos.
The courier left a box at number nine because nobody was in.
Dear customer, your subscription ends on 30 June unless you renew it.
We need paint, two brushes and masking tape for Saturday.
hey can u send me the slides from yesterdays talk, mine wont open
Our flight is delayed by two hours, please do not wait with dinner.
The museum is open from ten to five and closed on Mondays.
I have not received the refund for order 5521 yet.
she dont like the new desk becouse it is to small
Mr Okafor will present the figures to the board on Thursday.
The lake was still and the boats lay dark against the shore.
Please find attached the report for March and the list of open points.
Le train de 8 h 12 est supprimé, prenez celui de 8 h 40.
Das Treffen findet im Raum 204 statt, bitte bringt eure Unterlagen mit.
La tienda abre a las diez y cierra a las ocho.
Grandma's soup needs carrots, leek, celery and a lot of time.
Thanks for the invitation, but we are away that weekend.
The meeting decided to keep the logo and to change the colours.
All staff must change their password before Friday.
My bike was stolen last night in front of the library.""".split("\n")

TOPICS = """solar power|coffee|the Roman roads|sleep|electric cars|bees|chess|the moon|glaciers|vaccines|jazz|inflation
volcanoes|bread baking|public transport|memory|whales|the printing press|antibiotics|democracy|earthquakes|tea
running|the Silk Road|gardening in small spaces|dreams|migration of birds|noise at work|recycling|the violin
nuclear energy|microplastics|school uniforms|remote work|urban trees|machine translation|gene therapy|tides
rent control|the French Revolution|dark matter|cryptocurrency|intermittent fasting|child labour|coral reefs""".replace("\n", "|").split("|")

THINGS = """a chat server|a chess engine|a photo gallery|a ray tracer|a package manager|a spreadsheet|a text editor
a search engine|a payment service|a job scheduler|a spell checker|a todo list|a weather widget|a web crawler
a key-value store|a load balancer|a message queue|a booking system|a log analyser|a backup tool|a PDF parser
a garbage collector|a neural network|a database driver|a route planner|an invoice generator|a music player
a matrix library|a regular expression matcher|an event bus|a file synchroniser|a compiler for a small language""".replace("\n", "|").split("|")

LANGUAGES = "Python|Java|C++|Rust|Go|JavaScript|TypeScript|C|Kotlin|Swift|Haskell|C#".split("|")

CLAIMS = """there is no largest prime|the sum of two convex functions is convex|every tree with n vertices has n-1 edges
every bounded monotone sequence converges|the rationals are dense in the reals|a continuous image of a compact set is compact
every group of even order has an element of order two|the determinant is multiplicative|log 2 is irrational
n^5 - n is divisible by 30 for every integer n|every permutation is a product of transpositions
the harmonic series diverges|a subgroup of a cyclic group is cyclic|every polynomial of odd degree has a real root
the eigenvalues of a symmetric matrix are real|a graph is bipartite if and only if it has no odd cycle
every open cover of a closed interval has a finite subcover|the language of palindromes is not regular
the geometric mean is at most the arithmetic mean|every ideal in Z is principal|e is transcendental
the set of all subsets of N is uncountable|comparison sorting needs n log n steps|SAT is NP-complete
every finite field has prime power order|the Cantor set has measure zero|harmonic functions attain no interior maximum
every vector space has a basis|the fundamental group of the circle is Z|a uniform limit of continuous functions is continuous""".replace("\n", "|").split("|")

WHO = "my boss|my sister|the landlord|a customer|my teacher|the neighbours|my team|a friend|the bank|my grandmother".split("|")
WHEN = "at seven|tomorrow morning|in ten minutes|on Friday at noon|tonight|next Monday|at 17:30|in two hours".split("|")
CHORE = "call the dentist|buy stamps|water the plants|pay the rent|pick up the parcel|send the form|feed the cat|book the tickets".split("|")
APPLIANCE = "the light in the hall|the heating|the radio|the blinds|wifi|bluetooth|the dishwasher|the fan|the alarm system|airplane mode".split("|")
TONGUE = "German|French|Spanish|Italian|Dutch|Portuguese|Polish|Japanese|Swedish|Chinese|English".split("|")
FACT = "the capital of Peru|the height of the Eiffel Tower|the boiling point of alcohol|the population of Oslo|the author of Emma|the number of days in May|the symbol for iron|the currency of Chile|a synonym for quick|the opposite of scarce".split("|")

# task, level, form. {n} note, {t} topic, {x} thing, {l} language, {c} claim, {w} who, {d} when, {k} chore,
# {a} appliance, {g} tongue, {f} fact.
FORMS = """summarize|.04|Summarize this: {n} {n} {n}
summarize|.04|Summarise the following text in one sentence.\\n\\n{n} {n}
summarize|.04|tldr of this please: {n} {n} {n}
summarize|.04|Give me a short summary of this message:\\n{n}\\n{n}
summarize|.04|{n} {n} {n}\\n\\nSummary please
summarize|.04|What are the key points of this? {n} {n}
summarize|.04|Fasse das kurz zusammen: {n} {n}
summarize|.04|Zusammenfassung bitte: {n} {n}
summarize|.04|Résume ce texte : {n} {n}
summarize|.04|Resume este texto: {n} {n}
summarize|.04|Riassumi questo testo: {n} {n}
summarize|.04|Maak een samenvatting: {n} {n}
summarize|.04|Condense this into three bullets: {n} {n} {n}
translate|.04|Translate to {g}: {n}
translate|.04|Translate this into {g}: {n}
translate|.04|translate the sentence "{n}" to {g}
translate|.04|How do I say "{n}" in {g}?
translate|.04|what is "{k}" in {g}
translate|.04|Übersetze ins Englische: {n}
translate|.04|Wie sagt man auf Französisch: {k}?
translate|.04|Traduis en anglais : {n}
translate|.04|Traduce al inglés: {n}
translate|.04|Traduci in inglese: {n}
translate|.04|Traduza para inglês: {n}
translate|.04|{n}\\nPlease translate this into {g}.
reply|.04|Reply to this: {n}
reply|.04|Write a short reply to this message and say yes: {n}
reply|.04|Answer this mail politely and decline: {n}
reply|.04|Draft a response: {n}
reply|.05|Write a short email to {w} that I will be late on Friday
reply|.05|Write a message to {w} to say thank you
reply|.05|Compose an email to {w} about the broken window
reply|.04|Suggest a quick reply to "{n}"
reply|.04|Antworte auf diese Nachricht: {n}
reply|.04|Schreib eine kurze Antwort: {n}
reply|.04|Réponds à ce message : {n}
reply|.04|Responde a este mensaje: {n}
rewrite|.04|Correct the grammar: {n}
rewrite|.04|Fix the spelling in this text: {n}
rewrite|.04|Proofread: {n}
rewrite|.04|Rephrase this sentence: {n}
rewrite|.05|Make this sound more professional: {n}
rewrite|.05|Rewrite this in a friendlier tone: {n}
rewrite|.05|Make this shorter: {n} {n}
rewrite|.05|Paraphrase the following: {n}
rewrite|.05|Turn this into bullet points: {n} {n}
rewrite|.05|Improve the wording: {n}
rewrite|.04|Korrigiere den Text: {n}
rewrite|.04|Formuliere das freundlicher: {n}
rewrite|.04|Corrige les fautes : {n}
rewrite|.04|Corrige este texto: {n}
extract|.05|Extract the dates from this text: {n} {n}
extract|.05|List all names in the following message: {n} {n}
extract|.05|Find the times mentioned here: {n} {n}
extract|.05|Pull the order number out of this: {n}
extract|.05|Which day does this note mention? {n}
extract|.06|Return the items as a JSON list: {n}
extract|.05|Get the phone number and address from this: {n}
extract|.05|Welche Termine stehen in diesem Text? {n} {n}
reminder|.02|Remind me to {k} {d}
reminder|.02|remind me {d} to {k}
reminder|.02|add "{k}" to my list
reminder|.02|put {k} on my calendar {d}
reminder|.02|what do I have on {d}
reminder|.02|make a note that {w} called
reminder|.02|move my appointment with {w} to {d}
reminder|.02|Erinnere mich an den Termin mit {w}
timer|.02|wake me {d}
timer|.02|set an alarm {d}
timer|.02|start a timer for {k}
timer|.02|set the timer to 45 minutes
timer|.02|Stell einen Timer
device.control|.02|turn on {a}
device.control|.02|switch off {a}
device.control|.02|could you turn off {a} {d}
device.control|.02|is {a} on
device.control|.02|play something about {t}
device.control|.02|open the app for {t}
device.control|.02|call {w}
device.control|.02|send {w} a text that I am on my way
device.control|.02|Schalte {a} ein
device.control|.02|allume {a}
question|.04|What is {f}?
question|.04|tell me {f}
question|.04|do you know {f}
question|.05|what is {t}
question|.06|who invented {t}
question|.06|when did people first hear of {t}
question|.06|is {t} good for you
question|.05|Was ist {f}?
question|.05|C'est quoi, {t} ?
question|.05|¿Qué es {t}?
chat|.02|hi, I am bored
chat|.02|I like {t}, do you?
chat|.02|do you enjoy {t}
chat|.02|let us talk about {t}
chat|.02|you are funny
creative|.1|Write a short poem about {t}
creative|.1|a haiku about {t} please
creative|.12|Write a short story about {t}
creative|.1|Give me three titles for a talk about {t}
creative|.1|think of a name for a club about {t}
creative|.25|Write a creative essay on {t} in the voice of a tired detective.
creative|.25|Compose a song with two verses about {t}.
creative|.3|Write a dialogue between two strangers who argue about {t}.
creative|.3|Continue this story: {n}
question.open|.22|Explain {t} to a beginner.
question.open|.25|What are the advantages and disadvantages of {t}?
question.open|.25|How does {t} work, and why does it matter?
question.open|.27|Give me an overview of {t} with three examples.
question.open|.25|Make a plan to learn about {t} in four weeks.
question.open|.27|Discuss whether {t} should be supported by the state.
question.open|.25|I want to give a talk about {t}. What should I cover?
question.open|.28|Compare {t} and {t}.
code.write|.55|Write a function in {l} that finds duplicates in a list.
code.write|.6|Write {x} in {l}.
code.write|.6|Implement a simple version of {x} in {l}.
code.write|.6|How do I build {x} with {l}? Show the code.
code.write|.55|Give me a {l} script that renames files.
code.explain|.42|Explain this {l} code: {p}
code.explain|.42|What does this line do? {p}
code.explain|.42|What is the difference between a list and a set in {l}?
code.fix|.58|Fix the bug in this {l} code:\\n{p}\\n{p}
code.fix|.58|Why do I get an error here?\\n{p}\\n{p}\\n{p}
code.fix|.55|Refactor this function to be readable:\\n{p}\\n{p}
code.fix|.95|Refactor {x} of about forty {l} files into modules with clear interfaces, move all callers, and keep every test green.
code.fix|.95|Find the memory leak in {x}: profiles, logs and all source files are below. Repair it and prove that the repair holds.
code.fix|.95|Migrate {x} from {l} to {l} across the whole repository, with tests for every module.
code.write|.95|Design and implement {x} in {l} with persistence, replication, authentication and an integration test suite in several files.
code.write|.95|Implement {x} from scratch in {l}: architecture, all modules, error handling, concurrency, benchmarks and documentation.
code.write|.95|Build a production ready distributed version of {x} in {l} with a database schema, migrations, API, front end and deployment files.
math|.95|Prove that {c}.
math|.95|Show rigorously that {c}.
math|.95|Give a complete proof that {c}, and say where each assumption is used.
math|.95|Prove or disprove: {c}.
math|.95|Prove that {c}. Then generalise the result and give a counterexample to the converse.
math|.95|Derive from first principles that {c}.
math|.95|Beweise: {c}.
math|.95|Beweise den folgenden Satz und begründe jeden Schritt: {c}.
math|.95|Démontre que {c}.
math|.95|Démontrez rigoureusement que {c}.
math|.95|Demuestra que {c}.
math|.95|Dimostra che {c}.
research|.95|Write a literature review on {t} with citations and a comparison of methods.
research|.95|Do a deep research on {t}: evidence, sources, open questions, and a critical assessment.
research|.95|Write a systematic review about {t} with inclusion criteria, risk of bias and a meta-analysis.
research|.95|Write a detailed report of twenty pages on {t}, with data, sources, scenarios and recommendations.
research|.95|Survey the research on {t} since 2010 and weigh the conflicting findings against each other.
research|.95|Schreibe eine ausführliche Literaturübersicht über {t} mit Quellen und Methodenkritik.
research|.95|Rédige une étude approfondie sur {t} avec sources et analyse critique.
research|.95|Haz una investigación exhaustiva sobre {t} con fuentes y comparación de estudios.
reasoning|.95|Analyse in depth the economic, legal and technical consequences of {t}, with scenarios, and defend a recommendation.
reasoning|.95|Design an experiment about {t}: hypotheses, confounders, statistical power, analysis plan and threats to validity.
reasoning|.95|Develop a strategy for a company that depends on {t}: market model, risks, sensitivity analysis and a roadmap for five years.
reasoning|.95|Design the architecture of {x} for ten million users: consistency, failure modes, capacity, cost model and trade-offs of three alternatives.
reasoning|.5|Here is a riddle about {t}: three people each say one sentence, and only one of them tells the truth. Who lies?
reasoning|.5|If some people who like {t} also like {t}, and none of those likes {t}, what follows? Explain your reasoning.
reminder|.02|Erinnere mich {d} daran: {k}
reminder|.02|Erinnere mich an Brot und Milch
reminder|.02|Setz Kaffee auf die Einkaufsliste
reminder|.02|Was steht morgen in meinem Kalender?
reminder|.02|Trag den Termin am Montag um neun ein
reminder|.02|Rappelle-moi de téléphoner demain à dix heures
reminder|.02|Ajoute un rendez-vous lundi à quinze heures
reminder|.02|Mets du lait sur la liste de courses
reminder|.02|Recuérdame llamar al banco mañana por la tarde
reminder|.02|Añade pan a la lista de la compra
reminder|.02|Apunta una cita el martes a las once
reminder|.02|Ricordami di chiamare il medico domani
reminder|.02|Aggiungi un appuntamento alle dieci
reminder|.02|Lembre-me de comprar pão amanhã
reminder|.02|Herinner me morgen aan de afspraak
reminder|.02|Zet melk op de boodschappenlijst
timer|.02|Wecker auf sechs Uhr dreißig
timer|.02|Weck mich morgen um sieben
timer|.02|Stelle einen Timer auf zehn Minuten
timer|.02|Réveil à six heures et demie
timer|.02|Minuteur de dix minutes
timer|.02|Despiértame a las siete
timer|.02|Pon un temporizador de diez minutos
timer|.02|Svegliami alle sei
timer|.02|Imposta la sveglia alle sette
timer|.02|Acorde-me às sete
timer|.02|Maak me om zeven uur wakker
device.control|.02|Mach die Heizung wärmer
device.control|.02|Schalte das Licht aus
device.control|.02|Licht an im Bad
device.control|.02|Spiel Musik
device.control|.02|Ruf Oma an
device.control|.02|Éteins la lumière
device.control|.02|Mets de la musique
device.control|.02|Appelle maman
device.control|.02|Apaga la luz
device.control|.02|Pon música tranquila
device.control|.02|Llama a mi hermana
device.control|.02|Accendi la luce
device.control|.02|Metti un po' di musica
device.control|.02|Apague a luz
device.control|.02|Zet de muziek harder
question|.05|Wie ist das Wetter heute?
question|.05|Wann fährt der nächste Bus?
question|.05|Wer hat {t} erfunden?
question|.05|Wo liegt Lissabon?
question|.05|Quel temps fait-il aujourd'hui ?
question|.05|Qui a écrit ce livre ?
question|.05|À quelle heure ferme la poste ?
question|.05|¿Qué tiempo hace hoy?
question|.05|¿Quién inventó el teléfono?
question|.05|¿Cuánto cuesta un billete?
question|.05|Che tempo fa oggi?
question|.05|Chi ha dipinto la Gioconda?
question|.05|Como está o tempo hoje?
question|.05|Wat voor weer wordt het?
question|.04|今天几号？
question|.04|明日の天気は？
question|.04|Какая столица Перу?
chat|.02|Guten Morgen
chat|.02|Vielen Dank, das war gut
chat|.02|Merci, à bientôt
chat|.02|Gracias por tu ayuda
chat|.02|Grazie mille
chat|.02|Спасибо
chat|.02|谢谢你
chat|.02|おはよう
chat|.02|haha, good one
chat|.02|okay thanks bye
translate|.04|翻译成英文：{k}
translate|.04|英語に訳して：{k}
translate|.04|Переведи на английский: {k}
translate|.04|Vertaal naar het Engels: {n}
translate|.04|Translate the following paragraph.\\n{n}
rewrite|.04|Correggi gli errori: {n}
rewrite|.04|Corrija o texto: {n}
rewrite|.05|Clean up this message before I send it: {n}
rewrite|.05|Make it sound less rude: {n}
rewrite|.05|Rewrite this as a formal letter: {n}
reply|.04|How should I answer this? {n}
reply|.04|Say no politely: {n}
reply|.05|Write a note to {w}: I cannot come on Friday.
reply|.05|Write a birthday card for {w}
extract|.05|Saca las fechas de este texto: {n}
extract|.05|Donne-moi les noms dans ce texte : {n}
extract|.06|Make a table of who does what: {n} {n}
extract|.08|Mark each sentence as positive, neutral or negative: {n} {n}
creative|.25|Write a speech for {w} about {t}.
creative|.25|Write a blog post about {t} in a light tone.
creative|.25|Write a product description for a book about {t}.
creative|.25|Invent a fairy tale in which {t} save the king.
creative|.28|Write a scene for the stage: {w} and a stranger talk about {t}.
creative|.25|Write lyrics in the style of a sea shanty about {t}.
creative|.22|You are a grumpy wizard. Tell me about {t}.
creative|.22|Pretend to be a tour guide who knows nothing about {t}.
creative|.3|Write the first chapter of a novel about {t}. Make the reader wonder.
creative|.3|Write a monologue of a villain who loves {t}.
code.write|.6|Write a {l} class for {x} with a small example.
code.write|.6|Create a REST endpoint in {l} for {x}.
code.write|.6|Write a unit test in {l} for {x}.
code.write|.58|Write a query that counts orders per customer and month.
code.write|.6|Using {l}, read a CSV file and print the sum of each column.
code.fix|.58|This {l} program is too slow. Make it faster.\\n{p}\\n{p}
code.fix|.58|My {l} tests fail with a null pointer. Here is the code:\\n{p}\\n{p}
code.explain|.45|How does garbage collection work in {l}?
code.explain|.45|Explain generics in {l} with an example.
code.fix|.95|Review all modules of {x} for race conditions and security holes, and write a patch with tests for each finding.
code.fix|.95|Port {x} from {l} to {l}, keep the behaviour identical, and write property based tests for every module.
code.fix|.95|Our {l} service with {x} crashes under load. Below are stack traces, metrics and several source files. Find the root cause and fix it in all files.
code.fix|.95|Überarbeite die gesamte Codebasis: teile {x} in Module auf, migriere die Tests und halte die Schnittstelle stabil.
code.write|.95|Implementiere {x} in {l} mit Persistenz, Replikation, Tests und Dokumentation, verteilt auf mehrere Module.
code.write|.95|Implémente {x} en {l} avec une architecture modulaire, la gestion des erreurs, la concurrence et une suite de tests.
code.write|.95|Implementa {x} en {l} con arquitectura distribuida, base de datos, autenticación y pruebas en varios ficheros.
code.write|.95|Write {x} in {l} that survives crashes and network partitions, with a write-ahead log, a formal description of its protocol and a fault injection test suite.
math|.95|Let f be a function with f(0)=0 and f(x+y)=f(x)+f(y). Prove that {c}, and conclude what this means for f.
math|.95|Determine with proof whether {c}.
math|.95|State and prove the theorem that {c}, including every lemma you need.
math|.95|Zeige, dass {c}, und leite daraus ab, dass {c}.
math|.95|Докажите, что {c}.
math|.95|证明：{c}。请给出完整的推导。
math|.95|次を証明せよ：{c}。
math|.95|Compute the closed form, derive the asymptotic expansion with error term, and prove convergence; use that {c}.
research|.95|Compare the policies on {t} in five countries with sources, figures and an assessment of what worked.
research|.95|Investigate the causes and effects of {t}, weigh the evidence of the main studies, and write a report with references.
research|.95|Trace the history of ideas about {t} with primary sources and the main scholarly disputes.
research|.95|Recherchiere gründlich zu {t} und schreibe einen Bericht mit Belegen, Gegenargumenten und Bewertung.
research|.95|Scrivi una rassegna della letteratura su {t} con fonti e confronto dei metodi.
reasoning|.95|Evaluate four competing designs for {x} in depth, quantify their trade-offs, and justify a decision with a risk register.
reasoning|.95|Give a ranked differential diagnosis for this complex case, with the reasoning for every test and what would change your mind.
reasoning|.95|Review this contract clause by clause, name the legal risks under two jurisdictions, and propose amended wording.
reasoning|.95|Build a discounted cash flow model for a company in the field of {t}, with sensitivity analysis, and defend each assumption.
reasoning|.95|Analysiere die Folgen von {t} im Detail, mit Szenarien, Kostenmodell und begründeter Empfehlung.
reasoning|.95|Analyse en détail les conséquences de {t}, compare trois scénarios et justifie une recommandation.
reasoning|.95|请深入分析{t}的影响，比较三种方案并论证你的结论。
reasoning|.5|Five friends sit in a row. Work out who sits where from these hints about {t}.
reasoning|.5|Is this argument about {t} valid? Name the fallacy and explain.
code.fix|.95|Refactor my 30 file {l} project to use async.
code.fix|.95|Refactor the whole repository from {l} to {l}.
code.fix|.95|Split this monolith into services and migrate the data.
code.fix|.95|Rewrite our {l} code base so that {x} is a separate module.
code.fix|.95|Upgrade the project to the new major version of {l} across all packages and fix every breakage.
code.fix|.95|Our {l} application has a race condition across several modules. Find it and fix it.
code.fix|.95|Add end to end tests and continuous integration for the entire {l} project.
code.write|.95|Implement Raft in {l}.
code.write|.95|Write a compiler in {l}.
code.write|.95|Write an operating system scheduler in {l} with priorities and tests.
code.write|.95|Build a complete web application with {l}: front end, back end, database, login and tests.
code.write|.95|Create a multi-file {l} project for {x} with a build system.
code.write|.95|Train a neural network from scratch in {l} without libraries, with backpropagation and tests.
research|.95|Deep research: {t}.
research|.95|Do a deep dive into {t} with sources.
research|.95|Find and compare all major studies about {t}.
research|.95|Write a white paper on {t} with references.
research|.95|Give me an in-depth market analysis of {t}.
research|.95|Tiefenrecherche zu {t} mit Quellen, bitte.
reasoning|.95|Analyse this 80 page contract and list every risk.
reasoning|.95|Audit these financial statements over five years and explain every anomaly.
reasoning|.95|Work through this case study on {t} step by step and defend a decision.
reasoning|.95|Find the flaw in this forty page argument about {t}.
math|.95|Prove it by induction: {c}.
math|.95|Is it true that {c}? Prove your answer.
math|.95|Solve this olympiad problem with full proof: {c}.
math|.95|Find a rigorous proof that {c} without the axiom of choice.
creative|.2|Write a funny story about {w} and {t}.
creative|.25|Write a short scene: {w} finds out the truth about {t}.
creative|.3|Rewrite the ending of a famous tale so that {t} play a part.
creative|.3|Create three characters for a role playing game set in a world of {t}.
creative|.3|Build a fantasy world around {t}: people, magic, conflict.
creative|.25|Write a screenplay scene in which {w} discovers {t}.
creative|.25|Write a script for a short video about {t}, with a surprise at the end.
creative|.22|tell me a story about {t}
creative|.22|Tell a bedtime story with {t} in it.
creative|.22|rap verse about {t}
creative|.22|five jokes about {t}
creative|.22|Write a stand-up routine about {t}.
creative|.22|cartoon captions about {t}
creative|.25|A dialogue between a cat and a robot about {t}
creative|.28|Write the next chapter. So far: {n} {n} {n}
creative|.28|Here is the beginning of my story. Go on in the same style.\\n{n} {n} {n}
creative|.28|Create a character sheet for a wizard who is obsessed with {t}.
creative|.28|Design a fantasy map and the peoples that live on it; they all need {t}.
creative|.25|Act as a screenwriter and turn this into a scene with camera moves: {n} {n}
creative|.25|Convert the text into a film script: {n} {n} {n}
creative|.22|Write a slogan and a radio spot for {t}.
creative|.22|Write a caption for a photo of {t}.
creative|.22|Write an alternate history in which {t} were never invented.
creative|.22|Write a limerick about {w}.
creative|.22|Write a love letter from the moon to the sea.
creative|.22|You are a pirate. Greet me and tell me about {t}.
creative|.22|Act as {w} and complain about {t}.
creative|.22|Pretend to be a knight who has never seen {t}.
creative|.22|Play the part of a shopkeeper in a fantasy town; I walk in.
creative|.22|Be a strict sports coach and react to my excuses.
creative|.22|Imagine you are a river. Describe your life.
creative|.22|Take the role of a doctor in the middle ages and advise me about {t}.
creative|.22|Speak as the narrator of a nature film about {t}.
creative|.22|Describe a forest at night so that the reader shivers.
creative|.22|Describe a street market with all senses.
creative|.25|Write a travel article about {t} that makes people want to leave at once.
creative|.25|Write an opinion column about {t}.
creative|.25|Write a persuasive speech about {t} for a school election.
creative|.25|Write an obituary for an old machine.
creative|.22|Schreib ein Gedicht über den Herbst
creative|.25|Schreibe eine kurze Geschichte über einen Jungen, der nicht schlafen kann.
creative|.25|Erfinde ein Märchen mit einem Fuchs und einer Uhr.
creative|.25|Schreib einen lustigen Dialog zwischen zwei Möwen.
creative|.22|Dichte vier Zeilen für eine Einladung zum Geburtstag.
creative|.25|Écris un poème sur la mer et le vent
creative|.25|Raconte une histoire drôle sur un boulanger distrait.
creative|.28|Écris le premier chapitre d'un roman policier à Marseille.
creative|.25|Escribe un cuento corto sobre un faro
creative|.25|Genera un poema sobre la lluvia en la ciudad
creative|.25|Scrivi una poesia sulla neve
creative|.28|Agisci come sceneggiatore e scrivi una scena tra due fratelli.
creative|.25|Inventa una favola con un asino e una stella.
creative|.25|Escreva um conto sobre um pescador e um rio
creative|.25|Faça uma letra de samba sobre saudade.
creative|.25|Crie um roteiro engraçado para um vídeo de um minuto.
creative|.25|Напиши стихотворение о зиме
creative|.25|Придумай короткий сценарий мультфильма с неожиданным концом.
creative|.28|Напиши рассказ о человеке, который нашёл старое письмо.
creative|.25|Napisz krótkie opowiadanie o starym domu
creative|.25|Ułóż wiersz o jesieni.
creative|.25|Napiš krátkou pohádku o drakovi
creative|.25|Napiši pesmu od osam stihova sa rimom o moru
creative|.25|Viết một bài thơ về mùa xuân
creative|.25|Kể cho tôi một câu chuyện vui về bà tôi
creative|.25|Thơ về quê hương
creative|.25|Deniz hakkında kısa bir şiir yaz
creative|.25|Bana yalnız bir astronot hakkında bir hikaye anlat
creative|.25|写一首关于秋天的诗
creative|.25|写一个关于机器人和小猫的短篇故事。
creative|.25|请为一部短片写一个剧本，结局要出人意料。
creative|.25|猫についての短い物語を書いてください。
creative|.25|夏の海をテーマに詩を作ってください。
creative|.25|가을에 대한 짧은 시를 써 줘
creative|.25|외계인과 소년의 이야기를 써 주세요.
creative|.25|اكتب قصيدة قصيرة عن البحر
creative|.25|Tulis cerita pendek tentang seorang nelayan
creative|.25|Kirjoita lyhyt tarina talvesta
creative|.25|Skriv en kort saga om en räv
question|.05|Giá vé xe buýt là bao nhiêu?
question|.05|Ile kosztuje bilet do kina?
question|.05|Сколько времени лететь до Рима?
question|.05|Bugün hava nasıl?
question|.05|Kolik je teď hodin v Tokiu?
question|.05|巴黎的人口是多少？
question|.05|東京タワーの高さは？
question|.05|서울의 날씨는 어때?
question|.05|Hur långt är det till Oslo?
question.open|.25|Hãy giải thích lạm phát là gì.
question.open|.25|Wyjaśnij, jak działa szczepionka.
question.open|.25|Объясни, почему небо голубое.
question.open|.25|请解释一下什么是通货膨胀。
question.open|.25|なぜ空は青いのですか。説明してください。
question.open|.25|Explique la différence entre un impôt et une taxe.
question.open|.25|Explica cómo funciona un motor eléctrico.
question.open|.25|Erkläre mir, wie eine Wärmepumpe arbeitet.
summarize|.04|Tóm tắt đoạn văn này: {n}
summarize|.04|Streść ten tekst: {n}
summarize|.04|Кратко перескажи текст: {n}
summarize|.04|总结一下这段文字：{n}
code.write|.6|Viết một hàm {l} để sắp xếp một danh sách.
code.write|.6|Napisz skrypt w {l}, który zmienia nazwy plików.
code.write|.6|Напиши функцию на {l}, которая ищет повторы в списке.
code.write|.6|用{l}写一个读取CSV文件的程序。
code.write|.6|{l}でリストを並べ替える関数を書いてください。
code.write|.6|Escribe un programa en {l} que lea un archivo y cuente palabras.
code.write|.6|Écris une fonction en {l} qui inverse une liste chaînée.
code.write|.6|Schreib ein {l}-Programm, das Primzahlen ausgibt.
code.write|.6|How do I call a web API from {l} and parse the JSON?
code.write|.6|How to set up {x} with Docker and nginx on Linux?
code.write|.6|Write a Kubernetes deployment for {x} with a config map and health checks.
code.write|.6|Write a bash script that makes a backup every night and rotates old ones.
code.write|.6|Give me a systemd unit and timer for {x}.
code.write|.6|How to validate a form in React and show errors?
code.write|.6|Write an SQL query with a window function for the latest order of each customer.
code.write|.6|pandas: group by month and plot the mean, with error bars
code.write|.6|Write a regular expression that matches dates like 2024-05-01.
code.write|.6|Implement a linked list with an iterator in {l}.
code.write|.6|Given an array of numbers, write {l} code that finds the longest run of equal values, and state the complexity.
code.write|.6|def median(xs):\\n    '''Return the median of a list.'''\\n\\nComplete this function.
code.write|.62|Write {x} in {l} that runs several jobs at a time and stops cleanly on a signal.
code.write|.62|Write a small game in {l} with a score and three levels.
code.explain|.45|In {l}, is appending to a list thread safe? Explain.
code.explain|.45|What is the time complexity of this? {p}
code.explain|.45|Why does {l} copy the value here? {p}
code.fix|.58|I get a segmentation fault when I run this.\\n{p}\\n{p}
code.fix|.5|{p}\\n\\nfix the bug
code.fix|.5|whats wrong here?\\n{p}
code.explain|.42|{p}\\nwhat does this do
code.fix|.58|docker compose says the port is already in use, what is wrong with my file?\\n{p}
code.fix|.58|error: undefined reference to `main`. How do I fix this build?
code.fix|.58|The page layout breaks on mobile. Here is my CSS:\\n{p}
extract|.4|From the reviews below, give a rating from 1 to 5 for each as a JSON array.\\n{n}\\n{n}\\n{n}
extract|.4|Extract every person, place and organisation from this text and group them: {n} {n}
extract|.4|Read the table and report the row with the largest growth.\\nNorth 11 13 17\\nSouth 21 20 26\\nEast 9 9 12
extract|.4|Turn these notes into a CSV with the columns who, what and when.\\n{n}\\n{n}
extract|.4|List all amounts with currency and purpose as YAML: {n} {n}
extract|.4|Which of the following sentences are facts and which are opinions? Return the counts as JSON. {n} {n} {n}
extract|.4|From this log list the times of all errors: 08:11 disk ok; 08:14 net error; 08:20 disk error
extract|.4|Collect all variables that occur in these equations and write them in LaTeX: F = ma, v = s/t
extract|.35|Compare the items in this passage by price and weight, one line of JSON for each: {n} {n}
extract|.35|Classify each message as complaint, question or praise.\\n{n}\\n{n}\\n{n}
question.text|.3|Read the passage and answer the question.\\n\\n{n} {n} {n}\\n\\nQuestion: What happened first?
question.text|.3|Passage: {n} {n} {n} {n}\\nQuestion: Which statement is supported by the passage?
question.text|.3|Based on the text below, who is responsible?\\n{n} {n} {n}
question.text|.3|{n} {n} {n} {n}\\n\\nAccording to the passage, what is the main point of the author?
question.text|.3|Answer only from the context.\\nContext: {n} {n} {n}\\nQuestion: when does it take place?
reasoning|.5|{w} is older than Ben, Ben is older than Cleo, and Dora is younger than Cleo. Who is the second oldest?
reasoning|.5|In a race you pass the runner in second place. In which place are you now? Explain why people get it wrong.
reasoning|.5|All tailors are patient and some patient people are tall. Does it follow that some tailors are tall?
reasoning|.5|Three jars have wrong labels. You may look into one. How do you correct all labels?
reasoning|.5|Two doors, two guards, one always lies. What do you ask?
reasoning|.5|How can you measure exactly four litres with a three litre jug and a five litre jug?
reasoning|.5|A man points at a picture and says: his mother is the daughter of my mother. Who is it?
reasoning|.5|Which word does not belong with the others: oak, birch, rose, maple? Give your reason.
reasoning|.5|If five cats catch five mice in five minutes, how long do a hundred cats need for a hundred mice? Reason step by step.
reasoning|.5|Solve this riddle and explain: the more you take, the more you leave behind.
reasoning|.5|Yesterday's tomorrow is Monday. Which day is it the day after tomorrow?
reasoning|.55|Six people sit around a table. A sits opposite B, C left of D, E not next to A. Where does F sit?
reasoning|.5|Is it possible that {w} told the truth if both statements contradict each other? Work it out.
math|.5|Find all x with |x - 4| + |2x + 1| < 9.
math|.45|Solve 4x - 3y = 7 and x + y = 5.
math|.45|What is the area of the triangle with corners (0, 1), (3, 5) and (6, 1)?
math|.5|How many committees of two women and three men can be formed from six women and eight men?
math|.55|Find the remainder of 5 to the power of 77 divided by 11.
math|.55|Where does f(x) = x^3 - 6x^2 + 9x have maxima and minima?
math|.5|Two dice are thrown. What is the probability that the product is even?
math|.5|Compute the integral of x times the cosine of x.
math|.5|Giải phương trình x^2 - 5x + 6 = 0.
math|.5|Решите уравнение: 3x^2 + 2x - 8 = 0.
math|.5|Rozwiąż układ równań: x + y = 7, 2x - y = 2.
math|.5|求解方程 2x + 3 = 11，并写出步骤。
math|.5|Berechne die Ableitung von x^2 sin(x).
question.open|.25|Why do bridges have joints, and how does steel behave in the heat?
question.open|.25|What is the difference between a comet and an asteroid, and why does it matter?
question.open|.25|Describe how a diode works.
question.open|.25|How does a plane stay in the air?
question.open|.25|Which factors decide how fast milk turns sour?
question.open|.25|Compare the ideas of two philosophers on freedom.
question.open|.25|What role did {t} play in the nineteenth century?
question.open|.25|Explain the difference between a civil and a criminal case with an example.
question.open|.25|What can we learn from {t} about trade in ancient times?
question.open|.25|How do interest rates affect the price of houses?
creative|.25|Rewrite the nursery rhyme as a punk song, keep the subject
creative|.25|Turn this into a country ballad: {n} {n}
creative|.25|Plot outline for a comic about {t}, six panels
creative|.25|Write a crossover between two invented television series, scene by scene, with dialogue.
creative|.25|The last diary entry of a lighthouse keeper who discovered {t}
creative|.25|My character is a shy thief in a rainy town. Help me find her backstory and the turning point of the novel.
creative|.25|Make the dialogue in my scene funnier and keep the characters: {n} {n}
creative|.25|Let's roleplay: I am a lost traveller, you run the inn.
creative|.25|Verse and chorus, eight syllables a line, about {t}
creative|.25|an old folk song about {w} with a sad ending
creative|.25|Write a parody of an opera about {t}
creative|.25|Narrate a football match between animals
math|.6|Test at the 5% level whether the two means differ: n1 = 30, n2 = 28, s1 = 4, s2 = 5.
math|.6|Urn with 5 red and 7 white balls, three are drawn. Distribution of the number of red ones, mean and variance.
math|.6|Divide 1,250 among four people in the ratio 1:2:3:4 and round to cents.
math|.6|Compound interest, 12 years, 3.5 percent, 5000 at the start and 100 each month: final balance?
math|.6|Give the closed form of the sum of k times 2 to the k.
code.fix|.6|{p}\\n{p}\\nit prints nothing, what is wrong
code.fix|.6|i get this error\\nTypeError: unsupported operand\\n{p}\\n{p}
code.fix|.6|{p}\\n{p}\\n{p}\\nmake it handle empty input and add logging
code.fix|.6|change this so that it uses threads\\n{p}\\n{p}
code.fix|.6|Traceback (most recent call last):\\n{p}\\nKeyError: 'amount'
code.write|.6|{p}\\n{p}\\n{p}
code.write|.6|Given the following class, add the missing methods:\\n{p}\\n{p}
code.write|.6|Dockerfile and compose file for {x} in {l}, with health checks
code.write|.6|reverse a branch in git that was merged by mistake, show the commands
code.write|.6|single page in html and css with a dark mode for {x}
code.write|.6|Excel formula that counts dates in column B by month
code.write|.6|a {l} macro that fills a sheet from {x}
question.open|.27|You are an expert on {t} with thirty years of practice. Draft a strategy for a small company.
question.open|.27|I run a course about {t} for beginners. Propose a syllabus for eight weeks.
question.open|.27|Plan a weekend trip by train for two who like {t}.
question.open|.27|What would happen if {t} disappeared tomorrow? Go through the consequences.
question.open|.27|Write an abstract and an outline for a paper about {t}.""".split("\n")
