import CLibAV

// Decoding by pts after a seek, for files in which every frame has a time stamp of its own.

extension VideoDecoder {
  /// Packets decoded in one go, and the wanted frames they give.
  private struct Segment {
    /// Decode order of the keyframe.
    var start: Int
    /// Decode order of the last packet needed.
    var end: Int
    /// Places in the collector's `wanted`.
    var places: Range<Int>
  }

  /// A packet that could not be decoded soundly, and a place that was output.
  private struct Outcome {
    var damagedOrders: [Int] = []
    var outputPlaces: [Int] = []
    /// Whether a reference was missing and libav guessed.
    var hasGuessed = false
  }

  func decodeSegments(into collector: inout FrameCollector) throws(VideoError) {
    // Every wanted frame is in the index.
    let orders = collector.wanted.map { index.order(of: $0) ?? 0 }
    for segment in plan(orders) {
      work.isReadingThrough = false
      _ = try decode(segment, orders, from: segment.start, into: &collector)
      guard firstMissing(segment, collector) != nil else { continue }
      try decodeAgain(segment, orders, into: &collector)
      for place in segment.places {
        let frame = Segment(start: segment.start, end: orders[place], places: place..<place + 1)
        try decodeAgain(frame, orders, into: &collector)
      }
    }
  }

  /// Decodes what is missing of a segment once more, alone: a fresh file read without seeking, a fresh codec; that result
  /// counts. Then from one keyframe before, for streams whose keyframes need what precedes them: gradual refresh; and H.264
  /// with open GOPs, where pictures after a keyframe list references before it that they do not use, and libav marks them
  /// as damaged.
  ///
  /// - Throws: if a segment of one frame does not give it. So a frame that can be decoded by itself is found, whatever else is
  ///   wanted with it.
  private func decodeAgain(
    _ segment: Segment, _ orders: [Int], into collector: inout FrameCollector
  ) throws(VideoError) {
    var sawDamage = false
    let before = index.start(before: segment.start)
    for start in before < segment.start ? [segment.start, before] : [segment.start] {
      guard firstMissing(segment, collector) != nil else { return }
      try reopen()
      work.isReadingThrough = true
      if try decode(segment, orders, from: start, into: &collector) { sawDamage = true }
    }
    guard segment.places.count == 1, let place = firstMissing(segment, collector) else { return }
    let missing = collector.wanted[place]
    throw sawDamage
      ? VideoError(.corrupt, "\(path): frame \(missing), or one that it depends on, is damaged")
      : VideoError(.windowNotWhole, "\(path): frame \(missing) cannot be decoded; the file is damaged or cut")
  }

  /// Cuts the wanted frames into one run for each keyframe: what a run gives does not depend on what else is wanted.
  ///
  /// - Parameter orders: of the wanted frames' packets.
  private func plan(_ orders: [Int]) -> [Segment] {
    var segments: [Segment] = []
    for (place, order) in orders.enumerated() {
      let start = index.start(for: order)
      if let last = segments.last, start == last.start {
        segments[segments.count - 1].end = max(last.end, order)
        segments[segments.count - 1].places = last.places.lowerBound..<place + 1
      } else {
        segments.append(Segment(start: start, end: order, places: place..<place + 1))
      }
    }
    return segments
  }

  /// Place in the collector's `wanted`.
  private func firstMissing(_ segment: Segment, _ collector: borrowing FrameCollector) -> Int? {
    for place in segment.places where !collector.hasArrived[place] { return place }
    return nil
  }

  /// Decodes the packets `start...segment.end` and collects the frames that are sound.
  ///
  /// - Returns: whether anything was damaged.
  private func decode(
    _ segment: Segment, _ orders: [Int], from start: Int, into collector: inout FrameCollector
  ) throws(VideoError) -> Bool {
    var outcome = try decode(segment, orders, from: start, isSkipping: true, into: &collector)
    if outcome.hasGuessed {
      // What was guessed may depend on the pictures that were skipped, and so on what else is wanted.
      if work.isReadingThrough { try reopen() }
      outcome = try decode(segment, orders, from: start, isSkipping: false, into: &collector)
    }
    for place in outcome.outputPlaces {
      let own = orders[place]
      let first = start < segment.start ? start : index.start(for: own)
      // Pictures that precede the keyframe in time lead an open GOP; decoded from here they lack their references, and
      // nothing that is wanted refers to them.
      let isDamaged = outcome.damagedOrders.contains { damaged in
        (first...max(first, own)).contains(damaged) && index.pts[damaged] >= index.pts[first]
      }
      if !isDamaged { collector.markArrived(place) }
    }
    return !outcome.damagedOrders.isEmpty
  }

  /// Decodes the packets `start...segment.end`, without the frames that nothing refers to if `isSkipping`.
  private func decode(
    _ segment: Segment, _ orders: [Int], from start: Int, isSkipping: Bool, into collector: inout FrameCollector
  ) throws(VideoError) -> Outcome {
    // A codec of its own: a flushed one would still know the parameter sets of what came before.
    let codec = try Codec(demuxer)
    var numbers = isSkipping ? FrameNumbers(demuxer.stream.pointee.codecpar) : nil
    var outcome = Outcome()
    var order = start
    // All other frames are needed only for what refers to them.
    let wanted = Set(orders[segment.places])
    var packet = try read(packetAt: start)
    while let current = packet {
      codec.skipNonReference(isSkipping && !wanted.contains(order))
      if UInt32(bitPattern: current.pointee.flags) & clibav_corrupt_flag() != 0 { outcome.damagedOrders.append(order) }
      if !codec.send(current) { outcome.damagedOrders.append(order) }
      try receive(codec, order: order, &outcome, into: &collector)
      // What libav would guess after a picture that was skipped, only the packets tell.
      if numbers?.follow(current) == false { outcome.hasGuessed = true }
      // An open GOP's keyframe comes after a gap, and the pictures that lead it lack their references; nothing that is wanted
      // refers to those.
      if codec.takeGuessedReferences(), index.pts[order] > index.pts[start] { outcome.hasGuessed = true }
      order += 1
      guard order <= segment.end else { break }
      packet = try skip(to: order)
    }
    _ = codec.send(nil)
    try receive(codec, order: max(order - 1, start), &outcome, into: &collector)
    return outcome
  }

  private func receive(
    _ codec: Codec, order: Int, _ outcome: inout Outcome, into collector: inout FrameCollector
  ) throws(VideoError) {
    var failureCount = 0
    while true {
      switch codec.receive() {
      case .none: return
      case .failure:
        outcome.damagedOrders.append(order)
        failureCount += 1
        // A decoder that only fails would otherwise keep us for ever.
        if failureCount > 32 { return }
      case .frame(let frame):
        try account(for: frame)
        guard let number = index.frame(withPTS: frame.pointee.pts) else { continue }
        if clibav_frame_is_damaged(frame) != 0 {
          outcome.damagedOrders.append(index.order(of: number) ?? order)
        } else if let place = collector.place(of: number), !collector.hasArrived[place] {
          try collector.add(frame, for: place)
          outcome.outputPlaces.append(place)
        }
      }
    }
  }

  /// Goes to the packet at `order`: forwards if it is near, by a jump otherwise, and by reading from the start if the
  /// container's jump does not lead there.
  private func read(packetAt order: Int) throws(VideoError) -> UnsafeMutablePointer<AVPacket>? {
    let isNear = opened.nextOrder.map { $0 <= order && (order - $0 <= 64 || work.isReadingThrough) } ?? false
    if isNear, let packet = try skip(to: order) { return packet }
    if !isNear || !work.isReadingThrough {
      statistics.seeks += 1
      opened.nextOrder = nil
      if jump(toKeyframeAt: order), let packet = try find(packetAt: order) {
        opened.nextOrder = order + 1
        return packet
      }
    }
    try reopen()
    return try skip(to: order)
  }

  private func jump(toKeyframeAt order: Int) -> Bool {
    opened.table?.jump(demuxer, toKeyframeAt: order) ?? demuxer.seek(toPTS: index.pts[order])
  }

  /// Reads on from wherever a jump led until the packet at `order`; nil if the jump went too far or the file is read
  /// otherwise from there.
  private func find(packetAt order: Int) throws(VideoError) -> UnsafeMutablePointer<AVPacket>? {
    let wanted = index.pts[order]
    while let packet = try nextPacket() {
      let pts = packet.pointee.pts
      if pts == wanted { return opened.isIndexed(packet, at: order) ? packet : nil }
      let isKey = UInt32(bitPattern: packet.pointee.flags) & clibav_key_flag() != 0
      if isKey && pts != clibav_no_pts() && pts > wanted { return nil }
    }
    return nil
  }

  /// Reads on to the packet at `order`, checking each against the index; nil if they differ or the file ends.
  private func skip(to order: Int) throws(VideoError) -> UnsafeMutablePointer<AVPacket>? {
    while let current = opened.nextOrder, current <= order, let packet = try nextPacket() {
      guard opened.isIndexed(packet, at: current) else { break }
      opened.nextOrder = current + 1
      if current == order { return packet }
    }
    opened.nextOrder = nil
    return nil
  }
}
