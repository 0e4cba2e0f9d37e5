internal import Files
internal import Tensors

extension Safetensors {
  /// Writes a file at once or not at all: beside `path`, to the disk, then in its place.
  ///
  /// Tensors with larger elements come first, so that all are aligned; otherwise in the order given. The same input gives the
  /// same bytes.
  package static func write(
    _ tensors: [Tensor], metadata: [String: String], to path: String
  ) throws(NetworkError) {
    let ordered = tensors.enumerated()
      .sorted { (-$0.element.elementType.byteCount, $0.offset) < (-$1.element.elementType.byteCount, $1.offset) }
      .map(\.element)
    var names = Set<String>()
    for tensor in ordered {
      let count = tensor.dimensions.reduce(1, *)
      guard names.insert(tensor.name).inserted, tensor.name != "__metadata__",
        count * tensor.elementType.byteCount == tensor.buffer.byteCount
      else {
        throw NetworkError(
          .invalidInput,
          "Cannot write \(path): the tensor '\(tensor.name)' appears twice or its bytes do not fit its shape.")
      }
    }
    let header = header(ordered, metadata: metadata)
    do throws(FileError) {
      try OutputFile.replace(path) { (file) throws(FileError) in
        for buffer in [header] + ordered.map(\.buffer) {
          // The memory lives as long as its owner, which Swift may otherwise release before the last write.
          defer { withExtendedLifetime(buffer) {} }
          try file.append(UnsafeRawBufferPointer(buffer.bytes))
        }
      }
    } catch {
      throw NetworkError(.invalidFile, error.description, underlying: error)
    }
  }

  /// Length and JSON, padded with spaces to a multiple of 8 bytes.
  private static func header(_ tensors: [Tensor], metadata: [String: String]) -> AlignedBuffer {
    var entries: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.buffer.byteCount
      let shape = tensor.dimensions.map(String.init).joined(separator: ",")
      entries.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(formatName(tensor.elementType))\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    let buffer = AlignedBuffer(byteCount: 8 + json.count)
    buffer.bytes.storeBytes(of: UInt64(json.count).littleEndian, as: UInt64.self)
    UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[8...]).copyBytes(from: json)
    return buffer
  }

  /// A JSON string literal.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
