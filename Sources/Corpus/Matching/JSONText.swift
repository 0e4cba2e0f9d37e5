/// The inside of JSON's strings (RFC 8259).
enum JSONText {
  /// Appends a text without its escapes, in UTF-8 if it is.
  ///
  /// - Returns: false if there is an escape that stands for no character, such as half of a surrogate pair; it becomes U+FFFD.
  static func unescape(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) -> Bool {
    var (place, isGood) = (0, true)
    while place < text.count {
      guard text[place] == UInt8(ascii: "\\") else {
        bytes.append(text[place])
        place += 1
        continue
      }
      let scalar = scalar(text, at: &place)
      if scalar == nil { isGood = false }
      bytes.append(contentsOf: UTF8.encode(scalar ?? "\u{FFFD}")!)
    }
    return isGood
  }

  /// What the escape at `place` stands for, which is moved behind it.
  private static func scalar(_ text: UnsafeBufferPointer<UInt8>, at place: inout Int) -> Unicode.Scalar? {
    let kind = place + 1 < text.count ? text[place + 1] : 0
    guard kind == UInt8(ascii: "u") else {
      place = min(place + 2, text.count)
      switch kind {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      default: return nil
      }
    }
    guard let unit = unit(text, at: place) else {
      place += 2
      return nil
    }
    place += 6
    guard UTF16.isLeadSurrogate(unit), let trail = Self.unit(text, at: place), UTF16.isTrailSurrogate(trail) else {
      return Unicode.Scalar(unit)
    }
    place += 6
    return Unicode.Scalar(0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(trail & 0x3FF)))
  }

  /// The number of an escape of four hexadecimal digits; nil if none is at `place`.
  private static func unit(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> UInt16? {
    guard place + 6 <= text.count, text[place] == UInt8(ascii: "\\"), text[place + 1] == UInt8(ascii: "u") else {
      return nil
    }
    var unit: UInt16 = 0
    for byte in text[place + 2..<place + 6] {
      switch byte {
      case 0x30...0x39: unit = unit << 4 | UInt16(byte - 0x30)
      case 0x41...0x46, 0x61...0x66: unit = unit << 4 | UInt16((byte | 0x20) - 0x61 + 10)
      default: return nil
      }
    }
    return unit
  }
}
