/*
 * shim FILE PROGRAM [ARGUMENT...]
 *
 * Becomes PROGRAM, with the variables of FILE over its own: entries `NAME=value`, each with a NUL
 * behind it. PROGRAM is found as the engine finds it. A failure is one line on standard error, and
 * never a value; exit code 127 where there is no such program, 126 for everything else.
 */
#include "system.h"
#include "environment.h"

/* More than the kernel gives any program for its arguments and variables. */
enum { MOST_BYTES = 6 * 1024 * 1024 };
enum { LONGEST_PATH = 4096 };
enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

static size length_of(const char *text) {
  size length = 0;
  while (text[length] != 0) length++;
  return length;
}

static const char *reason_of(long error) {
  switch (-error) {
    case NOT_PERMITTED: return "operation not permitted";
    case NO_ENTRY: return "no such file or directory";
    case TOO_BIG: return "an argument or a variable is too long, or all of them together";
    case NOT_EXECUTABLE: return "exec format error";
    case NO_MEMORY: return "not enough memory";
    case NO_ACCESS: return "permission denied";
    case NO_DIRECTORY: return "not a directory";
    case IS_DIRECTORY: return "is a directory";
    case BUSY: return "it is being written";
    case NAME_TOO_LONG: return "file name too long";
    case LOOP: return "too many symbolic links";
    default: return "the kernel refuses it";
  }
}

/* Adds a text to a line, without what would end the line or speak to a terminal. */
static size add(char *line, size length, const char *text) {
  for (size at = 0; text[at] != 0 && at < LONGEST_PATH; at++) {
    unsigned char letter = (unsigned char)text[at];
    line[length++] = letter < ' ' || letter == 127 ? '?' : text[at];
  }
  return length;
}

/*
 * One line, in one call: lines of others do not come in between. Of a name that is longer than any
 * path only the beginning, so that there is room for the reason.
 */
static __attribute__((noreturn)) void fail(int code, const char *what, const char *which, const char *why) {
  static char line[LONGEST_PATH + 256];
  size length = add(line, 0, "dso: cannot ");
  length = add(line, length, what);
  length = add(line, length, " ");
  length = add(line, length, which);
  length = add(line, length, ": ");
  length = add(line, length, why);
  line[length++] = '\n';
  write_some(STANDARD_ERROR, line, length);
  leave(code);
}

static void *allocate_or_fail(size bytes, const char *file) {
  void *found = allocate(bytes);
  if (found == 0) fail(CANNOT_RUN, "read", file, reason_of(-NO_MEMORY));
  return found;
}

/*
 * All of it, in memory that goes with this program. What is no file, and has nothing yet, is not
 * waited for.
 */
static char *read_file(const char *path, size *length) {
  char *bytes = allocate_or_fail(MOST_BYTES + 1, path);
  long file = open_file(path, READ_ONLY | NO_WAIT | CLOSE_ON_EXEC);
  if (file < 0) fail(CANNOT_RUN, "read", path, reason_of(file));
  for (*length = 0; *length <= MOST_BYTES;) {
    long count = read_some((int)file, bytes + *length, MOST_BYTES + 1 - *length);
    if (count == -INTERRUPTED) continue;
    if (count < 0) fail(CANNOT_RUN, "read", path, reason_of(count));
    if (count == 0) break;
    *length += (size)count;
  }
  close_file((int)file);
  if (*length > MOST_BYTES) fail(CANNOT_RUN, "read", path, "it is too long");
  return bytes;
}

static char **environment_with(char **own, const char *path) {
  size length;
  char *bytes = read_file(path, &length);
  long entries = count_entries(bytes, length);
  // Nobody writes a file without any: a program that starts without its secrets would do harm.
  if (entries <= 0) fail(CANNOT_RUN, "read", path, "it is damaged");
  size before = 0;
  while (own[before] != 0) before++;
  size slots = table_size(entries);
  char **merged = allocate_or_fail((before + (size)entries + 1) * sizeof *merged, path);
  struct slot *table = allocate_or_fail(slots * sizeof *table, path);
  merge(merged, own, bytes, length, table, slots);
  return merged;
}

static int is_directory(const char *path) {
  long file = open_file(path, PATH_ONLY | DIRECTORY_ONLY | CLOSE_ON_EXEC);
  if (file < 0) return 0;
  close_file((int)file);
  return 1;
}

/* At least 0 where that path is a program that may be run, else why not. */
static long runnable(const char *path) {
  long error = may_execute(path);
  if (error < 0) return error;
  return is_directory(path) ? -IS_DIRECTORY : 0;
}

/* `directory/name`, an empty directory being this one; 0 where that is too long for a path. */
static int join(char *into, const char *directory, size length, const char *name) {
  size rest = length_of(name);
  if ((length == 0 ? 1 : length) + rest + 2 > LONGEST_PATH) return 0;
  if (length == 0) *into++ = '.';
  for (size at = 0; at < length; at++) *into++ = directory[at];
  *into++ = '/';
  for (size at = 0; at <= rest; at++) *into++ = name[at];
  return 1;
}

/*
 * Where the program is: a path as it stands, a name in the directories of PATH. As for the engine,
 * without a PATH, or with an empty one, there is none; and a first one that is found by a directory
 * which is not absolute is refused, since the working directory may be anybody's.
 */
static const char *find_program(const char *name, const char *search) {
  static char path[LONGEST_PATH];
  long error = -NO_ENTRY;
  for (const char *at = name; *at != 0; at++) {
    if (*at == '/') return name;
  }
  int is_searched = *name != 0 && search != 0 && *search != 0;
  for (const char *from = search; is_searched; from++) {
    size length = 0;
    while (from[length] != 0 && from[length] != ':') length++;
    long answer = join(path, from, length, name) ? runnable(path) : -NO_ENTRY;
    if (answer >= 0 && *path == '/') return path;
    if (answer >= 0) fail(CANNOT_RUN, "run", name, "PATH finds it relative to the working directory");
    if (answer == -NO_ACCESS) error = answer;
    from += length;
    if (*from == 0) break;
  }
  if (error == -NO_ACCESS) fail(CANNOT_RUN, "run", name, reason_of(error));
  fail(NOT_FOUND, "run", name, "there is no such program in PATH");
}

/* Called with the stack as the kernel gives it to a new program. */
__attribute__((noreturn, used)) void begin(long *stack) {
  long count = stack[0];
  char **arguments = (char **)(stack + 1);
  if (count < 3) fail(CANNOT_RUN, "run", "shim", "it wants a file and a program");
  char **environment = environment_with(arguments + count + 1, arguments[1]);
  const char *program = find_program(arguments[2], value_of(environment, "PATH"));
  long error = execute(program, arguments + 2, environment);
  int is_missing = error == -NO_ENTRY || error == -NO_DIRECTORY;
  fail(is_missing ? NOT_FOUND : CANNOT_RUN, "run", program, reason_of(error));
}
