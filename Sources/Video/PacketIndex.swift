import CLibAV

/// The packets of a stream in decode order, and which frame each one gives: all of them, or a run that begins at a
/// keyframe.
///
/// Frame i is the i-th frame that a linear decode outputs. Where every shown packet has a time stamp of its own, that is
/// the i-th smallest pts, and frames are found by pts after a seek. Elsewhere (`isLinear`) only counting the output from
/// the start tells.
struct PacketIndex: Sendable, Equatable {
  /// Per packet, in decode order; `noPTS` where missing.
  private(set) var pts: [Int64] = []
  private(set) var isShown: [Bool] = []
  /// Decode orders of the keyframes, ascending.
  private(set) var keyframes: [Int] = []
  /// Frames can only be found by counting from the start.
  private(set) var isLinear = false
  /// Frames of the whole stream.
  private(set) var frameCount = 0
  /// Known time stamps of shown packets, ascending.
  private(set) var sortedPTS: [Int64] = []
  /// Decode order of each frame here, by pts; empty if `isLinear`.
  private(set) var orders: [Int] = []
  /// Their frame numbers, ascending: 0..<`frameCount` of a whole stream.
  private(set) var numbers: [Int] = []

  /// Last pts − first pts in the stream's time base.
  var ptsSpan: Int64 {
    guard let first = sortedPTS.first, let last = sortedPTS.last else { return 0 }
    let (span, overflow) = last.subtractingReportingOverflow(first)
    return overflow ? 0 : span
  }

  /// Reads `demuxer` from where it is, which must be the start, to its end.
  ///
  /// - Parameter visit: sees each packet.
  /// - Throws: `.noFrames` if no packet is shown.
  init(
    scanning demuxer: Demuxer, budget: DecodeBudget, visit: (UnsafeMutablePointer<AVPacket>) -> Void = { _ in }
  ) throws(VideoError) {
    let codec = demuxer.stream.pointee.codecpar.pointee.codec_id
    let reorders = clibav_reorders(codec) != 0
    var isMonotonic = true
    while let packet = try demuxer.next(limit: budget.packets) {
      let flags = UInt32(bitPattern: packet.pointee.flags)
      let isHidden =
        flags & clibav_discard_flag() != 0 || (codec == AV_CODEC_ID_VP8 && clibav_is_hidden_vp8(packet) != 0)
      if let last = pts.last, packet.pointee.pts <= last { isMonotonic = false }
      if flags & clibav_key_flag() != 0 { keyframes.append(pts.count) }
      pts.append(packet.pointee.pts)
      isShown.append(!isHidden)
      visit(packet)
    }
    guard isShown.contains(true) else { throw VideoError(.noFrames, "\(demuxer.path): no frames in the video stream") }
    let noPTS = clibav_no_pts()
    arrange()
    let isDistinct = zip(sortedPTS, sortedPTS.dropFirst()).allSatisfy { $0 < $1 }
    isLinear =
      sortedPTS.count != frameCount || !isDistinct || pts.contains(noPTS) || keyframes.isEmpty
      || (!reorders && !isMonotonic)
    if isLinear { (orders, numbers) = ([], []) }
  }

  /// A run of packets that were indexed before.
  ///
  /// - Parameters:
  ///   - keyframes: their places in `pts`, ascending.
  ///   - numbers: of the shown packets by their pts, ascending and below `frameCount`.
  init?(pts: [Int64], isShown: [Bool], keyframes: [Int], numbers: [Int], frameCount: Int) {
    (self.pts, self.isShown, self.keyframes) = (pts, isShown, keyframes)
    arrange()
    self.frameCount = frameCount
    let isDistinct = zip(sortedPTS, sortedPTS.dropFirst()).allSatisfy { $0 < $1 }
    guard isDistinct, orders.count == sortedPTS.count, numbers.count == orders.count else { return nil }
    self.numbers = numbers
  }

  /// Whether pictures follow a keyframe in the file and precede it in time: open GOPs.
  var hasLeadingPictures: Bool {
    var (next, keyframePTS) = (0, Int64.min)
    for (order, pts) in pts.enumerated() {
      if next < keyframes.count && keyframes[next] == order { (next, keyframePTS) = (next + 1, pts) }
      if pts < keyframePTS { return true }
    }
    return false
  }

  /// Packets, in decode order, that a linear decode may drop: before the first keyframe in the file or in time, they lack
  /// what they refer to. The stream was cut there.
  var doubtfulOrders: [Int] {
    guard !isLinear, let first = keyframes.first else { return [] }
    return orders.filter { order in order < first || pts[order] < pts[first] }.sorted()
  }

  /// Takes packets that give no frame out of the count.
  mutating func hide(_ hidden: [Int]) {
    for order in hidden { isShown[order] = false }
    arrange()
  }

  /// Numbers the shown packets by their pts.
  private mutating func arrange() {
    let shown = pts.indices.filter { order in isShown[order] }
    frameCount = shown.count
    orders = shown.sorted { (pts[$0], $0) < (pts[$1], $1) }
    sortedPTS = orders.map { pts[$0] }.filter { $0 != clibav_no_pts() }
    numbers = Array(orders.indices)
  }

  /// Decode order of the packet that gives a frame; nil if that is not here.
  func order(of frame: Int) -> Int? {
    let place = numbers.partitioningIndex { $0 >= frame }
    return place < numbers.count && numbers[place] == frame ? orders[place] : nil
  }

  /// Number of the frame with exactly this pts.
  func frame(withPTS wanted: Int64) -> Int? {
    let place = sortedPTS.partitioningIndex { $0 >= wanted }
    return place < sortedPTS.count && sortedPTS[place] == wanted ? numbers[place] : nil
  }

  /// How many frames, from the first on, have a pts for which `holds`; it must hold up to some pts and not after it.
  func frameCount(where holds: (Int64) -> Bool) -> Int {
    sortedPTS.partitioningIndex { !holds($0) }
  }

  /// Decode order of the keyframe to start from for the packet at `order`: the last one at or before it in decode order
  /// that is not after it in time. (A picture that follows a keyframe in the file but precedes it in time may need what
  /// came before the keyframe: an open GOP.) 0 if there is none.
  func start(for order: Int) -> Int {
    var place = keyframePlace(atOrBefore: order)
    while place >= 0 && pts[keyframes[place]] > pts[order] { place -= 1 }
    return place >= 0 ? keyframes[place] : 0
  }

  /// The keyframe before the one at `order`, or 0.
  func start(before order: Int) -> Int {
    let place = keyframePlace(atOrBefore: order - 1)
    return place >= 0 ? keyframes[place] : 0
  }

  /// Index in `keyframes`, −1 if none.
  private func keyframePlace(atOrBefore order: Int) -> Int {
    keyframes.partitioningIndex { $0 > order } - 1
  }
}

extension Array {
  /// The first place whose element `holds`, which must hold for all after it too; `count` if there is none.
  fileprivate func partitioningIndex(where holds: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
