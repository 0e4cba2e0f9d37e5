// libFuzzer, which comes with the compiler: `-sanitize=fuzzer` links it.
#ifndef SLUICE_CLIBFUZZER_SHIM_H
#define SLUICE_CLIBFUZZER_SHIM_H

#include <stddef.h>
#include <stdint.h>

/// Runs the fuzzer with the arguments of a command line; does not return before its end.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*target)(const uint8_t *data, size_t count));

#endif
