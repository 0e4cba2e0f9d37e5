/// The type of a tensor's elements, as written on the wire and in safetensors files.
package enum ElementType: UInt8, Sendable, CaseIterable {
  case uint8 = 1
  case float32 = 2
  case float64 = 3
  case int64 = 4
  /// The upper half of a float32.
  case bfloat16 = 5

  /// Size of one element in bytes.
  package var byteCount: Int {
    switch self {
    case .uint8: 1
    case .bfloat16: 2
    case .float32: 4
    case .float64, .int64: 8
    }
  }
}
