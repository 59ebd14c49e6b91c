/* The environment that the program gets: its own, and over it what the file says. Pure. */
#ifndef DSO_ENVIRONMENT_H
#define DSO_ENVIRONMENT_H

/* One for each slot of a table: the entry and whether it has taken the place of one of the same name. */
struct slot {
  char *entry;
  int used;
};

/* How long the name is that stands before the first `=`. */
static size name_length(const char *entry) {
  size length = 0;
  while (entry[length] != 0 && entry[length] != '=') length++;
  return length;
}

static int same_name(const char *one, const char *other, size length) {
  for (size at = 0; at < length; at++) {
    if (one[at] != other[at]) return 0;
  }
  return other[length] == '=' || other[length] == 0;
}

/*
 * How many entries `NAME=value`, each with a NUL behind it, these bytes are; -1 where they are
 * anything else: an entry without a name or `=`, or a last one that is cut off.
 */
static long count_entries(const char *bytes, size length) {
  long count = 0;
  if (length > 0 && bytes[length - 1] != 0) return -1;
  for (size at = 0; at < length; count++) {
    size name = name_length(bytes + at);
    if (name == 0 || bytes[at + name] != '=') return -1;
    while (bytes[at] != 0) at++;
    at++;
  }
  return count;
}

/* A power of two, so that half of the table stays empty and every search ends. */
static size table_size(long entries) {
  size slots = 4;
  while (slots < (size)entries * 2) slots *= 2;
  return slots;
}

/* The slot of that name, or the empty one where it would be. */
static struct slot *find_slot(struct slot *table, size slots, const char *name, size length) {
  unsigned long hash = 1469598103934665603UL;
  for (size at = 0; at < length; at++) hash = (hash ^ (unsigned char)name[at]) * 1099511628211UL;
  size at = (hash ^ (hash >> 32)) & (slots - 1);
  while (table[at].entry != 0 && !same_name(name, table[at].entry, length)) at = (at + 1) & (slots - 1);
  return &table[at];
}

/*
 * Fills `merged` (room for both and a final 0) with the entries of `own`, each replaced where the
 * bytes have one of its name, and then with the others of the bytes in their order. Of several of one
 * name the last counts. `bytes` are `count_entries` entries; `table` is zeroed, of `table_size` slots.
 */
static void merge(char **merged, char **own, char *bytes, size length, struct slot *table, size slots) {
  for (size at = 0; at < length; at++) {
    find_slot(table, slots, bytes + at, name_length(bytes + at))->entry = bytes + at;
    while (bytes[at] != 0) at++;
  }
  for (; *own != 0; own++) {
    struct slot *found = find_slot(table, slots, *own, name_length(*own));
    if (found->entry == 0) *merged++ = *own;
    else if (!found->used) *merged++ = found->entry;
    if (found->entry != 0) found->used = 1;
  }
  for (size at = 0; at < length; at++) {
    struct slot *found = find_slot(table, slots, bytes + at, name_length(bytes + at));
    if (!found->used) *merged++ = found->entry;
    found->used = 1;
    while (bytes[at] != 0) at++;
  }
  *merged = 0;
}

/* The value of a variable; 0 where there is none. */
static const char *value_of(char **environment, const char *name) {
  size length = name_length(name);
  for (; *environment != 0; environment++) {
    if (same_name(name, *environment, length) && (*environment)[length] == '=') {
      return *environment + length + 1;
    }
  }
  return 0;
}

#endif
