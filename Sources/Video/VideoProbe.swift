import CLibAV

/// Reads what a file holds; decodes nothing unless the stream is cut at its start.
package enum VideoProbe {
  /// Demuxes the whole file once; any thread.
  package static func probe(path: String) throws(VideoError) -> VideoInfo {
    let opened = try open(path: path, budget: .standard)
    return try VideoInfo(demuxer: opened.demuxer, index: opened.index)
  }

  /// Opens a file and indexes its packets; the demuxer is then at the end.
  ///
  /// - Parameter visit: sees each packet.
  static func open(
    path: String, budget: DecodeBudget, visit: (UnsafeMutablePointer<AVPacket>) -> Void = { _ in }
  ) throws(VideoError) -> (demuxer: Demuxer, index: PacketIndex) {
    let demuxer = try Demuxer(path: path, bytes: budget.bytes)
    var index = try PacketIndex(scanning: demuxer, budget: budget, visit: visit)
    let doubtful = index.doubtfulOrders
    if let last = doubtful.last {
      let output = try outputPTS(path: path, packetCount: last + 1, budget: budget)
      index.hide(doubtful.filter { order in !output.contains(index.pts[order]) })
      guard index.frameCount > 0 else { throw VideoError(.noFrames, "\(path): no frame can be decoded") }
    }
    return (demuxer, index)
  }

  /// The time stamps of the frames that the first `packetCount` packets give.
  private static func outputPTS(
    path: String, packetCount: Int, budget: DecodeBudget
  ) throws(VideoError) -> Set<Int64> {
    let demuxer = try Demuxer(path: path, bytes: budget.bytes)
    let codec = try Codec(demuxer)
    var output: Set<Int64> = []
    func receive() {
      for _ in 0..<1024 {
        guard case .frame(let frame) = codec.receive() else { return }
        output.insert(frame.pointee.pts)
      }
    }
    for order in 0..<packetCount {
      guard order < budget.frames else {
        throw VideoError(.budgetExceeded, "\(path): no keyframe in the first \(order) packets")
      }
      guard let packet = try demuxer.next(limit: budget.packets) else { break }
      _ = codec.send(packet)
      receive()
    }
    _ = codec.send(nil)
    receive()
    return output
  }
}
