import CLibAV

/// Follows the reference pictures of an H.264 stream by its slice headers (ITU-T H.264, 7.3.3, 7.4.3).
///
/// Where all pictures have the frame number that follows, a decoder is in the same state whether it was given those that no
/// other refers to or not. Elsewhere it invents pictures to fill gaps, and which ones depends on what it was given: then
/// nothing may be left out. The decoder itself cannot say so of a picture that it skips.
struct FrameNumbers {
  /// Bytes of a length before each NAL unit; nil if start codes separate them.
  private let lengthSize: Int?
  /// Of each sequence parameter set.
  private var formats: [Int: Format] = [:]
  /// The sequence parameter set of each picture parameter set.
  private var sequences: [Int: Int] = [:]
  /// Frame number of the last reference picture; nil at the start.
  private var last: Int?

  private struct Format {
    var numberBits: Int
    var hasColourPlanes: Bool
  }

  /// Nil for other codecs.
  init?(_ parameters: UnsafePointer<AVCodecParameters>) {
    guard parameters.pointee.codec_id == AV_CODEC_ID_H264 else { return nil }
    let extradata = UnsafeRawBufferPointer(
      start: parameters.pointee.extradata, count: Int(max(parameters.pointee.extradata_size, 0)))
    guard extradata.count > 6, extradata[0] == 1 else {
      lengthSize = nil
      forEachUnit(extradata) { unit in _ = noteParameters(unit) }
      return
    }
    lengthSize = Int(extradata[4] & 3) + 1
    // ISO/IEC 14496-15, 5.3.3.1: the sequence parameter sets and then the picture parameter sets, each after its length.
    var place = 5
    for mask: UInt8 in [31, 255] where place < extradata.count {
      let count = Int(extradata[place] & mask)
      place += 1
      for _ in 0..<count where place + 2 <= extradata.count {
        let end = place + 2 + Int(extradata[place]) << 8 + Int(extradata[place + 1])
        guard end <= extradata.count else { return }
        _ = noteParameters(UnsafeRawBufferPointer(rebasing: extradata[place + 2..<end]))
        place = end
      }
    }
  }

  /// Takes the packets one after the other, from a keyframe on.
  ///
  /// - Returns: whether the packet is a picture with the frame number that follows.
  mutating func follow(_ packet: UnsafeMutablePointer<AVPacket>) -> Bool {
    let bytes = UnsafeRawBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size))
    var (number, isReference, isIDR): (Int?, Bool, Bool) = (nil, false, false)
    // New parameters beside the packet may change what its bits mean.
    var isSound = clibav_has_new_extradata(packet) == 0
    let isWhole = forEachUnit(bytes) { unit in
      let (kind, refers) = (unit[0] & 31, unit[0] & 0x60 != 0)
      switch kind {
      case 1, 5:
        let own = frameNumber(unit)
        // All slices of a picture say the same.
        if own == nil || (number != nil && (number != own || isReference != refers)) { isSound = false }
        (number, isReference, isIDR) = (own ?? 0, refers, kind == 5)
        if isIDR && (!refers || own != 0) { isSound = false }
      case 7, 8: if !noteParameters(unit) || !refers { isSound = false }
      case 6, 9...12: break
      default: if !refers { isSound = false }
      }
    }
    guard isWhole, isSound, let number else { return false }
    let follows = isIDR || last.map { number == ($0 + 1) & mask } ?? isReference
    if isReference { last = number }
    return follows
  }

  /// Of the frame numbers of the last slice.
  private var mask = 0

  private mutating func frameNumber(_ unit: UnsafeRawBufferPointer) -> Int? {
    var bits = UnitBits(unit)
    guard bits.golomb() != nil, bits.golomb() != nil, let parameters = bits.golomb(),
      let sequence = sequences[parameters],
      let format = formats[sequence], !format.hasColourPlanes || bits.read(2) != nil
    else { return nil }
    mask = 1 << format.numberBits - 1
    return bits.read(format.numberBits)
  }

  /// Keeps what a parameter set says of slice headers.
  ///
  /// - Returns: false if it cannot be read.
  private mutating func noteParameters(_ unit: UnsafeRawBufferPointer) -> Bool {
    var bits = UnitBits(unit)
    switch unit[0] & 31 {
    case 7:
      guard let profile = bits.read(8), bits.read(16) != nil, let id = bits.golomb(),
        let hasColourPlanes = bits.skipChroma(profile: profile), let number = bits.golomb(), number <= 12
      else { return false }
      formats[id] = Format(numberBits: number + 4, hasColourPlanes: hasColourPlanes)
      return true
    case 8:
      guard let id = bits.golomb(), let sequence = bits.golomb() else { return false }
      sequences[id] = sequence
      return true
    default: return true
    }
  }

  /// - Returns: false if the bytes are not cut into units to their end.
  @discardableResult private func forEachUnit(
    _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) -> Bool {
    var place = 0
    guard let lengthSize else {
      var start: Int?
      while let code = startCode(bytes, from: place) {
        if let start, start < code { body(UnsafeRawBufferPointer(rebasing: bytes[start..<code])) }
        (start, place) = (code + 3, code + 3)
      }
      if let start, start < bytes.count { body(UnsafeRawBufferPointer(rebasing: bytes[start...])) }
      return start != nil
    }
    while place + lengthSize < bytes.count {
      let length = bytes[place..<place + lengthSize].reduce(0) { $0 << 8 | Int($1) }
      place += lengthSize
      guard length > 0, length <= bytes.count - place else { return false }
      body(UnsafeRawBufferPointer(rebasing: bytes[place..<place + length]))
      place += length
    }
    return place == bytes.count
  }

  private func startCode(_ bytes: UnsafeRawBufferPointer, from place: Int) -> Int? {
    guard let base = bytes.baseAddress, place < bytes.count else { return nil }
    let code = clibav_start_code(base + place, bytes.count - place)
    return code < 0 ? nil : place + code
  }
}

/// The bits of a NAL unit behind its first byte, without the bytes that keep start codes out of it.
private struct UnitBits {
  private let bytes: UnsafeRawBufferPointer
  private var place = 1
  private var zeros = 0
  private var current: UInt8 = 0
  private var left = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private mutating func bit() -> Int? {
    if left == 0 {
      if zeros >= 2, place < bytes.count, bytes[place] == 3 { (place, zeros) = (place + 1, 0) }
      guard place < bytes.count else { return nil }
      current = bytes[place]
      zeros = current == 0 ? zeros + 1 : 0
      (place, left) = (place + 1, 8)
    }
    left -= 1
    return Int(current >> UInt8(left) & 1)
  }

  mutating func read(_ count: Int) -> Int? {
    var value = 0
    for _ in 0..<count {
      guard let bit = bit() else { return nil }
      value = value << 1 | bit
    }
    return value
  }

  /// An unsigned Exp-Golomb code (9.1).
  mutating func golomb() -> Int? {
    var count = 0
    while true {
      guard let bit = bit(), count < 32 else { return nil }
      if bit == 1 { break }
      count += 1
    }
    return read(count).map { $0 + 1 << count - 1 }
  }

  /// What high profiles say of chroma and scaling before the frame numbers (7.3.2.1.1).
  ///
  /// - Returns: whether colour planes are coded apart.
  mutating func skipChroma(profile: Int) -> Bool? {
    guard [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244].contains(profile) else { return false }
    guard let chroma = golomb() else { return nil }
    var hasPlanes = false
    if chroma == 3 {
      guard let flag = bit() else { return nil }
      hasPlanes = flag == 1
    }
    guard golomb() != nil, golomb() != nil, bit() != nil, let hasLists = bit() else { return nil }
    if hasLists == 1 {
      for list in 0..<(chroma == 3 ? 12 : 8) {
        guard let isPresent = bit(), isPresent == 0 || skipScalingList(list < 6 ? 16 : 64) else { return nil }
      }
    }
    return hasPlanes
  }

  private mutating func skipScalingList(_ count: Int) -> Bool {
    var (last, next) = (8, 8)
    for _ in 0..<count where next != 0 {
      guard let code = golomb() else { return false }
      let delta = code & 1 == 1 ? (code + 1) / 2 : -(code / 2)
      next = (last + delta + 256) & 255
      if next != 0 { last = next }
    }
    return true
  }
}
