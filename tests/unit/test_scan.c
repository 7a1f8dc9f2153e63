/* SPDX-License-Identifier: Apache-2.0 */
/* What the scanner finds, what it leaves alone, and what it says when it cannot finish. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/fault.h"
#include "common/text.h"
#include "scan/scan.h"
#include "scan/secrets.h"

static struct scanner *scanner;

static int build(void **state)
{
	struct scan_site_error bad;

	(void)state;
	return scanner_new(NULL, 0, &scanner, &bad) == ERR_OK ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	scanner_free(scanner);
	return 0;
}

struct row {
	const char *name;
	const char *text;
	const char *category; /* NULL: nothing is found */
	const char *value;    /* NULL: the place is not looked at */
};

static const struct row rows[] = {
	{ "a mail address", "write to ann.lee@example.org, please", "personal.contact.email",
	  "ann.lee@example.org" },
	{ "a mail address after an escaped line end", "x\\nbob@example.org",
	  "personal.contact.email", "bob@example.org" },
	{ "an at sign in prose", "meet me @ noon", NULL, NULL },
	{ "a domain without a top level", "root@localhost", NULL, NULL },
	{ "a card in groups", "pay with 4111 1111 1111 1111 now", "financial.card",
	  "4111 1111 1111 1111" },
	{ "a card of fifteen digits", "378282246310005", "financial.card", "378282246310005" },
	{ "sixteen digits that fail Luhn", "order 4111111111111112", NULL, NULL },
	{ "an IBAN in groups", "to GB82 WEST 1234 5698 7654 32 today", "financial.iban",
	  "GB82 WEST 1234 5698 7654 32" },
	{ "an IBAN in lower case", "iban de89370400440532013000", "financial.iban",
	  "de89370400440532013000" },
	{ "an IBAN with a wrong digit", "iban DE89370400440532013001", NULL, NULL },
	{ "an American telephone number", "call (415) 555-0132", "personal.contact.phone",
	  "(415) 555-0132" },
	{ "a telephone number with its country", "+49 171 1234567", "personal.contact.phone",
	  "+49 171 1234567" },
	{ "decimals are no telephone number", "A. 34.1256 B. 28.6891", NULL, NULL },
	{ "thousands are no telephone number", "it has 1 234 567 890 rows", NULL, NULL },
	{ "a date is no telephone number", "released 2024-05-17", NULL, NULL },
	{ "a date of birth", "born on 5/10/1963 in winter", "personal.birthdate", "5/10/1963" },
	{ "its month in letters", "I was born on 3 March 1984.", "personal.birthdate",
	  "3 March 1984" },
	{ "its month first", "DOB: March 3rd, 1984", "personal.birthdate", "March 3rd, 1984" },
	{ "its month between dashes", "born 03-MAR-1984", "personal.birthdate", "03-MAR-1984" },
	{ "of a year in two digits", "birthday: 3 Mar 84", "personal.birthdate", "3 Mar 84" },
	{ "without a year", "the 3rd of May is her birthday", "personal.birthdate",
	  "3rd of May" },
	{ "in German", "geboren am 3. März 1984", "personal.birthdate", "3. März 1984" },
	{ "in French", "née le 1er août 1984", "personal.birthdate", "1er août 1984" },
	{ "in Spanish", "nací el 3 de marzo de 1984", "personal.birthdate",
	  "3 de marzo de 1984" },
	{ "a date in letters of nobody's birth", "released on 3 March 1984", NULL, NULL },
	{ "no such day", "born on 31 April or so", NULL, NULL },
	{ "no month", "born in 19 hours and may 5x", NULL, NULL },
	{ "a health service number in groups", "NHS number: 943 476 5919", "health.record",
	  "943 476 5919" },
	{ "the same digits without that word", "ring 943 476 5919", "personal.contact.phone",
	  "943 476 5919" },
	{ "an illness with its accents", "j'ai le diabète", "health.condition", "diabète" },
	{ "a licence with its umlaut", "Führerschein B072RRE2I55", "personal.id.national",
	  "B072RRE2I55" },
	{ "a password in French", "mot de passe : tournesol12", "secret.password",
	  "tournesol12" },
	{ "a password in Spanish", "la contraseña es girasol12", "secret.password",
	  "girasol12" },
	{ "a phrase of illness", "I have cancer", "health.condition", "have cancer" },
	{ "a social security number", "my SSN is 078-05-1125", "personal.id.national",
	  "078-05-1125" },
	{ "an area that was never given out", "666-12-3456", NULL, NULL },
	{ "a Spanish identity number", "NIF 12345678Z", "personal.id.national", "12345678Z" },
	{ "a Spanish identity number with a wrong letter", "12345678A", NULL, NULL },
	{ "a Finnish identity code", "hetu 131052-308T", "personal.id.national",
	  "131052-308T" },
	{ "an Italian fiscal code", "RSSMRA85T10A562S", "personal.id.national",
	  "RSSMRA85T10A562S" },
	{ "a Polish number with date and check digit", "pesel 44051401458",
	  "personal.id.national", "44051401458" },
	{ "a British insurance number", "nino AA 12 34 56 B", "personal.id.national",
	  "AA 12 34 56 B" },
	{ "a number beside the word passport", "my passport number is T3569075",
	  "personal.id.passport", "T3569075" },
	{ "a number beside the word licence", "my driver's license number is 5130634",
	  "personal.id.national", "5130634" },
	{ "a version is no network address", "version 1.2.3", NULL, NULL },
	{ "a public network address", "from 133.133.133.133 again", "personal.location",
	  "133.133.133.133" },
	{ "this host", "listen on 127.0.0.1", NULL, NULL },
	{ "a version 6 address", "ping 2400:c401::5054:ff:fe1b:b031", "personal.location",
	  "2400:c401::5054:ff:fe1b:b031" },
	{ "a clock time", "at 12:34:56", NULL, NULL },
	{ "a name after a title", "ask Dr. Wolkenstein", "personal.name", "Wolkenstein" },
	{ "a given and a family name", "a letter from Katrine Jensen arrived", "personal.name",
	  "Katrine Jensen" },
	{ "a name after the word name", "my name is Xiuhcoatl Tezozomoc", "personal.name",
	  "Xiuhcoatl Tezozomoc" },
	{ "a name with particles", "under my partner's name Donald van der Voet",
	  "personal.name", "Donald van der Voet" },
	{ "a programming language", "Write Python code that sorts a list", NULL, NULL },
	{ "a famous physicist", "Explain what Newton said about motion", NULL, NULL },
	{ "a street in English", "send it to 385 Gemsbok Street please",
	  "personal.contact.address", NULL },
	{ "a street in German", "Treffpunkt Wiesenstrasse 31", "personal.contact.address",
	  NULL },
	{ "a post box", "P.O. Box 211", "personal.contact.address", NULL },
	{ "a street before its town", "The party is at 14 Elm Road, Kirkton",
	  "personal.contact.address", "14 Elm Road" },
	{ "an address over lines",
	  "Please send it to 7 Elm Road\n Apt. 3\n Kirkton\n 40512 soon",
	  "personal.contact.address", "7 Elm Road\n Apt. 3\n Kirkton\n 40512" },
	{ "a corner", "we are at the corner of Lindenweg 12 and Parkallee",
	  "personal.contact.address", "the corner of Lindenweg 12 and Parkallee" },
	{ "a street that only its sentence shows", "I live at Zandkreek 18",
	  "personal.contact.address", "Zandkreek 18" },
	{ "a street in lower case", "we are at rue du moulin 12 today",
	  "personal.contact.address", "rue du moulin 12" },
	{ "amounts in a table", "Payable 28,500 Marketable Securities 16,000 Notes", NULL,
	  NULL },
	{ "a town beside its code", "our office in Vlierden 57561 opened", "personal.location",
	  "Vlierden" },
	{ "a year behind a town", "the fair in Vlierden 1975", NULL, NULL },
	{ "a town with particles", "we moved to Soto del Campo", "personal.location",
	  "Soto del Campo" },
	{ "who gets something", "she had given Zdravka her keys", "personal.name", "Zdravka" },
	{ "a pronoun", "He lives alone", NULL, NULL },
	{ "a name no list has", "I wrote to Mirosława Pietrzykowska yesterday", "personal.name",
	  "Mirosława Pietrzykowska" },
	{ "a telephone with country and extension", "001-204-555-0138x169-Fax",
	  "personal.contact.phone", "001-204-555-0138x169" },
	{ "where somebody lives", "I live in Denmark now", "personal.location", "Denmark" },
	{ "a question about the world", "What is the capital of Denmark?", NULL, NULL },
	{ "an illness", "he was told it is multiple sclerosis", "health.condition",
	  "multiple sclerosis" },
	{ "a medicine", "she takes sertraline daily", "health.medication", "sertraline" },
	{ "a privileged letter", "ATTORNEY-CLIENT PRIVILEGED: see below", "legal.privileged",
	  "ATTORNEY-CLIENT PRIVILEGED" },
	{ "the age of a child", "my son is 9 years old", "minor", "9 years old" },
	{ "the age of a whisky", "a 12-year-old whisky", NULL, NULL },
	{ "a client secret with a tilde", "x: Abc8Q~aBcDeFgHiJkLmNoPqRsTuVwXyZ01234.",
	  "secret.api_key", "Abc8Q~aBcDeFgHiJkLmNoPqRsTuVwXyZ01234" },
	{ "a client secret that is too short", "x: Abc8Q~aBcDeFgHiJkLmNoPqRsTuVwXyZ0123", NULL,
	  NULL },
	{ "a bot's token in three parts",
	  "log in with MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs now",
	  "secret.token", "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs" },
	{ "three parts that are no token",
	  "see QTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs", NULL, NULL },
	{ "a bot's token behind its number",
	  "bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX and "
	  "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX",
	  "secret.token", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX" },
	{ "an application's token behind a bar", "1234567890123456|AbCdEfGhIjKlMnOpQrStUvWxYz0",
	  "secret.token", "1234567890123456|AbCdEfGhIjKlMnOpQrStUvWxYz0" },
	{ "a licence key with its ending", "k 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",
	  "secret.api_key", "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" },
	{ "an ending without its key", "EfGhIjKlMnOpQrStUvWxYz0123456_mmk", NULL, NULL },
	{ "a private key of OpenPGP",
	  "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF0v2X0BCADd2u8oQ1x7c9m5W1r0b8T3kLq7\n"
	  "=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n",
	  "secret.private_key", NULL },
	{ "a public key is none", "public_key = 8f3kd92ls0a7x5c4v1b6n2m9", NULL, NULL },
	{ "a password in base64", "Authorization: Basic dXNlcjpwYXNzd29yZDE=",
	  "secret.password", "dXNlcjpwYXNzd29yZDE=" },
	{ "a user of curl", "curl --user 'ann:h4rdToGuess' https://x.example",
	  "secret.password", NULL },
	{ "a user of curl who is a variable", "curl -u $NAME:$PASS https://x.example", NULL,
	  NULL },
	{ "a password in an attribute", "<add key=\"Password\" value=\"h4rd2Guess!\" />",
	  "secret.password", "h4rd2Guess!" },
	{ "a signed address", "https://x.example/a?sig=AbCdEf0123456789xyz&b=c",
	  "credentials_url", "AbCdEf0123456789xyz" },
	{ "an address signed by a variable", "https://x.example/a?sig={SIGNATURE_GOES_HERE}",
	  NULL, NULL },
	{ "a hardware address", "ether 00:1a:2b:3c:4d:5e up", "personal.location",
	  "00:1a:2b:3c:4d:5e" },
	{ "no hardware address", "ether 00:00:00:00:00:00 up", NULL, NULL },
	{ "a wallet of BIP 173", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
	  "financial.account", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq" },
	{ "a wallet in hexadecimal", "0x52908400098527886E0F7030069857D2E4169EE7",
	  "financial.account", "0x52908400098527886E0F7030069857D2E4169EE7" },
	{ "a wallet in base 58", "pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "financial.account",
	  "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa" },
	{ "an AWS key", "id AKIAQYLPMN5HFIQR7XYZ.", "secret.api_key", "AKIAQYLPMN5HFIQR7XYZ" },
	{ "a GitHub token", "ghp_pzUXs5O3tmhQaKt0AvJtEvbVlS1THbYfCaCx", "secret.token",
	  "ghp_pzUXs5O3tmhQaKt0AvJtEvbVlS1THbYfCaCx" },
	{ "a GitHub token that is one character long",
	  "ghp_pzUXs5O3tmhQaKt0AvJtEvbVlS1THbYfCaCxx", NULL, NULL },
	{ "a placeholder for a token", "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL, NULL },
	{ "a key known by its service", "adafruit = 0i0pxjxfuzlxadsupp4hx3dn24iaph2u",
	  "secret.api_key", "0i0pxjxfuzlxadsupp4hx3dn24iaph2u" },
	{ "a service's name in prose", "adafruit makes small boards for makers", NULL, NULL },
	{ "a password in a configuration", "DB_PASSWORD=k9$mPq2!zz", "secret.password",
	  "k9$mPq2!zz" },
	{ "a password in a sentence", "the password is Tr0ub4dor&3", "secret.password",
	  "Tr0ub4dor&3" },
	{ "a variable for a password", "PASSWORD=$DB_PASSWORD", NULL, NULL },
	{ "talk about passwords", "my password is not accepted", NULL, NULL },
	{ "a private key",
	  "-----BEGIN EC PRIVATE KEY-----\n"
	  "MHcCAQEEIB1kGx0q1Pz4pJ1b8n1b2Y0m6vN8j1zQ0m3r5t7v9x1oAoGCCqGSM49\n"
	  "-----END EC PRIVATE KEY-----",
	  "secret.private_key", NULL },
	{ "a public key",
	  "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----", NULL,
	  NULL },
	{ "a web token",
	  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0."
	  "dozjgNryP4J3jVmNHl0w5N_X",
	  "secret.token", NULL },
	{ "a header with a token", "Authorization: Bearer 8f3kd92ls0a7x5c4v1b6n2m9",
	  "secret.token", "8f3kd92ls0a7x5c4v1b6n2m9" },
	{ "a URL with a password", "postgres://admin:s3cret@db.internal:5432/app",
	  "credentials_url", "postgres://admin:s3cret@db.internal:5432/app" },
	{ "a URL with a port", "see http://localhost:8080/path", NULL, NULL },
	{ "a program", "def f(x):\n    return x + 1\n\nfor i in range(3):\n    print(f(i))\n",
	  "source_code", NULL },
	{ "a fenced program", "fix\n```c\nint main(void) { return 0; }\n```\n", "source_code",
	  NULL },
	{ "JSON is data", "{\"a\": 1,\n \"b\": [1, 2],\n \"c\": {\"d\": 2}}", NULL, NULL },
	{ "prose", "Please summarise the following text in three short sentences.", NULL,
	  NULL },
	{ "a card in full-width digits",
	  "card \xef\xbc\x94\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91"
	  "\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91"
	  "\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91"
	  "\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91\xef\xbc\x91",
	  "financial.card", NULL },
	{ "a key broken by a zero-width space", "AKIA\xe2\x80\x8bQYLPMN5HFIQR7XYZ",
	  "secret.api_key", "AKIA\xe2\x80\x8bQYLPMN5HFIQR7XYZ" },
	{ "a card inside base64", "bXkgY2FyZCBudW1iZXIgaXMgNDExMTExMTExMTExMTExMQ==",
	  "financial.card", "bXkgY2FyZCBudW1iZXIgaXMgNDExMTExMTExMTExMTExMQ==" },
	{ "a card inside base64 over lines",
	  "bXkgY2FyZCBudW1iZXIgaXMg\nNDExMTExMTExMTExMTExMQ==", "financial.card",
	  "bXkgY2FyZCBudW1iZXIgaXMg\nNDExMTExMTExMTExMTExMQ==" },
	{ "a short address inside base64 for URLs", "x=Ym9iQGV4YW1wbGUub3Jn&y",
	  "personal.contact.email", "Ym9iQGV4YW1wbGUub3Jn" },
	{ "a card inside base64 below lines of other things",
	  "internationalise\nNDExMTExMTExMTExMTExMQ==", "financial.card",
	  "NDExMTExMTExMTExMTExMQ==" },
	{ "a mail address with a JSON escape", "{\"email\":\"bob\\u0040example.org\"}",
	  "personal.contact.email", "bob\\u0040example.org" },
	{ "a URL with JSON's slashes", "{\"u\":\"https:\\/\\/bob:pa55wD!x@host.example\\/x\"}",
	  "credentials_url", NULL },
	{ "a password in JSON", "{\"user\":{\"name\":\"app\",\"password\":\"hunter2Kx9!\"}}",
	  "secret.password", "hunter2Kx9!" },
	{ "a password in YAML", "database:\n  user: app\n  password: Qw3rty-9zzk\n",
	  "secret.password", "Qw3rty-9zzk" },
	{ "a mail address with an HTML reference", "bob&#64;example.org",
	  "personal.contact.email", "bob&#64;example.org" },
	{ "half a pair of JSON escapes", "{\"x\":\"\\ud83d and more\"}", NULL, NULL },
	{ "a mail address quoted twice", "to=bob%2540example.org", "personal.contact.email",
	  "bob%2540example.org" },
	{ "a card's code behind its month", "exp 09/27 cvv 123", "secret.password", "123" },
	{ "a password for curl that begins like the word",
	  "curl -u admin:Passw0rd! https://x.example", "secret.password", "admin:Passw0rd!" },
	{ "a place for a password of curl", "curl -u admin:password https://x.example", NULL,
	  NULL },
	{ "a card in typographic quotes", "card “4539148803436467”", "financial.card",
	  "4539148803436467" },
	{ "a card between dashes", "–4539 1488 0343 6467—", "financial.card",
	  "4539 1488 0343 6467" },
	{ "a card behind Chinese", "银行卡号4539148803436467。", "financial.card",
	  "4539148803436467" },
	{ "a card glued to a letter", "é4539148803436467", NULL, NULL },
	{ "an identity number behind Chinese", "身份证号11010519491231002X",
	  "personal.id.national", "11010519491231002X" },
	{ "an IBAN inside Japanese", "IBANはDE89370400440532013000です", "financial.iban",
	  "DE89370400440532013000" },
	{ "a telephone number before Korean", "전화 010-1234-5678입니다",
	  "personal.contact.phone", "010-1234-5678" },
	{ "a key in guillemets", "«AKIAQYLPMN5HFIQR7XYA»", "secret.api_key",
	  "AKIAQYLPMN5HFIQR7XYA" },
	{ "a key before Japanese", "AKIAQYLPMN5HFIQR7XYAです", "secret.api_key",
	  "AKIAQYLPMN5HFIQR7XYA" },
	{ "a name in typographic quotes", "my name is “Maria Fernandez”", "personal.name",
	  "Maria Fernandez" },
	{ "a name behind a no-break space", "my name is\xc2\xa0Maria Fernandez",
	  "personal.name", "Maria Fernandez" },
	{ "a key broken by a soft hyphen", "AKIA\xc2\xadQYLPMN5HFIQR7XYZ", "secret.api_key",
	  "AKIA\xc2\xadQYLPMN5HFIQR7XYZ" },
	{ "a key in a program", "const apiKey = \"sk-proj-4f9aK2mXz81QpLw0RtYv7BnC3eHd6JsG\";",
	  "secret.api_key", NULL },
	{ "a mail address in a quoted URL", "?to=bob%40example.org&x=1",
	  "personal.contact.email", "bob%40example.org" },
};

static struct scan_result scan(const struct scanner *s, struct span text, struct arena *a)
{
	struct scan_result r = { 0 };

	assert_int_equal(scan_text(s, text, &scan_budget_default, a, &r), ERR_OK);
	return r;
}

/* Sorted, inside the text, without overlaps, and `found` says what the spans say. */
static void result_is_sound(const struct scan_result *r, struct span text, const char *name)
{
	struct scan_set seen = { { 0 } };
	size_t at = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct scan_span *f = &r->spans[i];

		CHECK(f->start >= at && f->start < f->end && f->end <= text.len, name);
		CHECK(scanner_detector_name(scanner, f->detector)[0] != '\0', name);
		scan_set_add(&seen, f->category);
		at = f->end;
	}
	CHECK(memcmp(&seen, &r->found, sizeof seen) == 0, name);
}

static void finds_and_leaves(void **state)
{
	struct arena *a = arena_new("test", 1 << 24);

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct span text = span_of(rows[i].text);
		struct scan_result r = scan(scanner, text, a);
		bool right = rows[i].category == NULL && r.count == 0;

		CHECK(r.status == SCAN_COMPLETE, rows[i].name);
		result_is_sound(&r, text, rows[i].name);
		for (size_t k = 0; k < r.count && rows[i].category != NULL; k++) {
			struct span value = { text.ptr + r.spans[k].start,
					      r.spans[k].end - r.spans[k].start };

			right = right ||
				(strcmp(scanner_category_name(scanner, r.spans[k].category),
					rows[i].category) == 0 &&
				 (rows[i].value == NULL || span_is(value, rows[i].value)));
		}
		if (!right && r.count > 0)
			print_message("found %s by %s\n",
				      scanner_category_name(scanner, r.spans[0].category),
				      scanner_detector_name(scanner, r.spans[0].detector));
		CHECK(right, rows[i].name);
		arena_reset(a);
	}
	arena_free(a);
}

static void knows_two_hundred_credential_formats(void **state)
{
	size_t names = 0;

	(void)state;
	for (size_t i = 0; i < secret_formats_count; i++) {
		bool first = true;

		for (size_t k = 0; k < i; k++)
			first = first &&
				strcmp(secret_formats[i].name, secret_formats[k].name) != 0;
		names += first;
		CHECK(secret_formats[i].literal[0] != '\0', secret_formats[i].name);
		for (const char *p = secret_formats[i].literal; *p != '\0'; p++)
			CHECK(*p < 'A' || *p > 'Z', "literals are lower case");
	}
	assert_true(secret_formats_count >= 300);
	assert_true(names >= 200);
}

static void says_when_it_cannot_finish(void **state)
{
	struct arena *a = arena_new("test", 1 << 24);
	struct scan_result r;
	struct scan_budget small = { 10, 100, 1000, 250 }, few = { 1000, 2, 1000, 250 };

	(void)state;
	assert_int_equal(scan_text(scanner, span_of("a long text with bob@example.org in it"),
				   &small, a, &r),
			 ERR_OK);
	CHECK(r.status == SCAN_UNKNOWN && r.count == 0, "a text over the budget is unknown");
	assert_int_equal(scan_text(scanner, span_of("a@b.org c@d.org e@f.org"), &few, a, &r),
			 ERR_OK);
	CHECK(r.status == SCAN_UNKNOWN, "too many findings are unknown");
	CHECK(r.why[0] != '\0', "and it says why");
	assert_int_equal(scan_text(scanner, (struct span){ NULL, 0 }, &small, a, &r), ERR_OK);
	CHECK(r.status == SCAN_COMPLETE && r.count == 0, "the empty text is clean");
	arena_free(a);

	a = arena_new("test", 16);
	assert_int_equal(scan_text(scanner, span_of("a@b.org c@d.org e@f.org"), &few, a, &r),
			 ERR_NO_MEMORY);
	arena_free(a);
}

static void sites_add_categories(void **state)
{
	static const char *const words[] = { "Project Heron", "bluebird" };
	static const char *const mail[] = { "internal-list" };
	const struct scan_site_category site[] = {
		{ "company.project", NULL, words, 2, SCAN_CHECK_NONE, { "", 0 } },
		{ "company.badge", "\\bBDG-\\d{10}\\b", NULL, 0, SCAN_CHECK_LUHN, { "", 0 } },
		{ "personal.contact.email", NULL, mail, 1, SCAN_CHECK_NONE, { "", 0 } },
	};
	struct scanner *s = NULL;
	struct scan_site_error bad;
	struct arena *a = arena_new("test", 1 << 20);
	struct scan_set set = { { 0 } };

	(void)state;
	assert_int_equal(scanner_new(site, LEN(site), &s, &bad), ERR_OK);
	assert_int_equal(scanner_categories(s), SCAN_BUILTIN_CATEGORIES + 2);
	struct span text =
		span_of("about PROJECT  heron, bluebirds, “Bluebird” and internal-list");
	struct scan_result r = scan(s, text, a);
	assert_int_equal(r.count, 3);
	assert_string_equal(scanner_category_name(s, r.spans[0].category), "company.project");
	assert_int_equal(r.spans[0].start, 6);
	assert_int_equal(r.spans[2].category, SCAN_PERSONAL_EMAIL);
	text = span_of("BDG-0000000018 and BDG-0000000019");
	r = scan(s, text, a);
	assert_int_equal(r.count, 1);
	assert_string_equal(scanner_category_name(s, r.spans[0].category), "company.badge");

	assert_int_equal(scan_set_add_pattern(&set, s, "company.*"), 2);
	assert_int_equal(scan_set_add_pattern(&set, s, "personal.contact"), 3);
	assert_int_equal(scan_set_add_pattern(&set, s, "secret.token"), 1);
	assert_int_equal(scan_set_add_pattern(&set, s, "unknown"), 0);
	assert_true(scan_set_has(&set, SCAN_PERSONAL_EMAIL));
	assert_false(scan_set_has(&set, SCAN_SECRET_API_KEY));
	assert_int_equal(scan_set_add_pattern(&set, s, "*"), scanner_categories(s));
	scanner_free(s);
	arena_free(a);
}

/* "Lower layers can add, never remove": whatever their patterns cover stays found. */
static void a_site_takes_nothing_away(void **state)
{
	static const char *const word[] = { "heron" };
	const struct scan_site_category site[] = {
		{ .name = "company.codename",
		  .list = SPAN_LITERAL("\n  Project Heron \r\n\nheron\nheron") },
		{ .name = "mine.everything", .regex = "[\\s\\S]{1,400}" },
		{ .name = "mine.heron", .words = word, .word_count = 1 },
	};
	struct span text = span_of("Heron: mail anna@example.org, key "
				   "AKIAZ5GXK3QTV7W2RNBD");
	struct scan_set mail = { { 0 } }, both = { { 0 } };
	struct arena *a = arena_new("test", 4 << 20);
	struct scan_map *m = scan_map_new(16);
	struct scan_site_error bad;
	struct scanner *s = NULL;
	struct buf out;

	(void)state;
	assert_int_equal(scanner_new(site, LEN(site), &s, &bad), ERR_OK);
	struct scan_result r = scan(s, text, a);
	assert_true(scan_set_has(&r.found, SCAN_PERSONAL_EMAIL));
	assert_true(scan_set_has(&r.found, SCAN_SECRET_API_KEY));
	for (unsigned i = SCAN_BUILTIN_CATEGORIES; i < scanner_categories(s); i++)
		assert_true(scan_set_has(&r.found, i));

	/* A pattern nobody wants masked does not shield what is wanted. */
	buf_init(&out, 1 << 16);
	scan_set_add_pattern(&mail, s, "personal.*");
	assert_int_equal(scan_mask(s, text, &mail, &scan_budget_default, m, &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), "Heron: mail [EMAIL-1], key AKIAZ5GXK3QTV7W2RNBD");
	/* Where both are wanted they go as one: nothing is left of either. */
	buf_clear(&out);
	scan_set_add_pattern(&both, s, "personal.*");
	scan_set_add_pattern(&both, s, "mine.everything");
	assert_int_equal(scan_mask(s, text, &both, &scan_budget_default, m, &out), ERR_OK);
	assert_null(strstr(buf_cstr(&out), "anna"));
	assert_null(strstr(buf_cstr(&out), "RNBD"));
	buf_free(&out);
	scan_map_free(m);
	scanner_free(s);
	arena_free(a);
}

static void bad_site_categories_are_refused(void **state)
{
	static const char *const empty[] = { "ok", " - " };
	char long_regex[1100];
	const struct {
		const char *name;
		struct scan_site_category category;
		enum err want;
	} bad[] = {
		{ "an open bracket",
		  { "company.x", "a[b", NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_SYNTAX },
		{ "a bad name",
		  { "Company X", "a", NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_SYNTAX },
		{ "an empty name",
		  { "", "a", NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_SYNTAX },
		{ "nothing to look for",
		  { "company.x", NULL, NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_SYNTAX },
		{ "a word without letters",
		  { "company.x", NULL, empty, 2, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_SYNTAX },
		{ "single code units",
		  { "company.x", "a\\Cb", NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_SYNTAX },
		{ "a long regex",
		  { "company.x", long_regex, NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
		  ERR_TOO_BIG },
	};

	(void)state;
	memset(long_regex, 'a', sizeof long_regex - 1);
	long_regex[sizeof long_regex - 1] = '\0';
	for (size_t i = 0; i < LEN(bad); i++) {
		struct scan_site_category site[] = {
			{ "company.ok", "fine", NULL, 0, SCAN_CHECK_NONE, { "", 0 } },
			bad[i].category
		};
		struct scanner *s = NULL;
		struct scan_site_error where;

		CHECK(scanner_new(site, 2, &s, &where) == bad[i].want, bad[i].name);
		CHECK(s == NULL && where.index == 1, bad[i].name);
	}
}

static void a_runaway_regex_is_unknown(void **state)
{
	const struct scan_site_category site = { "company.x", "(a+)+$",        NULL,
						 0,           SCAN_CHECK_NONE, { "", 0 } };
	struct scanner *s = NULL;
	struct scan_site_error bad;
	struct arena *a = arena_new("test", 1 << 20);
	struct scan_result r;

	(void)state;
	assert_int_equal(scanner_new(&site, 1, &s, &bad), ERR_OK);
	struct scan_budget budget = { 10000, 100, 10000, 250 };
	assert_int_equal(
		scan_text(s, span_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
			  &budget, a, &r),
		ERR_OK);
	assert_int_equal(r.status, SCAN_UNKNOWN);
	/* Each place alone is within the limit, all of them would take minutes. */
	static char many[400000];
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 16 < 14 ? 'a' : '!';
	arena_reset(a);
	assert_int_equal(
		scan_text(s, (struct span){ many, sizeof many }, &scan_budget_default, a, &r),
		ERR_OK);
	assert_int_equal(r.status, SCAN_UNKNOWN);
	assert_string_equal(r.why, "a site regex took too long");
	scanner_free(s);
	arena_free(a);
}

/* A pasted attachment of any size, as one line and as lines of 76. */
static void base64_has_no_size_at_which_it_hides(void **state)
{
	static const char filler[] = "one more line of nothing at all ";
	size_t plain_len = 600000, len = 0;
	char *plain = malloc(plain_len), *coded = malloc(plain_len * 2);
	struct arena *a = arena_new("test", 64 << 20);

	(void)state;
	for (size_t i = 0; i < plain_len; i++)
		plain[i] = filler[i % (sizeof filler - 1)];
	memcpy(plain + plain_len - 40, " write to bob.ross@example.org today ", 37);
	for (int lines = 0; lines < 2; lines++) {
		struct buf b;

		buf_init(&b, plain_len * 2);
		text_base64(&b, (struct span){ plain, plain_len });
		len = 0;
		for (size_t i = 0; i < b.len; i++) {
			if (lines == 1 && i > 0 && i % 76 == 0)
				coded[len++] = '\n';
			coded[len++] = b.ptr[i];
		}
		buf_free(&b);
		struct scan_result r = scan(scanner, (struct span){ coded, len }, a);
		assert_int_equal(r.status, SCAN_COMPLETE);
		CHECK(scan_set_has(&r.found, SCAN_PERSONAL_EMAIL),
		      lines == 1 ? "in lines" : "in one line");
		arena_reset(a);
	}
	free(plain);
	free(coded);
	arena_free(a);
}

/* `times` as base64 of `text`; `b` must be empty. */
static void wrap(struct span text, int times, struct buf *b)
{
	struct buf next;

	buf_add(b, text);
	for (int i = 0; i < times; i++) {
		buf_init(&next, 1 << 20);
		text_base64(&next, buf_span(b));
		buf_free(b);
		*b = next;
	}
}

/* Each level is looked at, or the text is unknown: never complete with a level left out. */
static void nothing_hides_below_the_last_level(void **state)
{
	static const char secret[] = "please write to bob.ross@example.org today";
	struct arena *a = arena_new("test", 16 << 20);

	(void)state;
	for (int times = 1; times < 9; times++) {
		struct buf b;

		buf_init(&b, 1 << 20);
		wrap(span_of(secret), times, &b);
		struct scan_result r = scan(scanner, buf_span(&b), a);
		bool found = scan_set_has(&r.found, SCAN_PERSONAL_EMAIL);

		assert_int_equal(found, times <= 4);
		assert_int_equal(r.status, times <= 4 ? SCAN_COMPLETE : SCAN_UNKNOWN);
		if (times > 4)
			assert_string_equal(r.why, "the text is encoded too many times");
		buf_free(&b);
		arena_reset(a);
	}
	/* Percent signs quoted more often than levels there are; once less is looked at. */
	struct scan_result r = scan(scanner, span_of("bob.ross%25252540example.org"), a);
	assert_true(r.status == SCAN_COMPLETE && scan_set_has(&r.found, SCAN_PERSONAL_EMAIL));
	r = scan(scanner, span_of("bob.ross%2525252540example.org"), a);
	assert_int_equal(r.status, SCAN_UNKNOWN);
	/* Letters that fold to themselves are no further level. */
	r = scan(scanner, span_of("e\xcc\x81 \xef\xbc\x91 e\xcc\x81"), a);
	assert_int_equal(r.status, SCAN_COMPLETE);
	arena_free(a);
}

/* Text that reads differently each time it is decoded: the work is bounded, and it is said. */
static void many_readings_are_bounded(void **state)
{
	static const char piece[] = "\xef\xbc\x91 %2525252541 \\u00252541 &#37;2541 ";
	size_t len = 300000;
	char *text = malloc(len);
	struct arena *a = arena_new("test", 64 << 20);

	(void)state;
	for (size_t i = 0; i < len; i++)
		text[i] = piece[i % (sizeof piece - 1)];
	struct scan_result r = scan(scanner, (struct span){ text, len }, a);
	assert_int_equal(r.status, SCAN_UNKNOWN);
	free(text);
	arena_free(a);
}

/* Whatever goes back from each number to where its word or the text begins takes hours here. */
static void long_words_and_wide_margins_cost_their_length(void **state)
{
	static char text[4 << 20];
	static const char number[] = "A123A4567 ";
	struct arena *a = arena_new("test", 64 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = "a1b2"[i % 4];
	assert_int_equal(scan(scanner, (struct span){ text, sizeof text }, a).count, 0);
	memset(text, ' ', sizeof text);
	for (size_t i = sizeof text / 2; i + sizeof number < sizeof text;
	     i += sizeof number - 1)
		memcpy(text + i, number, sizeof number - 1);
	arena_reset(a);
	struct scan_result r = scan(scanner, (struct span){ text, sizeof text }, a);
	result_is_sound(&r, (struct span){ text, sizeof text }, "numbers behind a margin");
	arena_free(a);
}

static void a_site_regex_sees_all_of_a_long_text(void **state)
{
	const struct scan_site_category site = { "company.x", "\\bPRJ-\\d{4}\\b", NULL,
						 0,           SCAN_CHECK_NONE,    { "", 0 } };
	static char text[4 << 20];
	struct scanner *s = NULL;
	struct scan_site_error bad;
	struct arena *a = arena_new("test", 8 << 20);
	struct scan_budget patient = scan_budget_default;

	(void)state;
	patient.regex_ms = 3600000; /* however slow the machine is */
	assert_int_equal(scanner_new(&site, 1, &s, &bad), ERR_OK);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 7 == 6 ? ' ' : 'n';
	memcpy(text + sizeof text - 9, " PRJ-0042", 9);
	/* Well-formed and not: the rest is looked at all the same. */
	for (int round = 0; round < 2; round++) {
		struct scan_result r = { 0 };

		assert_int_equal(
			scan_text(s, (struct span){ text, sizeof text }, &patient, a, &r),
			ERR_OK);
		assert_string_equal(r.why, "");
		assert_int_equal(r.status, SCAN_COMPLETE);
		assert_int_equal(r.count, 1);
		assert_int_equal(r.spans[0].start, sizeof text - 8);
		text[1000] = (char)0xff;
		arena_reset(a);
	}
	scanner_free(s);
	arena_free(a);
}

/* Cheap pseudo-random numbers: the same in each run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void any_bytes_are_safe(void **state)
{
	static const char *const pieces[] = {
		"AKIA",
		"-----BEGIN PRIVATE KEY-----",
		"@",
		"://",
		"+1 (",
		"12",
		"\xe2\x80\x8b",
		"\xff",
		"%41",
		"eyJhbGciOi",
		"curl -u ",
		"password=",
		"\"",
		"Apt. ",
		"Mr. ",
		"[NAME-",
		"1]",
		"\n",
		"```",
		"::",
		"aa:bb:",
		"Rua ",
		"xoxb-",
		"GB82",
		"Dr. Ann",
		"\xef\xbc\x91",
		"a1b2c3d4e5f6",
	};
	struct arena *a = arena_new("test", (size_t)64 << 20);
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char text[600];
		size_t len = 0, pieces_wanted = next_random(&seed) % 30;

		for (size_t i = 0; i < pieces_wanted; i++) {
			const char *piece = pieces[next_random(&seed) % LEN(pieces)];

			if (next_random(&seed) % 4 == 0)
				text[len++] = (char)next_random(&seed);
			if (len + strlen(piece) >= sizeof text - 1)
				break;
			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		/* In an allocation of its exact size, for the address sanitizer. */
		char *copy = malloc(len > 0 ? len : 1);
		memcpy(copy, text, len);
		struct scan_result r = scan(scanner, (struct span){ copy, len }, a);
		result_is_sound(&r, (struct span){ copy, len }, "spans of arbitrary bytes");
		free(copy);
		arena_reset(a);
	}
	arena_free(a);
}

static void memory_failure_is_an_error(void **state)
{
	struct span text =
		span_of("Ann Lee, ann@example.org, %41, bXkgY2FyZCBudW1iZXIgaXMgNDEx, "
			"\xef\xbc\x91 phone 415-555-0132");

	(void)state;
	for (unsigned n = 1;; n++) {
		struct scanner *s = NULL;
		struct scan_site_error bad;
		struct scan_result r;
		const struct scan_site_category site = {
			"company.x", "fine", NULL, 0, SCAN_CHECK_NONE, { "", 0 }
		};

		fault_arm(n, false);
		enum err e = scanner_new(&site, 1, &s, &bad);
		struct arena *a = e == ERR_OK ? arena_new("test", 1 << 20) : NULL;
		if (a != NULL)
			e = scan_text(s, text, &scan_budget_default, a, &r);
		else if (e == ERR_OK)
			e = ERR_NO_MEMORY;
		bool fired = fault_fired();
		fault_arm(0, false);
		CHECK(e == ERR_OK ? !fired : e == ERR_NO_MEMORY || e == ERR_SYNTAX,
		      "each failed allocation is reported");
		arena_free(a);
		scanner_free(s);
		/* The formats are compiled one by one; a few of them are enough. */
		if (n == 20)
			n += (unsigned)secret_formats_count - 40;
		if (!fired)
			break;
	}
	assert_int_equal(arenas_alive(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_and_leaves),
		cmocka_unit_test(knows_two_hundred_credential_formats),
		cmocka_unit_test(says_when_it_cannot_finish),
		cmocka_unit_test(sites_add_categories),
		cmocka_unit_test(a_site_takes_nothing_away),
		cmocka_unit_test(bad_site_categories_are_refused),
		cmocka_unit_test(a_runaway_regex_is_unknown),
		cmocka_unit_test(base64_has_no_size_at_which_it_hides),
		cmocka_unit_test(nothing_hides_below_the_last_level),
		cmocka_unit_test(many_readings_are_bounded),
		cmocka_unit_test(long_words_and_wide_margins_cost_their_length),
		cmocka_unit_test(a_site_regex_sees_all_of_a_long_text),
		cmocka_unit_test(any_bytes_are_safe),
		cmocka_unit_test(memory_failure_is_an_error),
	};

	return cmocka_run_group_tests(tests, build, drop);
}
