/// Edits an H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1).
enum H264Parameters {
  struct Failure: Error {}

  /// An mp4 file whose parameter set says that it has no video usability information: so it does not tell how many frames
  /// are reordered either. What follows that flag is then ignored as trailing data.
  static func withoutUsabilityInformation(_ file: [UInt8]) throws -> [UInt8] {
    let name = Array("avcC".utf8)
    guard let box = file.indices.first(where: { file[$0...].starts(with: name) }) else { throw Failure() }
    // avcC: version, profile, compatibility, level, NAL length, number of sets, length of the first; then its NAL header.
    var bits = Bits(bytes: file, position: (box + 4 + 6 + 2 + 1) * 8)
    let profile = bits.read(8)
    _ = bits.read(16)
    _ = bits.exponential()
    if profile >= 100 {
      guard bits.exponential() == 1 else { throw Failure() }  // 4:2:0
      _ = (bits.exponential(), bits.exponential(), bits.read(1))
      guard bits.read(1) == 0 else { throw Failure() }  // no scaling matrix
    }
    _ = bits.exponential()
    guard bits.exponential() == 0 else { throw Failure() }  // pic_order_cnt_type
    _ = (bits.exponential(), bits.exponential(), bits.read(1), bits.exponential(), bits.exponential())
    guard bits.read(1) == 1 else { throw Failure() }  // frames only
    _ = bits.read(1)
    if bits.read(1) == 1 { for _ in 0..<4 { _ = bits.exponential() } }  // cropping
    let flag = bits.position
    guard bits.read(1) == 1 else { throw Failure() }
    var result = file
    result[flag / 8] ^= 0x80 >> UInt8(flag % 8)
    return result
  }

  private struct Bits {
    let bytes: [UInt8]
    var position: Int

    mutating func read(_ count: Int) -> Int {
      var value = 0
      for _ in 0..<count {
        value = value << 1 | Int(bytes[position / 8] >> UInt8(7 - position % 8) & 1)
        position += 1
      }
      return value
    }

    /// An unsigned Exp-Golomb number.
    mutating func exponential() -> Int {
      var zeros = 0
      while read(1) == 0 { zeros += 1 }
      return (1 << zeros) - 1 + read(zeros)
    }
  }
}
