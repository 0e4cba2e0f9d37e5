internal import Foundation
internal import Tensors

extension Safetensors {
  /// Reads a file, its header checked whole before anything of the size it claims is allocated.
  ///
  /// - Returns: the tensors in the order of their bytes, and the header's metadata.
  /// - Throws: an error that names the file and the tensor.
  package static func read(
    _ path: String
  ) throws(NetworkError) -> (tensors: [Tensor], metadata: [String: String]) {
    let file = try SafetensorsFile(path)
    let header = try file.header()
    var tensors: [Tensor] = []
    for entry in header.entries {
      let buffer = AlignedBuffer(byteCount: entry.byteCount)
      try file.read(buffer.bytes, at: file.dataStart + entry.start)
      tensors.append(
        Tensor(name: entry.name, elementType: entry.elementType, dimensions: entry.dimensions, buffer: buffer))
    }
    return (tensors, header.metadata)
  }

  /// One tensor as the header describes it, checked.
  struct Entry {
    let name: String
    let elementType: ElementType
    let dimensions: [Int]
    /// First byte after the header.
    let start: Int
    let byteCount: Int
  }
}

/// An open safetensors file.
private final class SafetensorsFile {
  private let path: String
  private let descriptor: Int32
  private let byteCount: Int
  private(set) var dataStart = 0

  init(_ path: String) throws(NetworkError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw NetworkError(.invalidFile, "Cannot read \(path): \(String(cString: strerror(errno))).")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw NetworkError(.invalidFile, "Cannot read \(path): it is not a regular file.")
    }
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(NetworkError) {
    var done = 0
    while done < bytes.count {
      let count = pread(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30), off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw failure(count == 0 ? "it became shorter while it was read" : String(cString: strerror(errno)))
      }
      done += count
    }
  }

  func header() throws(NetworkError) -> (entries: [Safetensors.Entry], metadata: [String: String]) {
    guard byteCount >= 8 else { throw failure("it has \(byteCount) bytes, too few for a header") }
    var length: UInt64 = 0
    try withUnsafeMutableBytes(of: &length) { (bytes) throws(NetworkError) in try read(bytes, at: 0) }
    length = UInt64(littleEndian: length)
    guard length <= Safetensors.headerLimit, length <= byteCount - 8 else {
      throw failure("it has \(byteCount) bytes, and no header of the format at its start, or was cut")
    }
    dataStart = 8 + Int(length)
    let text = AlignedBuffer(byteCount: Int(length))
    defer { withExtendedLifetime(text) {} }
    try read(text.bytes, at: 8)
    let header: SafetensorsHeader
    do {
      header = try JSONDecoder().decode(SafetensorsHeader.self, from: Data(text.bytes))
    } catch {
      throw NetworkError(
        .invalidFile, "\(path) is not a valid safetensors file: its header is not the JSON it should be (\(error)).",
        underlying: error)
    }
    return (try entries(header), header.metadata)
  }

  private func entries(_ header: SafetensorsHeader) throws(NetworkError) -> [Safetensors.Entry] {
    var entries: [Safetensors.Entry] = []
    for (name, fields) in header.tensors.sorted(by: { $0.key < $1.key }) {
      guard let type = Safetensors.elementType(formatName: fields.dtype) else {
        throw failure("the tensor '\(name)' has elements of type \(fields.dtype); convert them to F32, F64, I64 or U8")
      }
      var count = type.byteCount
      for dimension in fields.shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        guard dimension >= 0, !overflow else { throw failure("the tensor '\(name)' has the shape \(fields.shape)") }
        count = product
      }
      let offsets = fields.offsets
      guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= byteCount - dataStart else {
        throw failure("the bytes \(offsets) of the tensor '\(name)' are not within the file's \(byteCount)")
      }
      guard offsets[1] - offsets[0] == count else {
        throw failure(
          "the tensor '\(name)' has \(offsets[1] - offsets[0]) bytes, its shape \(fields.shape) asks for \(count)")
      }
      entries.append(
        Safetensors.Entry(
          name: name, elementType: type, dimensions: fields.shape, start: offsets[0], byteCount: count))
    }
    entries.sort { ($0.start, $0.byteCount, $0.name) < ($1.start, $1.byteCount, $1.name) }
    // The format allows neither holes nor overlap; this also bounds what is allocated by the file's size.
    var end = 0
    for entry in entries {
      guard entry.start == end else {
        throw failure("the bytes of the tensor '\(entry.name)' do not follow the last's")
      }
      end += entry.byteCount
    }
    guard end == byteCount - dataStart else {
      throw failure("it has \(byteCount - dataStart) bytes of tensors, its header describes \(end)")
    }
    return entries
  }

  private func failure(_ reason: String) -> NetworkError {
    NetworkError(.invalidFile, "\(path) is not a valid safetensors file: \(reason).")
  }
}

/// The JSON header: an object with an entry a tensor, and `__metadata__`.
private struct SafetensorsHeader: Decodable {
  struct Fields: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  let tensors: [String: Fields]
  let metadata: [String: String]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    var tensors: [String: Fields] = [:]
    var metadata: [String: String] = [:]
    for key in container.allKeys {
      if key.stringValue == "__metadata__" {
        metadata = try container.decode([String: String].self, forKey: key)
      } else {
        tensors[key.stringValue] = try container.decode(Fields.self, forKey: key)
      }
    }
    self.tensors = tensors
    self.metadata = metadata
  }
}
