/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in lists of models. */
#include <string.h>

#include "models/catalogue_text.h"
#include "models/models.h"

#define LOWER_AND_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"

bool models_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < MODELS_NAME_BYTES && strspn(name, LOWER_AND_DIGITS) > 0 &&
	       strspn(name, LOWER_AND_DIGITS "._-") == n;
}

struct span models_catalogue_shipped(void)
{
	return (struct span){ (const char *)models_catalogue_text,
			      models_catalogue_text_bytes };
}

const struct model *models_find(const struct model_list *l, const char *name)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (strcmp(l->models[i].name, name) == 0)
			return &l->models[i];
	return NULL;
}

const struct model *models_chosen(const struct model_list *l)
{
	return l->chosen != NULL ? models_find(l, l->chosen) : NULL;
}

static void refresh(struct model *io, const struct model *entry)
{
	io->sampling = entry->sampling;
	io->stop = entry->stop;
	io->n_stop = entry->n_stop;
	io->recipes = entry->recipes;
	io->n_recipes = entry->n_recipes;
}

void models_refresh(struct model_list *io, const struct model_list *catalogue)
{
	for (uint32_t i = 0; i < io->n; i++)
		for (uint32_t k = 0; k < catalogue->n; k++)
			if (strcmp(io->models[i].sha256, catalogue->models[k].sha256) == 0)
				refresh(&io->models[i], &catalogue->models[k]);
}

static const struct model_recipe *recipe_named(const struct model *m, struct span task)
{
	for (uint32_t i = 0; i < m->n_recipes; i++)
		if (span_is(task, m->recipes[i].task))
			return &m->recipes[i];
	return NULL;
}

const struct model_recipe *model_recipe_for(const struct model *m, const char *task)
{
	const char *dot = strrchr(task, '.');
	const struct model_recipe *found = recipe_named(m, span_of(task));

	if (found == NULL && dot != NULL)
		found = recipe_named(m, (struct span){ task, (size_t)(dot - task) });
	if (found == NULL)
		found = recipe_named(m, SPAN_LITERAL(""));
	return found;
}
