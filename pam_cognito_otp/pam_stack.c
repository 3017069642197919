/* pam_stack - see pam_stack.h. */
#include "pam_stack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct pam_load {
	struct pam_stack *stack;
	const char *const *directories;
	const char *type; /* of the lines that are wanted */
	int depth; /* of includes and substacks */
	int level; /* of substacks */
};

struct pam_reader {
	char *next;
	int number;
};

static const char *pam_load_file(struct pam_load *load, const char *name);

const char *pam_stack_module_name(const struct pam_line *line)
{
	const char *slash = strrchr(line->module, '/');

	return slash == NULL ? line->module : slash + 1;
}

/* --- words ---------------------------------------------------------------------------------------------------------------------- */

/*
 * The next word, and *next behind it; NULL when there is none. [...] is one word without its brackets, "\]" in it is "]" (libpam's
 * _pam_tokenize).
 */
static char *pam_word(char **next)
{
	char *word = *next + strspn(*next, " \n\t");
	char *end;

	if (*word == '[') {
		char *to = ++word;

		for (end = word; *end != '\0' && *end != ']'; end++) {
			if (end[0] == '\\' && end[1] == ']')
				end++;
			*to++ = *end;
		}
		*next = *end == '\0' ? end : end + 1;
		*to = '\0';
		return word;
	}
	if (*word == '\0')
		return NULL;
	end = word + strcspn(word, " \n\t");
	*next = *end == '\0' ? end : end + 1;
	*end = '\0';
	return word;
}

/*
 * The next line that says something, its continuation lines joined, without comment; NULL at the end. It is put together in place: it never
 * grows.
 */
static char *pam_read_line(struct pam_reader *reader, int *ret_number)
{
	char *start = reader->next;
	char *out = start;
	bool more = true;

	while (more && *reader->next != '\0') {
		char *line = reader->next;
		char *end = strchrnul(line, '\n');
		char *stop;

		reader->next = *end == '\0' ? end : end + 1;
		reader->number++;
		line += strspn(line, " \t");
		stop = memchr(line, '#', (size_t)(end - line));
		more = stop == NULL;
		stop = more ? end : stop;
		while (more && stop > line && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		more = more && stop > line && stop[-1] == '\\';
		if (out == start)
			*ret_number = reader->number;
		memmove(out, line, (size_t)(stop - line));
		out += stop - line;
		if (more)
			out[-1] = ' ';
		more = more || out == start;
	}
	*out = '\0';
	return out == start ? NULL : start;
}

/* --- lines ---------------------------------------------------------------------------------------------------------------------- */

/* Makes room for a line; when there is none, the last one is used again. */
static struct pam_line *pam_add_line(struct pam_load *load, const char *file, int number)
{
	struct pam_stack *stack = load->stack;
	struct pam_line *line = &stack->lines[stack->line_count < PAM_STACK_LINES_MAX ? stack->line_count++ : PAM_STACK_LINES_MAX - 1];

	memset(line, 0, sizeof(*line));
	line->file = file;
	line->number = number;
	line->level = load->level;
	line->control = line->module = "";
	stack->truncated = stack->truncated || stack->line_count == PAM_STACK_LINES_MAX;
	return line;
}

/* PAM fails in its place, and goes on or not as the control says. */
static void pam_break_line(struct pam_line *line, const char *fault)
{
	line->kind = PAM_LINE_BROKEN;
	line->fault = fault;
}

/* `rest` is what stands behind the control; NULL: it does not matter. */
static void pam_add_broken(struct pam_load *load, const char *file, int number, const char *control, char *rest, const char *fault)
{
	struct pam_line *line = pam_add_line(load, file, number);
	const char *module = rest == NULL ? NULL : pam_word(&rest);

	(void)pam_control_read(control == NULL ? "" : control, line->actions);
	line->module = module == NULL ? "" : module;
	pam_break_line(line, fault);
}

static void pam_read_arguments(struct pam_load *load, struct pam_line *line, char *rest)
{
	char *word;

	while ((word = pam_word(&rest)) != NULL) {
		if (line->argument_count == PAM_STACK_ARGUMENTS_MAX) {
			load->stack->truncated = true;
			return;
		}
		line->arguments[line->argument_count++] = word;
	}
}

static void pam_read_module(struct pam_load *load, const char *file, int number, char *control, char *rest)
{
	struct pam_line *line = pam_add_line(load, file, number);
	const char *fault = pam_control_read(control == NULL ? "" : control, line->actions);
	const char *module = pam_word(&rest);

	line->control = control == NULL ? "" : control;
	if (control == NULL || module == NULL) {
		pam_break_line(line, control == NULL ? "it has no control" : "it names no module");
		return;
	}
	line->module = module;
	if (line->fault == NULL)
		line->fault = fault;
	pam_read_arguments(load, line, rest);
}

/* A line of another file's; `substack` with its marker before it. */
static void pam_read_include(struct pam_load *load, const char *file, int number, bool substack, char *rest)
{
	const char *name = pam_word(&rest);
	const char *fault;

	if (substack)
		pam_add_line(load, file, number)->kind = PAM_LINE_SUBSTACK;
	load->level += substack;
	load->depth++;
	fault = name == NULL ? "it names no file" : pam_load_file(load, name);
	load->depth--;
	load->level -= substack;
	if (fault != NULL)
		pam_add_broken(load, file, number, "required", NULL, fault);
}

static bool pam_is_type(const char *word)
{
	return strcasecmp(word, "auth") == 0 || strcasecmp(word, "account") == 0 || strcasecmp(word, "session") == 0 ||
	       strcasecmp(word, "password") == 0;
}

/* Writes blanks over carriage returns; whether there were any. */
static bool pam_is_from_windows(char *text)
{
	bool found = false;

	for (; (text = strchr(text, '\r')) != NULL; found = true)
		*text = ' ';
	return found;
}

static void pam_read_type(struct pam_load *load, const char *file, int number, char *text)
{
	bool windows = pam_is_from_windows(text);
	char *rest = text;
	char *type = pam_word(&rest);
	bool wanted = type != NULL && strcasecmp(type + (*type == '-'), load->type) == 0;
	char *control;

	if (type == NULL || (!wanted && pam_is_type(type + (*type == '-'))))
		return;
	if (!windows && strcasecmp(type, "@include") == 0) {
		pam_read_include(load, file, number, false, rest);
		return;
	}
	control = pam_word(&rest);
	if (windows)
		pam_add_broken(load, file, number, "required", rest, "it has a carriage return: the file is from Windows");
	else if (!wanted)
		pam_add_broken(load, file, number, control, rest, "its type is none of auth, account, password, session");
	else if (control != NULL && (strcasecmp(control, "include") == 0 || strcasecmp(control, "substack") == 0))
		pam_read_include(load, file, number, strcasecmp(control, "substack") == 0, rest);
	else
		pam_read_module(load, file, number, control, rest);
}

/* --- files ---------------------------------------------------------------------------------------------------------------------- */

static bool pam_is_unsafe(const struct stat *st)
{
	return (st->st_uid != 0 && st->st_uid != geteuid()) || (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/* The text is the caller's to free; NULL with a fault when it cannot be read. */
static char *pam_read_bytes(int fd, const struct stat *st, const char **ret_fault)
{
	size_t size = (size_t)st->st_size;
	char *text;
	ssize_t got;

	if (!S_ISREG(st->st_mode) || st->st_size > PAM_STACK_FILE_MAX) {
		*ret_fault = "the file is no regular one of at most 64 KiB";
		return NULL;
	}
	text = malloc(size + 1);
	if (text == NULL) {
		*ret_fault = "out of memory";
		return NULL;
	}
	got = read(fd, text, size);
	if (got < 0) {
		free(text);
		*ret_fault = "the file cannot be read";
		return NULL;
	}
	text[got] = '\0';
	return text;
}

/* Opens the file of that name in the first directory that has one, as PAM does; -1: there is none. */
static int pam_open_file(const struct pam_load *load, const char *name, char path[PAM_STACK_PATH_MAX])
{
	static const char *const none[] = { "", NULL };
	const char *const *directory = name[0] == '/' ? none : load->directories;

	for (; *directory != NULL; directory++) {
		int length = snprintf(path, PAM_STACK_PATH_MAX, "%s%s%s", *directory, name[0] == '/' ? "" : "/", name);
		int fd = length < PAM_STACK_PATH_MAX ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;

		if (fd >= 0)
			return fd;
	}
	return -1;
}

static bool pam_is_open(const struct pam_stack *stack, const char *path)
{
	for (size_t i = 0; i < stack->file_count; i++) {
		if (stack->files[i].open && strcmp(stack->files[i].path, path) == 0)
			return true;
	}
	return false;
}

static const char *pam_load_open(struct pam_load *load, int fd, const char *path)
{
	struct pam_stack_file *file = &load->stack->files[load->stack->file_count];
	struct pam_reader reader = { NULL, 0 };
	const char *fault = NULL;
	struct stat st;
	char *line;
	int number = 0;

	if (fstat(fd, &st) != 0)
		return "the file cannot be read";
	file->text = pam_read_bytes(fd, &st, &fault);
	if (file->text == NULL)
		return fault;
	load->stack->file_count++;
	(void)snprintf(file->path, sizeof(file->path), "%s", path);
	file->unsafe = pam_is_unsafe(&st);
	file->open = true;
	reader.next = file->text;
	while ((line = pam_read_line(&reader, &number)) != NULL)
		pam_read_type(load, file->path, number, line);
	file->open = false;
	return NULL;
}

/* Returns a fault, or NULL. */
static const char *pam_load_file(struct pam_load *load, const char *name)
{
	char path[PAM_STACK_PATH_MAX];
	const char *fault;
	int fd;

	if (load->depth >= PAM_STACK_DEPTH_MAX)
		return "files include each other more than 16 deep";
	if (load->stack->file_count == PAM_STACK_FILES_MAX) {
		load->stack->truncated = true;
		return NULL;
	}
	fd = pam_open_file(load, name, path);
	if (fd < 0)
		return "it includes a file that is not there";
	fault = pam_is_open(load->stack, path) ? "it includes a file that includes it" : pam_load_open(load, fd, path);
	(void)close(fd);
	return fault;
}

enum otp_err pam_stack_load_type(const char *const *directories, const char *service, const char *type, struct pam_stack *stack)
{
	struct pam_load load = { .stack = stack, .directories = directories, .type = type };
	const char *fault;

	memset(stack, 0, sizeof(*stack));
	fault = pam_load_file(&load, service);
	if (stack->line_count == 0) {
		const char *second = pam_load_file(&load, "other");

		stack->other = true;
		if (fault != NULL && second != NULL)
			return OTP_ERR_CONFIG_OPEN;
	}
	return OTP_OK;
}

enum otp_err pam_stack_load(const char *const *directories, const char *service, struct pam_stack *stack)
{
	return pam_stack_load_type(directories, service, "auth", stack);
}

void pam_stack_done(struct pam_stack *stack)
{
	for (size_t i = 0; i < stack->file_count; i++)
		free(stack->files[i].text);
	memset(stack, 0, sizeof(*stack));
}
