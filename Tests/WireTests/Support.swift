import Tensors
import Wire

/// SplitMix64: the same sequence everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The code of the error that `body` throws; `nil` when it does not.
func code(of body: () throws(WireError) -> Void) -> WireError.Code? {
  do throws(WireError) {
    try body()
    return nil
  } catch {
    // Every error gives its reason.
    return error.message.isEmpty ? nil : error.code
  }
}

/// A buffer of bytes that LZ4 shrinks (runs with some noise) or does not.
func makeBuffer(byteCount: Int, isCompressible: Bool, seed: UInt64 = 1) -> AlignedBuffer {
  var generator = SeededGenerator(seed: seed)
  let buffer = AlignedBuffer(byteCount: byteCount)
  for index in 0..<byteCount {
    let random = UInt8(truncatingIfNeeded: generator.next())
    buffer.bytes[index] = isCompressible && random < 250 ? UInt8(truncatingIfNeeded: index / 64) : random
  }
  return buffer
}

extension Array where Element == UInt8 {
  init(_ buffer: AlignedBuffer) { self.init(UnsafeRawBufferPointer(buffer.bytes)) }
}

func encoded(_ value: some WireCodable) -> [UInt8] {
  var writer = ByteWriter()
  value.encode(to: &writer)
  return writer.bytes
}

func decoded<Value: WireCodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(WireError) -> Value {
  var reader = ByteReader(bytes)
  let value = try reader.read(type)
  try reader.finish()
  return value
}
