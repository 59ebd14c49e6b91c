/*
 * fuzz SEED ROUNDS
 *
 * Gives environment.h pseudo-random variables and files, and compares with what a slow and simple
 * reading of its promise says. A hosted program for the tests, built with sanitizers: every input
 * lies in memory of exactly its size, so that one byte too many is found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long size;

#include "environment.h"

enum { MOST_OWN = 12, MOST_ENTRIES = 40, LONGEST_TEXT = 12, MOST_BYTES = 2048 };

struct text {
  char *bytes;
  size length;
};

static unsigned long state;
static unsigned long met_valid, met_damaged;

static unsigned long below(unsigned long limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 11) % limit;
}

static void complain(const char *what) {
  printf("differs: %s\n", what);
  exit(1);
}

static void *exactly(const void *from, size length) {
  char *copy = malloc(length == 0 ? 1 : length);
  if (copy == 0) exit(2);
  memcpy(copy, from, length);
  return copy;
}

/* Few letters, so that names meet each other and each other's beginnings. */
static size random_text(char *into, const char *letters) {
  size length = below(4) == 0 ? below(LONGEST_TEXT) : below(3);
  for (size at = 0; at < length; at++) {
    into[at] = below(20) == 0 ? (char)(1 + below(255)) : letters[below(strlen(letters))];
  }
  return length;
}

/* Mostly `NAME=value`, now and then without a name or `=`, as another program may have made it. */
static size random_entry(char *into) {
  size length = random_text(into, "AB.-_\n");
  if (below(30) != 0) into[length++] = '=';
  return length + random_text(into + length, "AB= '\n\xff");
}

static char **random_own(void) {
  size count = below(MOST_OWN);
  char **own = malloc((count + 1) * sizeof *own);
  if (own == 0) exit(2);
  for (size at = 0; at < count; at++) {
    char entry[2 * LONGEST_TEXT + 2];
    size length = random_entry(entry);
    entry[length++] = 0;
    own[at] = exactly(entry, length);
  }
  own[count] = 0;
  return own;
}

static struct text random_file(void) {
  char bytes[MOST_BYTES];
  size length = 0;
  size entries = below(MOST_ENTRIES);
  for (size at = 0; at < entries; at++) {
    // An entry that must be right, but for a few: else hardly any file would be.
    if (below(60) != 0) bytes[length++] = "ABC"[below(3)];
    length += random_entry(bytes + length);
    if (memchr(bytes, '=', length) == 0) bytes[length++] = '=';
    bytes[length++] = 0;
  }
  if (below(10) == 0 && length > 0) length = below(length);
  if (below(20) == 0 && length > 0) bytes[below(length)] = (char)below(256);
  return (struct text){exactly(bytes, length), length};
}

/* The reference: -1 where the file is damaged. */
static long plain_count(struct text file) {
  long count = 0;
  char *from = file.bytes;
  char *end = file.bytes + file.length;
  while (from < end) {
    char *stop = memchr(from, 0, (size)(end - from));
    if (stop == 0 || *from == '=' || strchr(from, '=') == 0) return -1;
    from = stop + 1;
    count++;
  }
  return count;
}

static int plain_same(const char *one, const char *other) {
  size length = strcspn(one, "=");
  return length == strcspn(other, "=") && memcmp(one, other, length) == 0;
}

/* The last entry of that name; 0 where there is none. */
static char *plain_find(struct text file, const char *name) {
  char *found = 0;
  for (char *from = file.bytes; from < file.bytes + file.length; from += strlen(from) + 1) {
    if (plain_same(from, name)) found = from;
  }
  return found;
}

static int has(char **list, size count, const char *entry) {
  for (size at = 0; at < count; at++) {
    if (list[at] == entry) return 1;
  }
  return 0;
}

static size plain_merge(char **into, char **own, struct text file) {
  size count = 0;
  for (; *own != 0; own++) {
    char *over = plain_find(file, *own);
    if (over == 0) into[count++] = *own;
    else if (!has(into, count, over)) into[count++] = over;
  }
  for (char *from = file.bytes; from < file.bytes + file.length; from += strlen(from) + 1) {
    char *last = plain_find(file, from);
    if (!has(into, count, last)) into[count++] = last;
  }
  return count;
}

static void compare_values(char **merged) {
  static const char *names[] = {"A", "B", "AB", ".", "A.", "PATH", "-"};
  for (size at = 0; at < sizeof names / sizeof *names; at++) {
    const char *expected = 0;
    for (char **entry = merged; *entry != 0 && expected == 0; entry++) {
      if (plain_same(*entry, names[at]) && strchr(*entry, '=')) expected = strchr(*entry, '=') + 1;
    }
    if (value_of(merged, names[at]) != expected) complain("the value of a variable");
  }
}

static void compare_merged(char **own, struct text file, long entries) {
  size before = 0;
  while (own[before] != 0) before++;
  size slots = table_size(entries);
  if ((slots & (slots - 1)) != 0 || slots < (size)entries * 2) complain("the size of the table");
  struct slot *table = calloc(slots, sizeof *table);
  char **merged = malloc((before + (size)entries + 1) * sizeof *merged);
  char *expected[MOST_OWN + MOST_BYTES];
  if (table == 0 || merged == 0) exit(2);
  merge(merged, own, file.bytes, file.length, table, slots);
  size count = plain_merge(expected, own, file);
  for (size at = 0; at < count; at++) {
    if (merged[at] != expected[at]) complain("an entry");
  }
  if (merged[count] != 0) complain("the end");
  compare_values(merged);
  free(table);
  free(merged);
}

static void round_of(void) {
  struct text file = random_file();
  char **own = random_own();
  long entries = count_entries(file.bytes, file.length);
  if (entries != plain_count(file)) complain("the count of entries");
  if (entries >= 0) {
    compare_merged(own, file, entries);
    met_valid++;
  } else {
    met_damaged++;
  }
  for (char **entry = own; *entry != 0; entry++) free(*entry);
  free(own);
  free(file.bytes);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  state = strtoul(arguments[1], 0, 10) * 2654435761UL + 1;
  for (unsigned long left = strtoul(arguments[2], 0, 10); left > 0; left--) round_of();
  printf("%lu merged, %lu damaged\n", met_valid, met_damaged);
  return 0;
}
