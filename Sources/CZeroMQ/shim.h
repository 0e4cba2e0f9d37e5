// libzmq, and the Linux calls that the Glibc module does not offer to Swift.
#pragma once

#include <malloc.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zmq.h>

// ETERM is computed from another macro; a function keeps its value out of Swift's macro importer.
static inline int sluice_zmq_eterm(void) { return ETERM; }

// A non-blocking event counter: the file descriptor, or -1.
static inline int sluice_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// Makes the descriptor readable. It fails only when the counter is full, and then it is readable already.
static inline void sluice_eventfd_signal(int descriptor) {
  uint64_t one = 1;
  ssize_t ignored = write(descriptor, &one, sizeof one);
  (void)ignored;
}

// Makes the descriptor unreadable again.
static inline void sluice_eventfd_clear(int descriptor) {
  uint64_t count;
  ssize_t ignored = read(descriptor, &count, sizeof count);
  (void)ignored;
}

// Copies bytes out of another process; the number of bytes, or -1. The declaration in uio.h is for _GNU_SOURCE only.
static inline ssize_t sluice_read_process(int process, uint64_t address, void *target, size_t count) {
  struct iovec to = {target, count};
  struct iovec from = {(void *)(uintptr_t)address, count};
  return syscall(SYS_process_vm_readv, process, &to, 1UL, &from, 1UL, 0UL);
}

// Names the calling thread; the kernel cuts it after 15 bytes.
static inline void sluice_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// Freed memory stays with the process, whichever thread asks for it next: one arena, nothing trimmed, and no mapping of its
// own for what is below 32 MiB, the most that glibc takes.
static inline void sluice_keep_freed_memory(void) {
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 0x7fffffff);
#endif
}
