package import Tensors

/// The safetensors format: an 8-byte little-endian header length, a JSON header, the tensors' bytes
/// (https://huggingface.co/docs/safetensors).
package enum Safetensors {
  /// One named tensor, row-major and little-endian.
  package struct Tensor: Sendable {
    package let name: String
    package let elementType: ElementType
    package let dimensions: [Int]
    /// The elements: exactly the product of `dimensions` of them.
    package let buffer: AlignedBuffer

    package init(name: String, elementType: ElementType, dimensions: [Int], buffer: AlignedBuffer) {
      self.name = name
      self.elementType = elementType
      self.dimensions = dimensions
      self.buffer = buffer
    }
  }

  /// The largest header accepted, as in the reference implementation.
  static let headerLimit = 100_000_000

  /// The format's name of an element type.
  static func formatName(_ type: ElementType) -> String {
    switch type {
    case .uint8: "U8"
    case .float32: "F32"
    case .float64: "F64"
    case .int64: "I64"
    case .bfloat16: "BF16"
    }
  }

  /// The element type of a name of the format, if it is one that files are read in; bfloat16 is for the way only.
  static func elementType(formatName: String) -> ElementType? {
    ElementType.allCases.first { $0 != .bfloat16 && Self.formatName($0) == formatName }
  }
}
