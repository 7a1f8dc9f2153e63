/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job per check. A job owns a copy of all it needs and of what is remembered, so that the
 * thread shares nothing with the loop but a flag that tells it to stop. A job that was
 * cancelled runs to its end unheard and frees itself.
 *
 * FOLDER/models-checked.json:
 * {"schema":"hither.models-checked/1","files":[{"device","inode",
 * "mtime_ns","bytes","sha256"}]}, newest last, at most REMEMBERED. Lost or broken it costs a
 * hash.
 */
#include "local/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "crypto/crypto.h"
#include "models/gguf.h"

#define REMEMBERED  32
#define CHUNK_BYTES (1u << 20)
#define STORE_BYTES 65536

struct record {
	uint64_t device, inode, bytes;
	int64_t mtime_ns;
	char sha256[65];
};

struct records {
	struct record of[REMEMBERED];
	unsigned n;
};

struct job {
	uv_work_t work;
	struct checker *owner; /* NULL: cancelled */
	atomic_bool stop;
	struct engine_model model;
	struct records records;
	struct record found; /* sha256 "" unless hashed or remembered */
	bool hashed;
	struct record fresh[2]; /* that were hashed: of the model and its projector */
	unsigned n_fresh;
	enum err err;
	char detail[300];
};

struct checker {
	uv_loop_t *loop;
	const char *folder;
	checker_on_done *on_done;
	void *ctx;
	struct records records;
	struct job *job;
};

/* --- what is remembered ------------------------------------------------------------------ */

static void remember(struct records *r, const struct record *new)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (r->of[i].device != new->device || r->of[i].inode != new->inode)
			r->of[kept++] = r->of[i];
	if (kept == REMEMBERED)
		memmove(&r->of[0], &r->of[1], --kept * sizeof r->of[0]);
	r->of[kept++] = *new;
	r->n = kept;
}

static bool same_file(const struct record *a, const struct record *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->mtime_ns == b->mtime_ns;
}

static void store_path(const struct checker *c, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/models-checked.json", c->folder);
}

/* Inode and time do not fit JSON's exact numbers, so they are strings. */
static bool read_u64(const cJSON *o, const char *key, uint64_t *ret)
{
	const char *s = json_get_string(o, key);
	char *end;

	if (s == NULL || s[0] < '0' || s[0] > '9')
		return false;
	*ret = strtoull(s, &end, 10);
	return *end == '\0';
}

static bool read_record(const cJSON *o, struct record *ret)
{
	const char *sha256 = json_get_string(o, "sha256");
	uint64_t mtime_ns;

	if (sha256 == NULL || !span_copy(span_of(sha256), ret->sha256, sizeof ret->sha256) ||
	    !read_u64(o, "mtime_ns", &mtime_ns))
		return false;
	ret->mtime_ns = (int64_t)mtime_ns;
	return read_u64(o, "device", &ret->device) && read_u64(o, "inode", &ret->inode) &&
	       read_u64(o, "bytes", &ret->bytes);
}

static void load(struct checker *c)
{
	char path[PATH_MAX];
	struct buf text;
	struct json_where at;
	cJSON *tree = NULL;
	const cJSON *o;

	store_path(c, path);
	buf_init(&text, STORE_BYTES);
	if (file_read(path, STORE_BYTES, &text) == ERR_OK &&
	    json_parse(buf_span(&text), &json_limits_api, &tree, &at) == ERR_OK) {
		cJSON_ArrayForEach (o, json_get_array(tree, "files")) {
			struct record r = { 0 };

			if (read_record(o, &r))
				remember(&c->records, &r);
		}
	}
	cJSON_Delete(tree);
	buf_free(&text);
}

static void put_u64(struct buf *b, const char *key, uint64_t n)
{
	json_put_key(b, key);
	buf_printf(b, "\"%" PRIu64 "\"", n);
}

static void save(const struct checker *c)
{
	char path[PATH_MAX];
	struct buf b;
	enum err e = ERR_TOO_BIG;

	store_path(c, path);
	buf_init(&b, STORE_BYTES);
	buf_add_str(&b, "{\"schema\":\"hither.models-checked/1\",\"files\":[");
	for (unsigned i = 0; i < c->records.n; i++) {
		const struct record *r = &c->records.of[i];

		buf_add_str(&b, i > 0 ? ",\n{" : "\n{");
		put_u64(&b, "device", r->device);
		put_u64(&b, "inode", r->inode);
		put_u64(&b, "mtime_ns", (uint64_t)r->mtime_ns);
		put_u64(&b, "bytes", r->bytes);
		json_put_key_cstr(&b, "sha256", r->sha256);
		buf_add_char(&b, '}');
	}
	buf_add_str(&b, "]}\n");
	if (!b.failed)
		e = file_write(path, buf_span(&b), 0600);
	if (e != ERR_OK)
		log_warning("check.store", "the hash of a model will be computed again: %s",
			    err_text(e));
	buf_free(&b);
}

/* --- in the worker thread ------------------------------------------------------------------
 */

static enum err hash_file(struct job *j, int fd)
{
	struct crypto_hasher *h = crypto_hasher_begin();
	struct crypto_sha256 digest;
	char *chunk = malloc(CHUNK_BYTES);
	enum err e = h == NULL || chunk == NULL ? ERR_NO_MEMORY : ERR_OK;

	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (e == ERR_OK) {
		ssize_t n = read(fd, chunk, CHUNK_BYTES);

		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || atomic_load(&j->stop))
			e = ERR_SYSTEM;
		else
			crypto_hasher_add(h, (struct span){ chunk, (size_t)n });
	}
	free(chunk);
	if (e == ERR_OK) {
		crypto_hasher_end(h, &digest);
		crypto_sha256_hex(&digest, j->found.sha256);
		j->hashed = true;
	} else if (h != NULL) {
		crypto_hasher_abandon(h);
	}
	return e;
}

static enum err check_hash(struct job *j, int fd, const char *sha256)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < j->records.n; i++)
		if (same_file(&j->records.of[i], &j->found))
			j->found = j->records.of[i];
	if (j->found.sha256[0] == '\0')
		e = hash_file(j, fd);
	if (e == ERR_OK && strcmp(j->found.sha256, sha256) != 0) {
		snprintf(j->detail, sizeof j->detail,
			 "the file of %.48s is damaged or was changed (its SHA-256 is not the "
			 "expected one): "
			 "hither model rm %.48s, then pull or import it again",
			 j->model.name, j->model.name);
		return ERR_MISMATCH;
	}
	return e;
}

/* Nobody has stated a hash for it; at least it must be a whole GGUF file. */
static enum err check_head(struct job *j, int fd)
{
	size_t bytes =
		j->found.bytes < GGUF_HEAD_BYTES ? (size_t)j->found.bytes : GGUF_HEAD_BYTES;
	void *p = bytes > 0 ? mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	const char *problem = "it is empty";
	struct gguf g;
	enum err e = ERR_SYNTAX;

	if (p != MAP_FAILED) {
		e = gguf_read((struct span){ p, bytes }, j->found.bytes, &g, &problem);
		munmap(p, bytes);
	}
	if (e != ERR_OK)
		snprintf(j->detail, sizeof j->detail, "%s cannot be used: %s", j->model.name,
			 problem);
	return e == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

static enum err check(struct job *j, int fd, uint64_t bytes, const char *sha256)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return ERR_SYSTEM;
	j->found = (struct record){ .device = st.st_dev,
				    .inode = st.st_ino,
				    .bytes = (uint64_t)st.st_size,
				    .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
						st.st_mtim.tv_nsec };
	if (bytes != 0 && j->found.bytes != bytes) {
		snprintf(j->detail, sizeof j->detail,
			 "the file of %.48s has %" PRIu64 " bytes and should have %" PRIu64
			 ": hither model rm %.48s, then pull or import it again",
			 j->model.name, j->found.bytes, bytes, j->model.name);
		return ERR_TRUNCATED;
	}
	return sha256[0] != '\0' ? check_hash(j, fd, sha256) : check_head(j, fd);
}

/* Of the model's files, this one. */
static void check_file(struct job *j, const char *path, uint64_t bytes, const char *sha256)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		j->err = errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
		snprintf(j->detail, sizeof j->detail,
			 "the file of %s cannot be opened (%s): hither model pull or import it "
			 "again",
			 j->model.name, strerror(errno));
		return;
	}
	j->err = check(j, fd, bytes, sha256);
	if (j->err != ERR_OK && j->detail[0] == '\0')
		snprintf(j->detail, sizeof j->detail, "the file of %.64s cannot be read",
			 j->model.name);
	close(fd);
	if (j->hashed)
		j->fresh[j->n_fresh++] = j->found;
	j->hashed = false;
}

static void on_work(uv_work_t *w)
{
	struct job *j = w->data;
	const struct engine_model *m = &j->model;

	check_file(j, m->path, m->bytes, m->sha256);
	if (j->err == ERR_OK && m->projector[0] != '\0')
		check_file(j, m->projector, m->projector_bytes, m->projector_sha256);
}

/* --- in the loop ---------------------------------------------------------------------------
 */

static void on_after(uv_work_t *w, int status)
{
	struct job *j = w->data;
	struct checker *c = j->owner;

	if (c != NULL && status != UV_ECANCELED) {
		c->job = NULL;
		for (unsigned i = 0; i < j->n_fresh; i++)
			remember(&c->records, &j->fresh[i]);
		if (j->n_fresh > 0)
			save(c);
		c->on_done(c->ctx, j->err, j->detail);
	}
	free(j);
}

void checker_cancel(struct checker *c)
{
	if (c->job == NULL)
		return;
	atomic_store(&c->job->stop, true);
	c->job->owner = NULL;
	(void)uv_cancel((uv_req_t *)&c->job->work);
	c->job = NULL;
}

static bool same_check(const struct job *j, const struct engine_model *m)
{
	return j != NULL && strcmp(j->model.path, m->path) == 0 &&
	       engine_model_same(&j->model, m) && j->model.bytes == m->bytes;
}

void checker_start(struct checker *c, const struct engine_model *m)
{
	struct job *j;

	if (same_check(c->job, m))
		return;
	checker_cancel(c);
	j = calloc(1, sizeof *j);
	if (j == NULL)
		return; /* the supervisor's own deadline answers for it */
	j->work.data = j;
	j->owner = c;
	j->model = *m;
	j->records = c->records;
	atomic_init(&j->stop, false);
	c->job = j;
	if (uv_queue_work(c->loop, &j->work, on_work, on_after) != 0) {
		c->job = NULL;
		free(j);
	}
}

struct checker *checker_new(uv_loop_t *loop, const char *folder, checker_on_done *on_done,
			    void *ctx)
{
	struct checker *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->folder = folder;
	c->on_done = on_done;
	c->ctx = ctx;
	load(c);
	return c;
}

void checker_free(struct checker *c)
{
	if (c == NULL)
		return;
	checker_cancel(c);
	free(c);
}
