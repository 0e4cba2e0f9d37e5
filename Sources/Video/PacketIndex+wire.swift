import Wire

// Packets as bytes, about one for each: time stamps as differences in their common unit, the rest as runs.

extension PacketIndex {
  /// Time stamps further from 0 than this are not kept.
  static let ptsLimit: Int64 = 1 << 60

  func encode(to writer: inout ByteWriter) {
    let first = pts.first ?? 0
    var unit: UInt64 = 0
    for (pts, next) in zip(pts, pts.dropFirst()) { unit = PacketIndex.divisor(unit, (next - pts).magnitude) }
    let step = Int64(max(unit, 1))
    writer.write(varint: UInt64(pts.count))
    writer.write(zigzag: first)
    writer.write(varint: UInt64(step))
    for (pts, next) in zip(pts, pts.dropFirst()) { writer.write(zigzag: (next - pts) / step) }
    PacketIndex.write(keyframes, to: &writer)
    PacketIndex.write(isShown.indices.filter { !isShown[$0] }, to: &writer)
    // Frame numbers: where each run of consecutive ones begins among the shown packets, and with which number.
    let starts = numbers.indices.filter { $0 == 0 || numbers[$0] != numbers[$0 - 1] + 1 }
    PacketIndex.write(starts, to: &writer)
    PacketIndex.write(starts.map { numbers[$0] }, to: &writer)
  }

  /// - Parameter frameCount: of the whole stream.
  init(from reader: inout ByteReader, frameCount: Int) throws(WireError) {
    let count = try PacketIndex.count(&reader)
    let (first, step) = (try reader.readZigzag(), try reader.readVarint())
    guard count > 0, first.magnitude <= PacketIndex.ptsLimit, (1...UInt64(PacketIndex.ptsLimit)).contains(step) else {
      throw WireError(.value, "no packets are like this")
    }
    var pts = [first]
    pts.reserveCapacity(count)
    for place in 1..<max(count, 1) {
      let (difference, overflow) = try reader.readZigzag().multipliedReportingOverflow(by: Int64(step))
      let (next, overflows) = pts[place - 1].addingReportingOverflow(difference)
      guard !overflow, !overflows, next.magnitude <= PacketIndex.ptsLimit else {
        throw WireError(.value, "a time stamp is out of range")
      }
      pts.append(next)
    }
    let keyframes = try PacketIndex.ascending(&reader, below: count)
    var isShown = [Bool](repeating: true, count: count)
    let hidden = try PacketIndex.ascending(&reader, below: count)
    for order in hidden { isShown[order] = false }
    let starts = try PacketIndex.ascending(&reader, below: count - hidden.count)
    let firsts = try PacketIndex.ascending(&reader, below: frameCount)
    guard starts.first == 0, starts.count == firsts.count else { throw WireError(.value, "frames without numbers") }
    var numbers: [Int] = []
    for (run, start) in starts.enumerated() {
      let length = (run + 1 < starts.count ? starts[run + 1] : count - hidden.count) - start
      let end = run + 1 < firsts.count ? firsts[run + 1] : frameCount
      guard length <= end - firsts[run] else { throw WireError(.value, "a frame has two numbers") }
      numbers += firsts[run]..<firsts[run] + length
    }
    guard
      let index = PacketIndex(
        pts: pts, isShown: isShown, keyframes: keyframes, numbers: numbers, frameCount: frameCount)
    else { throw WireError(.value, "two frames have the same time stamp") }
    self = index
  }

  /// Ascending numbers, each as its distance from the one after the last.
  private static func write(_ numbers: [Int], to writer: inout ByteWriter) {
    writer.write(varint: UInt64(numbers.count))
    var next = 0
    for number in numbers {
      writer.write(varint: UInt64(number - next))
      next = number + 1
    }
  }

  private static func ascending(_ reader: inout ByteReader, below limit: Int) throws(WireError) -> [Int] {
    var numbers: [Int] = []
    var next = 0
    for _ in 0..<(try count(&reader)) {
      let gap = try reader.readVarint()
      guard next < limit, gap < UInt64(limit - next) else { throw WireError(.value, "a number is out of range") }
      numbers.append(next + Int(gap))
      next += Int(gap) + 1
    }
    return numbers
  }

  /// A number of elements of at least one byte each.
  private static func count(_ reader: inout ByteReader) throws(WireError) -> Int {
    let count = try reader.readVarint()
    guard count <= UInt64(reader.remaining) else { throw WireError(.short, "\(count) elements announced") }
    return Int(count)
  }

  /// The greatest common divisor.
  private static func divisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var (left, right) = (left, right)
    while right != 0 { (left, right) = (right, left % right) }
    return left
  }
}
