// What the Glibc module does not offer to Swift of posix_spawn: its declaration is for _GNU_SOURCE only.
#pragma once

#include <spawn.h>

// Closes every file from this one on in the child, at its start; an error number, or 0. glibc has it since 2.34.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int file);
