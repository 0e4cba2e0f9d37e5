import CLibAV

// Decoding from the start, for files whose packets lack time stamps of their own: frames are counted.

extension VideoDecoder {
  func decodeFromStart(into collector: inout FrameCollector) throws(VideoError) {
    try reopen()
    opened.nextOrder = nil
    let codec = try Codec(demuxer)
    var count = LinearCount()
    while !count.isComplete(collector.wanted, delay: codec.delay), let packet = try nextPacket() {
      if UInt32(bitPattern: packet.pointee.flags) & clibav_corrupt_flag() != 0 { count.noteDamage() }
      if !codec.send(packet) { count.noteDamage() }
      try receive(codec, &count, into: &collector)
    }
    if !count.isComplete(collector.wanted, delay: codec.delay) {
      _ = codec.send(nil)
      try receive(codec, &count, into: &collector)
    }
    for (place, frame) in collector.wanted.enumerated() {
      // Once a packet has failed, how many frames it should have given is unknown, and with it every later number; and
      // a frame that was output shortly before may refer to the damaged one.
      if let damage = count.firstDamage, frame >= damage - codec.delay {
        throw VideoError(.corrupt, "\(path): frame \(frame), or one that it depends on, is damaged")
      }
      guard frame < count.output else {
        throw VideoError(
          .windowNotWhole, "\(path): frame \(frame) cannot be decoded; decoding gives \(count.output) frames")
      }
      collector.markArrived(place)
    }
  }

  private func receive(
    _ codec: Codec, _ count: inout LinearCount, into collector: inout FrameCollector
  ) throws(VideoError) {
    var failureCount = 0
    while true {
      switch codec.receive() {
      case .none: return
      case .failure:
        count.noteDamage()
        failureCount += 1
        if failureCount > 32 { return }
      case .frame(let frame):
        try account(for: frame)
        if clibav_frame_is_damaged(frame) != 0 { count.noteDamage() }
        if count.firstDamage == nil, let place = collector.place(of: count.output) {
          try collector.add(frame, for: place)
        }
        count.output += 1
      }
    }
  }
}

/// Progress of a linear decode.
private struct LinearCount {
  /// Frames output so far.
  var output = 0
  /// Frames output when the first damage was seen.
  private(set) var firstDamage: Int?

  mutating func noteDamage() {
    if firstDamage == nil { firstDamage = output }
  }

  /// Nothing that follows can change the wanted frames.
  func isComplete(_ wanted: [Int], delay: Int) -> Bool {
    firstDamage != nil || output > (wanted.last ?? 0) + delay
  }
}
