/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on stderr: `<N>` priority prefix when stderr is not a terminal (the
 * convention of sd-daemon(3)), the role, the event name, then key=value. Libraries return
 * errors; processes log them, once. Never prompt text, answers or keys, at any level.
 */
#ifndef HITHER_COMMON_LOG_H
#define HITHER_COMMON_LOG_H

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* `role` must be a literal. Default level INFO, text. */
void log_setup(const char *role, enum log_level max_level, enum log_format format);

void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_notice(event, ...)  log_event(LOG_LEVEL_NOTICE, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
