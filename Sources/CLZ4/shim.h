// LZ4 block compression.
#pragma once

#include <lz4.h>
