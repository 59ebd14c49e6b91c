/* The kernel without a C library: its calls, its numbers, and where a program begins. */
#ifndef DSO_SYSTEM_H
#define DSO_SYSTEM_H

typedef unsigned long size;

enum { READ_ONLY = 0, NO_WAIT = 04000, CLOSE_ON_EXEC = 02000000, PATH_ONLY = 010000000 };
enum { CURRENT_DIRECTORY = -100 };
enum { MAY_EXECUTE = 1, STANDARD_ERROR = 2 };
/* mmap: for reading and writing; private, anonymous, and without room set aside for what is not touched. */
enum { READ_WRITE = 3, PRIVATE_ANONYMOUS = 0x22, NO_RESERVE = 0x4000 };
enum { NOT_PERMITTED = 1, NO_ENTRY = 2, INTERRUPTED = 4, TOO_BIG = 7, NOT_EXECUTABLE = 8 };
enum { NO_MEMORY = 12, NO_ACCESS = 13, NO_DIRECTORY = 20, IS_DIRECTORY = 21, BUSY = 26 };
enum { NAME_TOO_LONG = 36, LOOP = 40 };

#if defined(__x86_64__)

enum { SYS_READ = 0, SYS_WRITE = 1, SYS_CLOSE = 3, SYS_MMAP = 9, SYS_EXECVE = 59, SYS_EXIT_GROUP = 231 };
enum { SYS_OPENAT = 257, SYS_FACCESSAT = 269 };
enum { DIRECTORY_ONLY = 0200000 };

static inline long call(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* The kernel leaves the count of arguments, the arguments and the environment on the stack. */
__asm__(".globl _start\n"
        "_start:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rsp, %rdi\n"
        "  and $-16, %rsp\n"
        "  call begin\n"
        "  hlt\n");

#elif defined(__aarch64__)

enum { SYS_FACCESSAT = 48, SYS_OPENAT = 56, SYS_CLOSE = 57, SYS_READ = 63, SYS_WRITE = 64 };
enum { SYS_EXIT_GROUP = 94, SYS_MMAP = 222, SYS_EXECVE = 221 };
enum { DIRECTORY_ONLY = 040000 };

static inline long call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

__asm__(".globl _start\n"
        "_start:\n"
        "  mov x29, #0\n"
        "  mov x30, #0\n"
        "  mov x0, sp\n"
        "  bl begin\n"
        "  brk #0\n");

#else
#error "only x86-64 and 64-bit ARM are known"
#endif

/* Each answers what the kernel does: at least 0, or an error's number below 0. */

static inline long open_file(const char *path, int flags) {
  return call(SYS_OPENAT, CURRENT_DIRECTORY, (long)path, flags, 0, 0, 0);
}

static inline long read_some(int file, char *into, size room) {
  return call(SYS_READ, file, (long)into, (long)room, 0, 0, 0);
}

static inline void write_some(int file, const char *text, size length) {
  call(SYS_WRITE, file, (long)text, (long)length, 0, 0, 0);
}

static inline void close_file(int file) { call(SYS_CLOSE, file, 0, 0, 0, 0, 0); }

static inline long may_execute(const char *path) {
  return call(SYS_FACCESSAT, CURRENT_DIRECTORY, (long)path, MAY_EXECUTE, 0, 0, 0);
}

static inline long execute(const char *path, char **arguments, char **environment) {
  return call(SYS_EXECVE, (long)path, (long)arguments, (long)environment, 0, 0, 0);
}

/* Zeroed memory of that many bytes; 0 where there is none. */
static inline void *allocate(size bytes) {
  long found = call(SYS_MMAP, 0, (long)bytes, READ_WRITE, PRIVATE_ANONYMOUS | NO_RESERVE, -1, 0);
  return found < 0 && found > -4096 ? 0 : (void *)found;
}

static inline __attribute__((noreturn)) void leave(int code) {
  for (;;) call(SYS_EXIT_GROUP, code, 0, 0, 0, 0, 0);
}

#endif
