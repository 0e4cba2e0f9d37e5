internal import Foundation
internal import Glibc

/// The members of a tar file, by their headers alone: POSIX ustar and pax, and GNU's long names and large sizes.
///
/// Members stay where they are: a video is read from its byte range. Compressed shards have no such ranges.
package struct TarShard: Sendable {
  /// A regular file in the shard.
  package struct Member: Equatable, Sendable {
    package let name: String
    /// Where its bytes are in the shard.
    package let bytes: Range<Int>
  }

  private static let block = 512
  /// Names and pax records are never longer; a header that claims more is damaged.
  private static let longestExtension = 1 << 20

  package let path: String
  /// The whole ones up to the damage, if there is any.
  package private(set) var members: [Member] = []
  /// Where the shard is cut or is no tar file, and what to do; nil for a whole one.
  package private(set) var damage: String?

  /// Reads the headers, and nothing of the members but names and pax records.
  ///
  /// - Throws: `.manifest` naming a shard that cannot be read.
  package init(path: String) throws(CorpusError) {
    self.path = path
    let file = try Self.open(path)
    do throws(CorpusError) {
      try readHeaders(file)
    } catch {
      guard error.code == .damaged else { throw error }
      damage = error.message
    }
  }

  private mutating func readHeaders(_ file: FileHandle) throws(CorpusError) {
    guard let end = (try? file.seekToEnd()).map({ Int($0) }) else {
      throw CorpusError(.manifest, "\(path): the shard cannot be read: it is no regular file")
    }
    var offset = 0
    var extended = Extensions()
    while let header = try Header(at: offset, of: file, path) {
      offset += Self.block
      let size = header.isExtension ? header.size : extended.size ?? header.size
      guard size <= end - offset else {
        throw CorpusError(
          .damaged, "\(path): the shard is cut: at byte \(offset) a member of \(size) bytes begins; fetch it again")
      }
      if header.isExtension {
        guard size <= Self.longestExtension else {
          throw CorpusError(.damaged, "\(path): a name of \(size) bytes at byte \(offset); the shard is damaged")
        }
        extended.add(header.kind, try Self.read(file, at: offset, count: size, path))
      } else {
        let name = extended.name ?? header.name
        if header.isFile { members.append(Member(name: name, bytes: offset..<offset + size)) }
        extended = Extensions()
      }
      offset += (size + Self.block - 1) / Self.block * Self.block
    }
  }

  /// The bytes of a member.
  package func read(_ member: Member) throws(CorpusError) -> [UInt8] {
    try Self.read(try Self.open(path), at: member.bytes.lowerBound, count: member.bytes.count, path)
  }

  private static func open(_ path: String) throws(CorpusError) -> FileHandle {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CorpusError(.manifest, "\(path): the shard cannot be read: \(String(cString: strerror(errno)))")
    }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// - Returns: fewer bytes where the file ends.
  private static func read(
    _ file: FileHandle, at offset: Int, count: Int, _ path: String
  ) throws(CorpusError) -> [UInt8] {
    do {
      try file.seek(toOffset: UInt64(offset))
      return Array(try file.read(upToCount: count) ?? Data())
    } catch {
      throw CorpusError(.manifest, "\(path): the shard cannot be read at byte \(offset)", underlying: error)
    }
  }
}

extension TarShard {
  /// What headers before a member's own say of it.
  private struct Extensions {
    var name: String?
    var size: Int?

    mutating func add(_ kind: UInt8, _ bytes: [UInt8]) {
      switch kind {
      case UInt8(ascii: "L"): name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      case UInt8(ascii: "x"): addRecords(bytes)
      default: break  // a long link name, or defaults for all members, which hold no name or size of one
      }
    }

    /// pax: records of "length key=value\n".
    private mutating func addRecords(_ bytes: [UInt8]) {
      var rest = bytes[...]
      while let space = rest.firstIndex(of: UInt8(ascii: " ")),
        let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex,
        length <= rest.count
      {
        let record = rest[(space + 1)..<(rest.startIndex + length)].dropLast()
        if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
          let value = String(decoding: record[(equals + 1)...], as: UTF8.self)
          switch String(decoding: record[..<equals], as: UTF8.self) {
          case "path": name = value
          case "size": size = Int(value).flatMap { $0 >= 0 ? $0 : nil }
          default: break
          }
        }
        rest = rest[(rest.startIndex + length)...]
      }
    }
  }

  /// One block of 512 bytes.
  private struct Header {
    let name: String
    let size: Int
    let kind: UInt8

    /// It says something of the member after it.
    var isExtension: Bool { "LKxg".utf8.contains(kind) }
    var isFile: Bool { kind == UInt8(ascii: "0") || kind == 0 || kind == UInt8(ascii: "7") }

    /// - Returns: nil at the end: the file's own, or a block of zeros.
    init?(at offset: Int, of file: FileHandle, _ path: String) throws(CorpusError) {
      let bytes = try TarShard.read(file, at: offset, count: TarShard.block, path)
      if bytes.allSatisfy({ $0 == 0 }) { return nil }
      let isWhole = bytes.count == TarShard.block
      guard isWhole, Self.number(bytes[148..<156]) == Self.checksum(bytes), let size = Self.number(bytes[124..<136])
      else {
        throw CorpusError(
          .damaged,
          "\(path): no tar header at byte \(offset): it is damaged, or compressed; shards are plain tar files")
      }
      func text(_ range: Range<Int>) -> String { String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self) }
      let isPOSIX = Array(bytes[257..<263]) == Array("ustar\0".utf8)
      let prefix = isPOSIX ? text(345..<500) : ""
      name = prefix.isEmpty ? text(0..<100) : "\(prefix)/\(text(0..<100))"
      self.size = size
      kind = bytes[156]
    }

    /// Octal digits, or GNU's big-endian binary with the first bit set.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
      if field.first! & 0x80 != 0 {
        let high = field.dropLast(8)
        guard high.first == 0x80, high.dropFirst().allSatisfy({ $0 == 0 }) else { return nil }
        return Int(exactly: field.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      }
      let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
      return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8).flatMap { $0 >= 0 ? $0 : nil }
    }

    /// The sum of the bytes with the checksum's own taken for spaces.
    private static func checksum(_ bytes: [UInt8]) -> Int {
      bytes.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element)) }
    }
  }
}
