/*
 * What the 9P server remembers: names that fids stand for, fids, and the numbers of files.
 *
 * A node is a name that somebody uses: a fid, or a name below it. It is found by its parent and
 * its bytes, so that two fids of one name share a node. When a name is removed its node is
 * *gone*: it leaves the table, and lives on for the fids that have it; a new file of that name
 * gets a new node. Nothing but `parent` and `name` says where a node is, so a rename is a change
 * of these two.
 *
 * I1. refs(node) = fids with it + nodes whose parent it is; a node without refs does not exist,
 *     but for the top.
 * I2. Of the nodes that are not gone, no two have the same parent and name.
 * I3. From every node, `parent` leads to the top: no node is below itself.
 * I4. A fid's handle is open at the host exactly while has_handle.
 * I5. Numbers are given out once: last_number is the greatest.
 */
#include <string.h>

#include "machine/dev/p9.h"
#include "machine/machine_state.h"
#include "abi/linux.h"

/* -- nodes -------------------------------------------------------------------------------- */

static uint64_t node_key(const struct p9_node *parent, const char *name, size_t len)
{
	uint64_t key = (uint64_t)(uintptr_t)parent;

	machine_hash_bytes(&key, name, len);
	return key;
}

struct p9_node *p9_node_find(struct p9_server *s, const struct p9_node *parent, const char *name,
			     size_t len)
{
	uint64_t key = node_key(parent, name, len);
	struct p9_link *link = NULL;

	while ((link = p9_table_find(&s->nodes, key, link))) {
		struct p9_node *node = (struct p9_node *)link;

		if (node->parent == parent && node->len == len && !memcmp(node->name, name, len))
			return node;
	}
	return NULL;
}

struct p9_node *p9_node_get(struct p9_server *s, struct p9_node *parent, const char *name,
			    size_t len)
{
	struct p9_node *node = p9_node_find(s, parent, name, len);

	if (node) {
		node->refs++;
		return node;
	}
	node = p9_alloc(&s->heap, sizeof(*node));
	if (!node)
		return NULL;
	node->name = p9_alloc(&s->heap, len);
	if (!node->name ||
	    !p9_table_add(&s->heap, &s->nodes, &node->link, node_key(parent, name, len))) {
		p9_free(&s->heap, node->name, len);
		p9_free(&s->heap, node, sizeof(*node));
		return NULL;
	}
	memcpy(node->name, name, len);
	node->len = (uint8_t)len;
	node->refs = 1;
	node->parent = parent;
	parent->refs++;
	return node;
}

void p9_node_put(struct p9_server *s, struct p9_node *node)
{
	while (node && --node->refs == 0 && node != &s->top) {
		struct p9_node *parent = node->parent;

		if (!node->gone)
			p9_table_remove(&s->nodes, &node->link);
		p9_free(&s->heap, node->name, node->len);
		p9_free(&s->heap, node, sizeof(*node));
		node = parent;
	}
}

void p9_node_gone(struct p9_server *s, struct p9_node *node)
{
	if (node->gone)
		return;
	p9_table_remove(&s->nodes, &node->link);
	node->gone = true;
}

void p9_node_move(struct p9_server *s, struct p9_node *node, struct p9_node *parent, char *name,
		  size_t len)
{
	struct p9_node *old_parent = node->parent;

	p9_table_remove(&s->nodes, &node->link);
	p9_free(&s->heap, node->name, node->len);
	node->name = name;
	node->len = (uint8_t)len;
	node->parent = parent;
	parent->refs++;
	/* here: the table has buckets, for the node was in it, so this cannot fail */
	p9_table_add(&s->heap, &s->nodes, &node->link, node_key(parent, name, len));
	p9_node_put(s, old_parent);
}

int p9_path(const struct p9_node *node, const char *name, size_t len, char out[SHARE_PATH_MAX])
{
	char *at = out + SHARE_PATH_MAX;

	*--at = 0;
	for (;;) {
		if (name) {
			if ((size_t)(at - out) < len + 1)
				return ENAMETOOLONG;
			at -= len;
			memcpy(at, name, len);
			if (node->parent)
				*--at = '/';
		}
		if (!node->parent)
			break;
		if (node->gone)
			return ENOENT;
		name = node->name;
		len = node->len;
		node = node->parent;
	}
	memmove(out, at, (size_t)(out + SHARE_PATH_MAX - at));
	return 0;
}

/* -- fids --------------------------------------------------------------------------------- */

struct p9_fid *p9_fid_find(struct p9_server *s, uint32_t number)
{
	return (struct p9_fid *)p9_table_find(&s->fids, number, NULL);
}

struct p9_fid *p9_fid_add(struct p9_server *s, uint32_t number, struct p9_node *node,
			  const struct p9_qid *qid)
{
	struct p9_fid *f = p9_alloc(&s->heap, sizeof(*f));

	if (!f || !p9_table_add(&s->heap, &s->fids, &f->link, number)) {
		p9_free(&s->heap, f, sizeof(*f));
		p9_node_put(s, node);
		return NULL;
	}
	f->number = number;
	f->node = node;
	f->qid = *qid;
	return f;
}

void p9_fid_close(struct p9_server *s, struct p9_fid *f)
{
	if (f->has_handle)
		s->share.ops->close(s->share.ctx, f->handle);
	f->has_handle = false;
	f->how = 0;
	p9_free(&s->heap, f->names, f->names_size);
	p9_free(&s->heap, f->order, f->order_size * sizeof(*f->order));
	f->names = NULL;
	f->order = NULL;
	f->names_size = f->order_size = f->norder = 0;
}

void p9_fid_remove(struct p9_server *s, struct p9_fid *f)
{
	p9_fid_close(s, f);
	p9_table_remove(&s->fids, &f->link);
	p9_node_put(s, f->node);
	p9_free(&s->heap, f, sizeof(*f));
}

/* -- numbers of files --------------------------------------------------------------------- */

static uint64_t number_key(const struct share_info *info)
{
	return info->id[0] * 0x9e3779b97f4a7c15 ^ info->id[1];
}

static struct p9_number *number_find(struct p9_server *s, const struct share_info *info)
{
	struct p9_link *link = NULL;

	while ((link = p9_table_find(&s->numbers, number_key(info), link))) {
		struct p9_number *n = (struct p9_number *)link;

		if (n->id[0] == info->id[0] && n->id[1] == info->id[1])
			return n;
	}
	return NULL;
}

bool p9_qid_of(struct p9_server *s, const struct share_info *info, struct p9_qid *out)
{
	struct p9_number *n = number_find(s, info);
	uint64_t version = 0, content[] = {(uint64_t)info->mtime, info->mtime_ns, info->size};

	if (!n) {
		n = p9_alloc(&s->heap, sizeof(*n));
		if (!n || !p9_table_add(&s->heap, &s->numbers, &n->link, number_key(info))) {
			p9_free(&s->heap, n, sizeof(*n));
			return false;
		}
		memcpy(n->id, info->id, sizeof(n->id));
		n->number = ++s->last_number;
	}
	out->path = n->number;
	out->type = 0;
	if ((info->mode & S_IFMT) == S_IFDIR) {
		out->type = P9_QID_FOLDER;
		content[2] = 0; /* how large a folder is, hosts do not agree on */
	} else if ((info->mode & S_IFMT) == S_IFLNK) {
		out->type = P9_QID_LINK;
	}
	machine_hash_bytes(&version, content, sizeof(content));
	out->version = (uint32_t)version | 1; /* clients take 0 for "do not cache" */
	return true;
}

void p9_forget(struct p9_server *s, const struct share_info *info)
{
	struct p9_number *n = number_find(s, info);

	if (!n)
		return;
	p9_table_remove(&s->numbers, &n->link);
	p9_free(&s->heap, n, sizeof(*n));
}

/* -- all of it ---------------------------------------------------------------------------- */

bool p9_init(struct p9_server *s, struct machine *m, const struct machine_share *share)
{
	s->m = m;
	s->share = *share;
	s->heap.mem = machine_zalloc(m, P9_HEAP_SIZE);
	return s->heap.mem != NULL;
}

void p9_end_session(struct p9_server *s)
{
	for (size_t i = 0; i < s->fids.nbuckets; i++)
		while (s->fids.buckets[i])
			p9_fid_remove(s, (struct p9_fid *)s->fids.buckets[i]);
	s->msize = 0;
}

void p9_hash(const struct p9_server *s, uint64_t *h)
{
	uint64_t sum = 0, state[] = {s->msize, s->fids.count, s->last_number};

	for (size_t i = 0; i < s->fids.nbuckets; i++) {
		for (struct p9_link *link = s->fids.buckets[i]; link; link = link->next) {
			const struct p9_fid *f = (const struct p9_fid *)link;
			uint64_t one = 0, facts[] = {f->number, f->how, f->qid.path, f->qid.type,
						     f->qid.version};
			char path[SHARE_PATH_MAX];

			machine_hash_bytes(&one, facts, sizeof(facts));
			if (p9_path(f->node, NULL, 0, path) == 0)
				machine_hash_bytes(&one, path, strlen(path));
			sum += one;
		}
	}
	machine_hash_bytes(h, state, sizeof(state));
	machine_hash_bytes(h, &sum, sizeof(sum));
}

/* The refs that a node ought to have, by counting: fids anywhere, and nodes in the table. */
static unsigned refs_counted(const struct p9_server *s, const struct p9_node *node)
{
	unsigned refs = 0;

	for (size_t i = 0; i < s->fids.nbuckets; i++)
		for (struct p9_link *link = s->fids.buckets[i]; link; link = link->next)
			refs += ((struct p9_fid *)link)->node == node;
	for (size_t i = 0; i < s->nodes.nbuckets; i++)
		for (struct p9_link *link = s->nodes.buckets[i]; link; link = link->next)
			refs += ((struct p9_node *)link)->parent == node;
	return refs;
}

static bool node_check(const struct p9_server *s, const struct p9_node *node)
{
	const struct p9_node *up = node;
	size_t steps = 0;

	/* Children that are gone are in no table, so refs may be more, but never less. */
	if (node->refs < refs_counted(s, node))
		return false; /* I1 */
	for (; up != &s->top; up = up->parent)
		if (!up->parent || steps++ > s->nodes.count + s->fids.count)
			return false; /* I3 */
	for (struct p9_link *l = p9_table_find(&s->nodes, node->link.key, &node->link); l;
	     l = p9_table_find(&s->nodes, node->link.key, l)) {
		const struct p9_node *other = (const struct p9_node *)l;

		if (other->parent == node->parent && other->len == node->len &&
		    !memcmp(other->name, node->name, node->len))
			return false; /* I2 */
	}
	return true;
}

bool p9_check(const struct p9_server *s)
{
	size_t nnodes = 0, nfids = 0;

	for (size_t i = 0; i < s->nodes.nbuckets; i++) {
		for (struct p9_link *link = s->nodes.buckets[i]; link; link = link->next) {
			const struct p9_node *node = (const struct p9_node *)link;

			nnodes++;
			if (node->gone || !node_check(s, node))
				return false;
		}
	}
	for (size_t i = 0; i < s->fids.nbuckets; i++) {
		for (struct p9_link *link = s->fids.buckets[i]; link; link = link->next) {
			const struct p9_fid *f = (const struct p9_fid *)link;

			nfids++;
			if (f->has_handle && !f->how)
				return false; /* I4 */
		}
	}
	for (size_t i = 0; i < s->numbers.nbuckets; i++)
		for (struct p9_link *link = s->numbers.buckets[i]; link; link = link->next)
			if (((struct p9_number *)link)->number > s->last_number)
				return false; /* I5 */
	return nnodes == s->nodes.count && nfids == s->fids.count &&
	       s->top.refs >= refs_counted(s, &s->top) && (nfids || !nnodes);
}
