// XXH3 64-bit hashes.
#pragma once

#include <xxhash.h>
