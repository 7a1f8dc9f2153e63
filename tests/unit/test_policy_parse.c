/* SPDX-License-Identifier: Apache-2.0 */
/* Policy files: what is accepted, and what each mistake is called and where. */
#include "tests/unit/policy_help.h"

/* ---------------------------------------------------------------- refusals */

static const struct refusal {
	const char *name;
	const char *text;
	uint32_t line, column; /* 0: not looked at */
	const char *problem, *expected, *nearest;
} refusals[] = {
	{ "a typo in a top-level key", HEAD "\n \"ruels\":[]}", 2, 2, "unknown key \"ruels\"",
	  "", "rules" },
	{ "a key nobody knows lists what there is", HEAD "\"zzzzzzzz\":1}", 1, 0, "unknown key",
	  "one of hither_policy, id", "" },
	{ "a typo in unless must not widen",
	  HEAD "\"rules\":[\n{\"id\":\"a\",\"effect\":\"deny\",\n  \"unles\":{}}]}", 3, 0,
	  "unknown key \"unles\"", "", "unless" },
	{ "a duplicate key", HEAD "\"id\":\"u\"}", 1, 0, "twice", "", "" },
	{ "a trailing comma is named", HEAD "\n\"title\":\"x\",\n}", 2, 12, "trailing commas",
	  "no comma here", "" },
	{ "a trailing comma in a list", HEAD "\"rules\":[\n1,\n]}", 2, 2, "trailing commas", "",
	  "" },
	{ "a closing bracket without a comma before it", HEAD "\"rules\":]}", 1, 0, "", "",
	  "" },
	{ "a closing bracket alone", "]", 1, 1, "", "", "" },
	{ "a closing bracket behind a blank", " ]", 1, 2, "", "", "" },
	{ "a comma and a closing bracket", "[,]", 1, 2, "", "", "" },
	{ "a comma behind nothing", ",]", 1, 1, "", "", "" },
	{ "text that stops", HEAD "\"rules\":[", 0, 0, "", "", "" },
	{ "no object", "[]", 1, 1, "wrong type", "an object", "" },
	{ "no version", "{\"id\":\"t\"}", 1, 1, "no \"hither_policy\"", "", "" },
	{ "no id", "{\"hither_policy\":1}", 1, 1, "no \"id\"", "", "" },
	{ "a version that is no number", "{\"hither_policy\":\"1\",\"id\":\"t\"}", 1, 18,
	  "not a version", "", "" },
	{ "version 0", "{\"hither_policy\":0,\"id\":\"t\"}", 1, 0, "not a version", "", "" },
	{ "an id with a blank", "{\"hither_policy\":1,\"id\":\"a b\"}", 1, 0,
	  "\"a b\" is no name", "letters", "" },
	{ "an id that begins with a hyphen", "{\"hither_policy\":1,\"id\":\"-a\"}", 1, 0,
	  "no name", "", "" },
	{ "an empty id", "{\"hither_policy\":1,\"id\":\"\"}", 1, 0, "no name", "", "" },
	{ "an id of another type", "{\"hither_policy\":1,\"id\":7}", 1, 0, "wrong type", "",
	  "" },
	{ "an id of 64 characters",
	  "{\"hither_policy\":1,\"id\":"
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
	  1, 0, "no name", "", "" },
	{ "a serial of 0", HEAD "\"serial\":0}", 1, 0, "out of range", "from 1", "" },
	{ "a serial beyond all numbers", HEAD "\"serial\":1e300}", 1, 0, "out of range", "",
	  "" },
	{ "a serial with a fraction", HEAD "\"serial\":1.5}", 1, 0, "out of range", "", "" },
	{ "a serial in quotes", HEAD "\"serial\":\"1\"}", 1, 0, "wrong type", "", "" },
	{ "a date without time", HEAD "\"not_after\":\"2027-01-01\"}", 1, 0, "not a time",
	  "UTC", "" },
	{ "a date that does not exist", HEAD "\"not_after\":\"2027-13-01T00:00:00Z\"}", 1, 0,
	  "the calendar has no 2027-13-01", "UTC", "" },
	{ "the 29th of February of a common year",
	  HEAD "\"not_before\":\"2027-02-29T00:00:00Z\"}", 1, 0,
	  "the calendar has no 2027-02-29", "", "" },
	{ "an hour that does not exist", HEAD "\"not_after\":\"2027-02-28T24:00:00Z\"}", 1, 0,
	  "not a time", "", "" },
	{ "a date that is a number", HEAD "\"not_before\":5}", 1, 0, "not a time", "", "" },
	{ "only_destinations as a word", HEAD "\"only_destinations\":\"yes\"}", 1, 0,
	  "wrong type", "true or false", "" },

	{ "destinations as a list", HEAD "\"destinations\":[]}", 1, 0, "wrong type",
	  "an object", "" },
	{ "a destination without tier", HEAD "\"destinations\":{\"x\":{\"api\":\"openai\"}}}",
	  1, 0, "has no tier", "", "" },
	{ "a destination without api", HEAD "\"destinations\":{\"x\":{\"tier\":\"cloud\"}}}", 1,
	  0, "has no api", "", "" },
	{ "a destination name with a slash",
	  HEAD "\"destinations\":{\n\"a/~b\":{\"tier\":\"cloud\",\"api\":\"openai\"}}}", 2, 0,
	  "no name for a destination", "", "" },
	{ "a tier that is not one", HEAD "\"destinations\":{\"x\":{\"tier\":\"clowd\"}}}", 1, 0,
	  "unknown word", "one of device", "cloud" },
	{ "a tier of another type", HEAD "\"destinations\":{\"x\":{\"tier\":1}}}", 1, 0,
	  "wrong type", "one of device", "" },
	{ "local is always this device",
	  HEAD "\"destinations\":{\"local\":{\"tier\":\"cloud\",\"api\":\"openai\"}}}", 1, 0,
	  "\"local\" always means", "", "" },
	{ "plain http to elsewhere",
	  HEAD "\"destinations\":{\"x\":{\"base_url\":\"http://example.org/v1\"}}}", 1, 0,
	  "not an address", "", "" },
	{ "plain http to a name that begins like loopback",
	  HEAD "\"destinations\":{\"x\":{\"base_url\":\"http://localhost.example.org/\"}}}", 1,
	  0, "not an address", "", "" },
	{ "a base_url with a password",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"https://u:p@host/v1\"}}}", 2, 12,
	  "a user name, password", "", "" },
	{ "a base_url with a query",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"https://host/v1?key=1\"}}}", 2, 12,
	  "a user name, password", "", "" },
	{ "a base_url with a fragment",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"https://host/v1#x\"}}}", 2, 12,
	  "a user name, password", "", "" },
	{ "a loopback base_url with a user",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"http://localhost:1@host/v1\"}}}", 2,
	  12, "a user name, password", "", "" },
	{ "a base_url of another scheme with a password",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"ftp://u:p@host/\"}}}", 2, 12,
	  "a user name, password", "", "" },
	{ "a base_url without a host",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"https:///v1\"}}}", 2, 12,
	  "not an address", "", "" },
	{ "a socket that is no whole path",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"unix:run/x\"}}}", 2, 12,
	  "not an address", "", "" },
	{ "a socket's prefix with a query",
	  HEAD "\"destinations\":{\"x\":{\n\"base_url\":\"unix:/run/x:/v1?u:p\"}}}", 2, 12,
	  "a user name, password", "", "" },
	{ "a base_url of another type", HEAD "\"destinations\":{\"x\":{\"base_url\":1}}}", 1, 0,
	  "wrong type", "", "" },
	{ "a proxy that is none", HEAD "\"destinations\":{\"x\":{\"proxy\":\"socks\"}}}", 1, 0,
	  "not a proxy", "", "" },
	{ "a proxy without host", HEAD "\"destinations\":{\"x\":{\"proxy\":\"http://\"}}}", 1,
	  0, "not a proxy", "", "" },
	{ "a proxy without host, https",
	  HEAD "\"destinations\":{\"x\":{\"proxy\":\"https://\"}}}", 1, 0, "not a proxy", "",
	  "" },
	{ "a proxy of another type", HEAD "\"destinations\":{\"x\":{\"proxy\":[]}}}", 1, 0,
	  "wrong type", "", "" },
	{ "models that are numbers", HEAD "\"destinations\":{\"x\":{\"models\":[1]}}}", 1, 0,
	  "wrong type", "", "" },
	{ "a price with an unknown key",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"currenzy\":\"EUR\"}}}}", 1, 0,
	  "unknown key", "", "currency" },
	{ "a price in words",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"currency\":\"euro\"}}}}", 1, 0,
	  "not a currency", "", "" },
	{ "a price in small letters",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"currency\":\"eur\"}}}}", 1, 0,
	  "not a currency", "", "" },
	{ "a currency that is a number",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"currency\":1}}}}", 1, 0, "not a currency",
	  "", "" },
	{ "a negative price",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"input_per_mtok\":-1}}}}", 1, 0,
	  "out of range", "0 or more", "" },
	{ "a price in quotes",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"input_per_mtok\":\"1\"}}}}", 1, 0,
	  "wrong type", "a number", "" },
	{ "a pin with an unknown key", HEAD "\"destinations\":{\"x\":{\"pin\":{\"x\":1}}}}", 1,
	  0, "unknown key", "", "" },
	{ "a cache that costs more than none",
	  HEAD "\"destinations\":{\"x\":{\"price\":{\"input_per_mtok\":1,"
	       "\"cached_input_per_mtok\":2}}}}",
	  1, 0, "cost more than others", "at most input_per_mtok", "" },
	{ "a pin that is none", HEAD "\"destinations\":{\"x\":{\"pin\":{\"sha256\":\"y\"}}}}",
	  1, 0, "is not a pin", "base64", "" },
	{ "no pins", HEAD "\"destinations\":{\"x\":{\"pin\":{\"sha256\":[]}}}}", 1, 0,
	  "not a pin", "base64", "" },
	{ "a pin that breaks out",
	  HEAD "\"destinations\":{\"x\":{\"pin\":{\"sha256\":"
	       "\"YWFhYWFhYWFhYWFhYWFhYWFhYWFh;sha256//AAAAAAAAA=\"}}}}",
	  1, 0, "is not a pin", "", "" },
	{ "an api nobody speaks",
	  HEAD "\"destinations\":{\"x\":{\"api\":\"openai-response\"}}}", 1, 0, "", "",
	  "openai-responses" },
	{ "a version with a line end",
	  HEAD "\"destinations\":{\"x\":{\"api_version\":\"1\\r\\nx: y\"}}}", 1, 0,
	  "not a version", "", "" },
	{ "a version with a field of its own",
	  HEAD "\"destinations\":{\"x\":{\"api_version\":\"1&key=2\"}}}", 1, 0, "not a version",
	  "", "" },
	{ "an empty version", HEAD "\"destinations\":{\"x\":{\"api_version\":\"\"}}}", 1, 0,
	  "not a version", "", "" },
	{ "a time of nothing", HEAD "\"destinations\":{\"x\":{\"timeouts\":{\"gap\":\"0s\"}}}}",
	  1, 0, "out of range", "10m", "" },
	{ "a time of an hour",
	  HEAD "\"destinations\":{\"x\":{\"timeouts\":{\"total\":\"1h\"}}}}", 1, 0,
	  "out of range", "10m", "" },
	{ "a time without a unit",
	  HEAD "\"destinations\":{\"x\":{\"timeouts\":{\"total\":5}}}}", 1, 0, "not a duration",
	  "", "" },
	{ "too many at once", HEAD "\"destinations\":{\"x\":{\"concurrent\":65}}}", 1, 0,
	  "more than 64", "smaller", "" },
	{ "too many waiting", HEAD "\"destinations\":{\"x\":{\"queue\":65}}}", 1, 0,
	  "more than 64", "smaller", "" },
	{ "too many attempts", HEAD "\"destinations\":{\"x\":{\"retry\":{\"attempts\":5}}}}", 1,
	  0, "more than 4", "smaller", "" },
	{ "half a failure", HEAD "\"destinations\":{\"x\":{\"breaker\":{\"failures\":0.5}}}}",
	  1, 0, "out of range", "", "" },
	{ "the same fallback twice", HEAD "\"routing\":{\"fallback\":[\"a\",\"b\",\"a\"]}}", 1,
	  0, "appears twice", "", "" },
	{ "a fallback that is no name", HEAD "\"routing\":{\"fallback\":[\"a/b\"]}}", 1, 0,
	  "no name for a destination", "", "" },
	{ "auth with a password",
	  HEAD "\"destinations\":{\"x\":{\"auth\":{\"password\":\"x\"}}}}", 1, 0, "unknown key",
	  "one of secret, mtls", "" },

	{ "groups as a list", HEAD "\"groups\":[]}", 1, 0, "wrong type", "", "" },
	{ "a group that is a word", HEAD "\"groups\":{\"g\":\"x\"}}", 1, 0, "wrong type",
	  "a list", "" },
	{ "categories as a list", HEAD "\"categories\":[]}", 1, 0, "wrong type", "", "" },
	{ "a category without a dot", HEAD "\"categories\":{\"x\":{\"regex\":\"a\"}}}", 1, 0,
	  "no name for a category", "", "" },
	{ "a category with a hyphen", HEAD "\"categories\":{\"a-b.c\":{\"regex\":\"a\"}}}", 1,
	  0, "no name for a category", "", "" },
	{ "a category with a capital", HEAD "\"categories\":{\"a.B\":{\"regex\":\"a\"}}}", 1, 0,
	  "no name for a category", "", "" },
	{ "a category that ends in a dot", HEAD "\"categories\":{\"a.\":{\"regex\":\"a\"}}}", 1,
	  0, "no name for a category", "", "" },
	{ "a dictionary whose place depends on who looks",
	  HEAD "\"categories\":{\"a.b\":{\"dictionary\":\"words.txt\"}}}", 1, 0, "absolute", "",
	  "" },
	{ "a dictionary that is no text", HEAD "\"categories\":{\"a.b\":{\"dictionary\":1}}}",
	  1, 0, "", "", "" },
	{ "a category that finds nothing",
	  HEAD "\"categories\":{\"a.b\":{\"check\":\"luhn\"}}}", 1, 0, "finds nothing", "",
	  "" },
	{ "a category with an unknown check",
	  HEAD "\"categories\":{\"a.b\":{\"regex\":\"a\",\"check\":\"lunh\"}}}", 1, 0,
	  "unknown word", "", "luhn" },
	{ "a category whose keywords are a word",
	  HEAD "\"categories\":{\"a.b\":{\"keywords\":\"x\"}}}", 1, 0, "wrong type", "", "" },
	{ "a default that is not a verdict", HEAD "\"default\":{\"cloud\":\"never\"}}", 1, 0,
	  "unknown word", "", "" },

	{ "rules as an object", HEAD "\"rules\":{}}", 1, 0, "wrong type", "", "" },
	{ "a rule that is a word", HEAD "\"rules\":[\"x\"]}", 1, 0, "wrong type", "", "" },
	{ "a rule without id", HEAD "\"rules\":[{\"effect\":\"deny\"}]}", 1, 0,
	  "without a name", "", "" },
	{ "a rule without effect", HEAD "\"rules\":[{\"id\":\"a\"}]}", 1, 0, "has no effect",
	  "", "" },
	{ "a rule twice",
	  HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"deny\"},\n\n "
	       "{\"id\":\"a\",\"effect\":\"ask\"}]}",
	  3, 2, "appears twice", "", "" },
	{ "an effect that is not one", HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"block\"}]}",
	  1, 0, "unknown word", "one of allow", "" },
	{ "max_tier cloud", HEAD "\"rules\":[{\"id\":\"a\",\"max_tier\":\"cloud\"}]}", 1, 0,
	  "unknown word", "", "" },
	{ "with that strips what is not there",
	  HEAD "\"rules\":[{\"id\":\"a\",\"with\":{\"strip\":[\"toolz\"]}}]}", 1, 0,
	  "unknown word", "", "tools" },
	{ "strip as a word", HEAD "\"rules\":[{\"id\":\"a\",\"with\":{\"strip\":\"tools\"}}]}",
	  1, 0, "wrong type", "", "" },
	{ "a negative limit",
	  HEAD "\"rules\":[{\"id\":\"a\",\"with\":{\"max_input_tokens\":-1}}]}", 1, 0,
	  "out of range", "0 or more", "" },
	{ "because as a number", HEAD "\"rules\":[{\"id\":\"a\",\"because\":1}]}", 1, 0,
	  "wrong type", "", "" },
	{ "when as a list", HEAD "\"rules\":[{\"id\":\"a\",\"when\":[]}]}", 1, 0, "wrong type",
	  "", "" },

#define WHEN(text) HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"deny\",\n\"when\":" text "}]}"
	{ "an unknown condition", WHEN("{\"apps\":[\"x\"]}"), 2, 9, "unknown key \"apps\"", "",
	  "app" },
	{ "app as a word", WHEN("{\"app\":\"x\"}"), 2, 0, "wrong type", "a list", "" },
	{ "a list of numbers", WHEN("{\"app\":[1]}"), 2, 0, "wrong type", "a text", "" },
	{ "identity anonymous", WHEN("{\"identity\":\"anonymous\"}"), 2, 0, "unknown word", "",
	  "" },
	{ "interactive as a word", WHEN("{\"interactive\":\"yes\"}"), 2, 0, "wrong type", "",
	  "" },
	{ "score as a number", WHEN("{\"score\":0.5}"), 2, 0, "wrong type", "lt, lte", "" },
	{ "score with nothing", WHEN("{\"score\":{}}"), 2, 0, "wrong type", "", "" },
	{ "score with a wrong operator", WHEN("{\"score\":{\"ge\":1}}"), 2, 0,
	  "unknown key \"ge\"", "", "" },
	{ "score against a word", WHEN("{\"score\":{\"gt\":\"x\"}}"), 2, 0, "wrong type",
	  "a number", "" },
	{ "data that says nothing", WHEN("{\"data\":{}}"), 2, 0, "data says nothing", "", "" },
	{ "data with an unknown key", WHEN("{\"data\":{\"some\":[]}}"), 2, 0, "unknown key", "",
	  "" },
	{ "data as a list", WHEN("{\"data\":[\"x\"]}"), 2, 0, "wrong type", "", "" },
	{ "a tier that is not one", WHEN("{\"tier\":[\"cluod\"]}"), 2, 0, "unknown word", "",
	  "cloud" },
	{ "an unknown device attribute", WHEN("{\"device\":{\"lock\":true}}"), 2, 0,
	  "unknown key", "", "locked" },
	{ "a power that is not one", WHEN("{\"device\":{\"power\":\"mains\"}}"), 2, 0,
	  "unknown word", "one of ac, battery", "" },
	{ "unknown is no power", WHEN("{\"device\":{\"power\":\"unknown\"}}"), 2, 0,
	  "unknown word", "", "" },
	{ "a list of networks with a wrong one", WHEN("{\"device\":{\"network\":[\"slow\"]}}"),
	  2, 0, "unknown word", "", "" },
	{ "thermal as a number", WHEN("{\"device\":{\"thermal\":1}}"), 2, 0, "wrong type", "",
	  "" },
	{ "battery as a word", WHEN("{\"device\":{\"battery_pct\":\"low\"}}"), 2, 0,
	  "wrong type", "", "" },
	{ "time as a word", WHEN("{\"time\":\"noon\"}"), 2, 0, "wrong type", "", "" },
	{ "a day that is not one", WHEN("{\"time\":{\"days\":[\"monday\"]}}"), 2, 0,
	  "unknown word", "", "mon" },
	{ "hours without minutes", WHEN("{\"time\":{\"hours\":\"8-18\"}}"), 2, 0, "not a span",
	  "", "" },
	{ "hours with letters", WHEN("{\"time\":{\"hours\":\"ab:00-18:00\"}}"), 2, 0,
	  "not a span", "", "" },
	{ "hours without colon", WHEN("{\"time\":{\"hours\":\"08.00-18:00\"}}"), 2, 0,
	  "not a span", "", "" },
	{ "hours with a wrong end", WHEN("{\"time\":{\"hours\":\"08:00-18:xx\"}}"), 2, 0,
	  "not a span", "", "" },
	{ "hours with a wrong middle", WHEN("{\"time\":{\"hours\":\"08:00+18:00\"}}"), 2, 0,
	  "not a span", "", "" },
	{ "61 minutes", WHEN("{\"time\":{\"hours\":\"08:61-18:00\"}}"), 2, 0, "not a span", "",
	  "" },
	{ "25 hours", WHEN("{\"time\":{\"hours\":\"08:00-25:00\"}}"), 2, 0, "not a span", "",
	  "" },
	{ "hours as a number", WHEN("{\"time\":{\"hours\":8}}"), 2, 0, "not a span", "", "" },
	{ "any as an object", WHEN("{\"any\":{}}"), 2, 0, "wrong type", "a list", "" },
	{ "an unknown condition deep inside",
	  WHEN("{\"any\":[{\"not\":{\"all\":[{\"x\":1}]}}]}"), 2, 0, "unknown key \"x\"", "",
	  "" },

	{ "a scope that is not one", HEAD "\"consent\":{\"scopes\":[\"forever\"]}}", 1, 0,
	  "unknown word", "", "" },
	{ "a duration without unit", HEAD "\"consent\":{\"timeout\":\"60\"}}", 1, 0,
	  "not a duration", "", "" },
	{ "a duration as a number", HEAD "\"consent\":{\"timeout\":60}}", 1, 0,
	  "not a duration", "", "" },
	{ "on_deny hold", HEAD "\"consent\":{\"on_deny\":\"hold\"}}", 1, 0, "unknown word", "",
	  "" },
	{ "require_reason as a word", HEAD "\"consent\":{\"require_reason\":\"x\"}}", 1, 0,
	  "wrong type", "", "" },
	{ "ask_via twice", HEAD "\"consent\":{\"ask_via\":[\"web\",\"web\"]}}", 1, 0,
	  "appears twice", "", "" },
	{ "ask_via too often",
	  HEAD "\"consent\":{\"ask_via\":[\"web\",\"web\",\"web\",\"web\",\"web\"]}}", 1, 0,
	  "too many", "", "" },
	{ "ask_via with a wrong word", HEAD "\"consent\":{\"ask_via\":[\"sms\"]}}", 1, 0,
	  "unknown word", "", "" },

	{ "budgets as an object", HEAD "\"budgets\":{}}", 1, 0, "wrong type", "", "" },
	{ "a budget that is empty", HEAD "\"budgets\":[{}]}", 1, 0, "lacks something", "", "" },
#define BUDGET(more) HEAD "\"budgets\":[{\"id\":\"b\",\"scope\":[\"user\"]" more "}]}"
	{ "a budget without window", BUDGET(",\"on_exceed\":\"ask\""), 1, 0, "lacks something",
	  "", "" },
	{ "a budget without on_exceed", BUDGET(",\"window\":\"day\""), 1, 0, "lacks something",
	  "", "" },
	{ "a budget without scope",
	  HEAD "\"budgets\":[{\"id\":\"b\",\"window\":\"day\",\"on_exceed\":\"ask\"}]}", 1, 0,
	  "lacks something", "", "" },
	{ "a window of zero days", BUDGET(",\"window\":\"0d\""), 1, 0, "not a window", "", "" },
	{ "a window in weeks", BUDGET(",\"window\":\"2w\""), 1, 0, "not a window", "", "" },
	{ "a window that is a word", BUDGET(",\"window\":\"ever\""), 1, 0, "not a window", "",
	  "" },
	{ "a window too long", BUDGET(",\"window\":\"99999d\""), 1, 0, "not a window", "", "" },
	{ "a window that is a number", BUDGET(",\"window\":1"), 1, 0, "not a window", "", "" },
	{ "a cost without amount", BUDGET(",\"max_cost\":{\"currency\":\"EUR\"}"), 1, 0,
	  "a cost lacks", "", "" },
	{ "a cost without currency", BUDGET(",\"max_cost\":{\"amount\":1}"), 1, 0,
	  "a cost lacks", "", "" },
	{ "a cost that is a number", BUDGET(",\"max_cost\":5"), 1, 0, "wrong type", "", "" },
	{ "a share of two", BUDGET(",\"share_of_host\":2"), 1, 0, "out of range", "0 to 1",
	  "" },
	{ "a share below zero", BUDGET(",\"share_of_host\":-1"), 1, 0, "out of range", "", "" },
	{ "prefer twice", HEAD "\"routing\":{\"prefer\":[\"cloud\",\"cloud\"]}}", 1, 0,
	  "appears twice", "", "" },
	{ "prefer as a word", HEAD "\"routing\":{\"prefer\":\"cloud\"}}", 1, 0, "wrong type",
	  "", "" },
	{ "escalate_at above 1", HEAD "\"routing\":{\"escalate_at\":1.5}}", 1, 0,
	  "out of range", "", "" },
	{ "a draft nobody knows", HEAD "\"routing\":{\"while_asking\":\"shout\"}}", 1, 0,
	  "unknown word", "", "" },
	{ "a ledger that keeps everything", HEAD "\"ledger\":{\"content\":\"all\"}}", 1, 0,
	  "unknown word", "", "" },
	{ "an export that is a word", HEAD "\"ledger\":{\"export\":\"otlp\"}}", 1, 0,
	  "wrong type", "", "" },
	{ "an otlp that is a number", HEAD "\"ledger\":{\"export\":{\"otlp\":1}}}", 1, 0,
	  "wrong type", "", "" },

	{ "tests as an object", HEAD "\"tests\":{}}", 1, 0, "wrong type", "", "" },
	{ "a test that lacks everything", HEAD "\"tests\":[{}]}", 1, 0, "lacks something", "",
	  "" },
	{ "a test without request",
	  HEAD "\"tests\":[{\"name\":\"x\",\"expect\":{\"local\":\"allow\"}}]}", 1, 0,
	  "lacks something", "", "" },
	{ "a test without expectation", HEAD "\"tests\":[{\"name\":\"x\",\"request\":{}}]}", 1,
	  0, "lacks something", "", "" },
	{ "a test that expects nothing",
	  HEAD "\"tests\":[{\"name\":\"x\",\"request\":{},\"expect\":{}}]}", 1, 0,
	  "nothing is expected", "", "" },
	{ "an expectation without verdict",
	  HEAD
	  "\"tests\":[{\"name\":\"x\",\"request\":{},\"expect\":{\"local\":{\"by\":[]}}}]}",
	  1, 0, "nothing is expected", "", "" },
	{ "an expectation with an unknown key",
	  HEAD
	  "\"tests\":[{\"name\":\"x\",\"request\":{},\"expect\":{\"local\":{\"bye\":[]}}}]}",
	  1, 0, "unknown key", "", "by" },
	{ "an expected verdict that is not one",
	  HEAD "\"tests\":[{\"name\":\"x\",\"request\":{},\"expect\":{\"local\":\"alow\"}}]}",
	  1, 0, "unknown word", "", "allow" },
	{ "expect as a list", HEAD "\"tests\":[{\"name\":\"x\",\"request\":{},\"expect\":[]}]}",
	  1, 0, "wrong type", "", "" },
	{ "a typo in a test's request",
	  HEAD "\"tests\":[{\"name\":\"x\",\n\"request\":{\"intractive\":false},"
	       "\"expect\":{\"local\":\"allow\"}}]}",
	  2, 0, "unknown key", "", "interactive" },
	{ "a typo in test_base", HEAD "\"test_base\":{\"ap\":\"x\"}}", 1, 0, "unknown key", "",
	  "app" },
	{ "a typo in test_base, seen by a test first",
	  HEAD "\"tests\":[{\"name\":\"x\",\"request\":{},\"expect\":{\"local\":\"allow\"}}],"
	       "\"test_base\":{\"ap\":\"x\"}}",
	  1, 0, "unknown key", "", "app" },
};

static void refuses(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct policy_file *f = NULL;
		struct policy_error e;

		enum err got = policy_file_parse(span_of(r->text), POLICY_USER, "t.json", NULL,
						 0, &f, &e);
		CHECK(got != ERR_OK && f == NULL, r->name);
		CHECK(strcmp(e.file, "t.json") == 0, r->name);
		CHECK(!contains(e.problem, "u:p") && !contains(e.expected, "u:p"), r->name);
		if (!contains(e.problem, r->problem) || !contains(e.expected, r->expected) ||
		    strcmp(e.nearest, r->nearest) != 0 || (r->line != 0 && e.line != r->line) ||
		    (r->column != 0 && e.column != r->column)) {
			print_error("%s: got %u:%u \"%s\" expected \"%s\" nearest \"%s\"\n",
				    r->name, e.line, e.column, e.problem, e.expected,
				    e.nearest);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void refuses_newer(void **state)
{
	struct policy_file *f = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(
		policy_file_parse(span_of("{\"later\":{},\"hither_policy\":2,\"id\":\"t\"}"),
				  POLICY_USER, "t", NULL, 0, &f, &e),
		ERR_UNSUPPORTED);
	assert_true(contains(e.problem, "version 2"));
}

static void error_in_words(void **state)
{
	struct policy_error e = { "a.json", 3, 7, "unknown key \"x\"", "one of a, b", "a" };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	policy_error_print(&e, &out);
	assert_string_equal(buf_cstr(&out),
			    "a.json:3:7: unknown key \"x\"; expected one of a, b; "
			    "did you mean \"a\"?");
	buf_clear(&out);
	e = (struct policy_error){ .file = "a.json", .problem = "gone" };
	policy_error_print(&e, &out);
	assert_string_equal(buf_cstr(&out), "a.json: gone");
	buf_clear(&out);
	e.file[0] = '\0';
	policy_error_print(&e, &out);
	assert_string_equal(buf_cstr(&out), "gone");
	buf_free(&out);
}

/* ---------------------------------------------------------------- limits */

static enum err parse_long(const char *before, const char *each, size_t n, const char *after)
{
	struct policy_file *f = NULL;
	struct policy_error e;
	struct buf text;

	buf_init(&text, 4u << 20);
	buf_add_str(&text, before);
	for (size_t i = 0; i < n; i++) {
		buf_add_str(&text, i > 0 ? "," : "");
		buf_printf(&text, each, i);
	}
	buf_add_str(&text, after);
	enum err got = policy_file_parse(buf_span(&text), POLICY_USER, "t", NULL, 0, &f, &e);
	policy_file_free(f);
	buf_free(&text);
	return got;
}

static void limits(void **state)
{
	char *big = malloc(POLICY_FILE_MAX_BYTES + 2);
	struct policy_file *f = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(parse_long(HEAD "\"rules\":[", "{\"id\":\"r%zu\",\"effect\":\"deny\"}",
				    512, "]}"),
			 ERR_OK);
	assert_int_equal(parse_long(HEAD "\"rules\":[", "{\"id\":\"r%zu\",\"effect\":\"deny\"}",
				    513, "]}"),
			 ERR_TOO_BIG);
	assert_int_equal(parse_long(HEAD "\"groups\":{\"g\":[", "\"a%zu\"", 257, "]}}"),
			 ERR_TOO_BIG);
	assert_int_equal(parse_long(HEAD "\"title\":\"", "%06zu", 700, "\"}"), ERR_TOO_BIG);
	assert_int_equal(
		parse_long(HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"deny\",\"because\":\"",
			   "%04zu", 81, "\"}]}"),
		ERR_SYNTAX);
	assert_int_equal(
		parse_long(HEAD "\"rules\":[{\"id\":\"a\",\"effect\":\"deny\",\"because\":\"",
			   "ä%02zu", 100, "\"}]}"),
		ERR_OK);
	assert_int_equal(
		parse_long(HEAD "\"categories\":{\"a.b\":{\"regex\":\"", "%06zu", 75, "\"}}}"),
		ERR_TOO_BIG);
	assert_non_null(big);
	memset(big, ' ', POLICY_FILE_MAX_BYTES + 1);
	memcpy(big, HEAD "\"title\":\"x\"}", sizeof HEAD "\"title\":\"x\"}" - 1);
	assert_int_equal(policy_file_parse((struct span){ big, POLICY_FILE_MAX_BYTES },
					   POLICY_USER, "t", NULL, 0, &f, &e),
			 ERR_OK);
	policy_file_free(f);
	assert_int_equal(policy_file_parse((struct span){ big, POLICY_FILE_MAX_BYTES + 1 },
					   POLICY_USER, "t", NULL, 0, &f, &e),
			 ERR_TOO_BIG);
	free(big);
}

/* ---------------------------------------------------------------- acceptance */

static const char whole[] =
	"// every key there is\n"
	"{ \"$schema\": \"x\", \"hither_policy\": 1, \"id\": \"whole\", \"title\": \"T\", "
	"\"contact\": \"c\",\n"
	"  \"serial\": 7, \"not_before\": \"2026-01-01T00:00:00Z\", \"not_after\": "
	"\"2027-01-01T00:00:00Z\",\n"
	"  \"only_destinations\": true,\n"
	"  \"destinations\": {\n"
	"    \"a\": { \"tier\": \"cloud\", \"api\": \"anthropic\", \"operator\": \"O\", "
	"\"region\": \"eu\",\n"
	"           \"base_url\": \"https://a.example/v1\", \"models\": [\"m\", \"n\"], "
	"\"retention_days\": 30,\n"
	"           \"trains\": false, \"privacy_url\": \"https://a.example/p\",\n"
	"           \"price\": { \"currency\": \"EUR\", \"input_per_mtok\": 0.5, "
	"\"output_per_mtok\": 1 },\n"
	"           \"pin\": { \"ca_file\": \"/x\", \"sha256\": "
	"\"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\" }, \"proxy\": \"none\",\n"
	"           \"auth\": { \"secret\": \"s\", \"mtls\": \"m\" }, \"api_version\": "
	"\"2026-10-21\",\n"
	"           \"timeouts\": { \"connect\": \"1s\", \"first_byte\": \"2s\", \"gap\": "
	"\"3s\", "
	"\"total\": \"10m\" },\n"
	"           \"concurrent\": 64, \"queue\": 0, \"retry\": { \"attempts\": 4, "
	"\"max_wait\": "
	"\"5s\" },\n"
	"           \"breaker\": { \"failures\": 3, \"rest\": \"1m\" } },\n"
	"    \"b\": { \"tier\": \"trusted\", \"api\": \"ollama\", \"base_url\": "
	"\"http://127.0.0.1:1/\",\n"
	"           \"proxy\": \"env\", \"price\": { \"currency\": \"EUR\" }, \"trains\": true "
	"},\n"
	"    \"c\": { \"tier\": \"device\", \"api\": \"llamacpp\", \"base_url\": "
	"\"unix:/run/x\",\n"
	"           \"proxy\": \"http://p:1\", \"price\": { \"currency\": \"EUR\", "
	"\"input_per_mtok\": 1 } },\n"
	"    \"d\": { \"tier\": \"device\", \"api\": \"openai\", \"base_url\": "
	"\"http://[::1]/v1\",\n"
	"           \"proxy\": \"https://p\", \"price\": {} },\n"
	"    \"e\": { \"tier\": \"device\", \"api\": \"openai\", \"base_url\": "
	"\"http://localhost:9/v1\" } },\n"
	"  \"groups\": { \"g\": [\"x\", \"org.*\"] },\n"
	"  \"categories\": { \"company.a_1\": { \"regex\": \"a\", \"check\": \"mod97\" },\n"
	"                  \"company.b.c\": { \"keywords\": [\"k\"], \"dictionary\": \"/d\" } "
	"},\n"
	"  \"default\": { \"device\": \"allow\", \"trusted\": \"ask\", \"cloud\": \"deny\" },\n"
	"  \"rules\": [ /* one with \"everything\" // inside */\n"
	"    { \"id\": \"r1\", \"effect\": \"ask\", \"max_tier\": \"trusted\", \"because\": "
	"\"b \\\"]{\\\\\",\n"
	"      \"when\": { \"app\": [\"@g\"], \"identity\": \"socket\", \"user\": [\"u\"], "
	"\"group\": [\"g\"],\n"
	"        \"interactive\": true, \"task\": [\"t\"], \"data\": { \"any\": [\"a.*\"], "
	"\"all\": [\"b\"],\n"
	"        \"none\": [\"c\"], \"only\": [\"d\"] }, \"score\": { \"lt\": 1, \"lte\": 1, "
	"\"gt\": 0, \"gte\": 0,\n"
	"        \"eq\": 0.5 }, \"confidence\": { \"gt\": 0 }, \"input_tokens\": { \"lt\": 5 "
	"},\n"
	"        \"modality\": [\"text\"], \"tools\": false, \"tier\": [\"cloud\"], "
	"\"destination\": [\"a\"],\n"
	"        \"region\": [\"eu\"], \"retention_days\": { \"lt\": 31 }, \"trains\": false,\n"
	"        \"device\": { \"power\": \"ac\", \"battery_pct\": { \"gt\": 20 }, "
	"\"network\": [\"metered\"],\n"
	"        \"thermal\": \"fair\", \"locked\": false, \"vpn\": true },\n"
	"        \"time\": { \"days\": [\"mon\"], \"hours\": \"22:00-24:00\" }, \"any\": [{}], "
	"\"all\": [],\n"
	"        \"not\": { \"device\": { \"battery_pct\": 5 }, \"time\": {} } },\n"
	"      \"unless\": {}, \"with\": { \"redact\": [\"x\"], \"strip\": [\"tools\", "
	"\"images\"],\n"
	"        \"max_input_tokens\": 1, \"max_output_tokens\": 2, \"log\": \"digest\", "
	"\"notify\": \"after\" } },\n"
	"    // second\n"
	"    { \"id\": \"r2\", \"effect\": \"require\" } ],\n"
	"  \"consent\": { \"scopes\": [\"once\"], \"max_until\": \"7d\", \"always_max\": "
	"\"9d\",\n"
	"    \"modes\": [\"as_is\"], \"prefer\": \"as_is\", \"timeout\": \"60s\", "
	"\"on_timeout\": \"hold\",\n"
	"    \"hold_max\": \"5m\", \"on_deny\": \"refuse\", \"no_agent\": \"refuse\",\n"
	"    \"strong_auth_for\": [\"a.*\"], \"require_reason\": true, "
	"\"max_prompts_per_hour\": 3,\n"
	"    \"ask_via\": [\"web\", \"terminal\"] },\n"
	"  \"budgets\": [ { \"id\": \"b\", \"scope\": [\"user\", \"fleet\"], \"window\": "
	"\"36h\",\n"
	"    \"max_cost\": { \"amount\": 1.5, \"currency\": \"EUR\" }, \"max_tokens\": 9, "
	"\"max_requests\": 8,\n"
	"    \"share_of_host\": 0.5, \"on_exceed\": \"local\" } ],\n"
	"  \"routing\": { \"escalate_at\": 0.62, \"prefer\": [\"trusted\", \"cloud\"] },\n"
	"  \"ledger\": { \"content\": \"none\", \"retain\": \"400d\", \"export\": { \"otlp\": "
	"\"https://o\", \"x\": 1 } },\n"
	"  \"tests\": [ { \"name\": \"n\", \"request\": { \"data\": [] }, \"expect\": { "
	"\"local\": \"allow\",\n"
	"    \"a\": { \"verdict\": \"deny\", \"by\": [\"r1\"], \"redact\": [\"x\"] } } } ],\n"
	"  \"test_base\": { \"app\": \"code\" }\n"
	"}\n";

static void accepts(void **state)
{
	struct policy_file *f = file_of(POLICY_MANDATORY, "w.json", whole);
	struct policy_file_info i = policy_file_info(f);

	(void)state;
	assert_string_equal(i.id, "whole");
	assert_string_equal(i.title, "T");
	assert_string_equal(i.contact, "c");
	assert_string_equal(i.name, "w.json");
	assert_string_equal(i.path, "");
	assert_int_equal(i.layer, POLICY_MANDATORY);
	assert_int_equal(i.serial, 7);
	assert_true(i.not_before_ms == INT64_C(1767225600000));
	assert_true(i.not_after_ms == INT64_C(1798761600000));
	assert_int_equal(i.n_rules, 2);
	assert_int_equal(i.n_tests, 1);
	assert_true(span_equal(i.text, span_of(whole)));
	assert_string_equal(i.signer, "");
	assert_int_equal(policy_file_set_signer(f, "0123456789abcdefXX", SPAN_LITERAL("sig")),
			 ERR_OK);
	assert_string_equal(policy_file_info(f).signer, "0123456789abcdef");
	assert_true(span_is(policy_file_info(f).signature, "sig"));
	policy_file_free(policy_file_ref(f));
	policy_file_free(f);
	policy_file_free(NULL);
}

/* Any white space between rules; and keys written with escapes, whose rules have no place. */
static void places_of_rules(void **state)
{
	static const char spread[] =
		HEAD "\"rules\":[\r\n\t{\"id\":\"a\",\"effect\":\"deny\"}\t,\r\n"
		     "/**/ //\n /* x **/ "
		     "{\"id\":\"b\",\"effect\":\"ask\"},{\"id\":\"c\",\"effect\":\"oops\"}]}";
	static const char escaped[] =
		HEAD "\"r\\u0075les\":[{\"id\":\"a\",\"effect\":\"deny\"}],"
		     "\"t\\u0065sts\":[{\"name\":\"n\",\"request\":{},"
		     "\"expect\":{\"local\":\"allow\"}}]}";
	struct policy_file *f = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(policy_file_parse(span_of(spread), POLICY_USER, "t", NULL, 0, &f, &e),
			 ERR_SYNTAX);
	assert_int_equal(e.line, 4);
	f = file_of(POLICY_USER, "t", escaped);
	assert_int_equal(policy_file_info(f).n_rules, 1);
	assert_int_equal(policy_file_info(f).n_tests, 1);
	policy_file_free(f);
}

static void inline_files_need_less(void **state)
{
	struct policy_file *f = NULL;
	struct policy_error e;

	(void)state;
	assert_int_equal(
		policy_file_parse(
			span_of("{\"destinations\":{\"x\":{\"tier\":\"cloud\"}},"
				"\"categories\":{\"a.b\":{\"dictionary\":\"w.txt\"}}}"),
			POLICY_USER, "t", NULL, POLICY_INLINE, &f, &e),
		ERR_OK);
	assert_string_equal(policy_file_info(f).id, "t");
	policy_file_free(f);
}

/* Every allocation that can fail does, in turn; nothing is left and the word is "memory". */
static void survives_lack_of_memory(void **state)
{
	size_t before = arenas_alive();

	(void)state;
	for (unsigned n = 1;; n++) {
		struct policy_file *f = NULL;
		struct policy_error e;

		fault_arm(n, false);
		enum err got =
			policy_file_parse(span_of(whole), POLICY_USER, "t", "/p", 0, &f, &e);
		bool fired = fault_fired();

		fault_arm(0, false);
		if (!fired) {
			assert_int_equal(got, ERR_OK);
			policy_file_free(f);
			break;
		}
		assert_int_equal(got, ERR_NO_MEMORY);
		assert_true(arenas_alive() == before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),         cmocka_unit_test(refuses_newer),
		cmocka_unit_test(error_in_words),  cmocka_unit_test(limits),
		cmocka_unit_test(accepts),         cmocka_unit_test(inline_files_need_less),
		cmocka_unit_test(places_of_rules), cmocka_unit_test(survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
